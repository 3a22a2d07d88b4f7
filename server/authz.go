package server

import (
	"fmt"

	"github.com/donjon-httpd/donjon/directives"
)

// AuthzResult is what one Require decides (authz_status).
type AuthzResult uint8

const (
	AuthzDenied AuthzResult = iota
	AuthzGranted
	AuthzNeutral
	AuthzError        // something failed and was logged: 500
	AuthzDeniedNoUser // a user might change the answer
)

func (a AuthzResult) String() string {
	return [...]string{"denied", "granted", "neutral", "general error", "denied (no authenticated user yet)"}[a]
}

// AuthzProvider is a kind of Require: its name and how its arguments become a check.
type AuthzProvider struct {
	Name  string
	Parse func(cmd *directives.Cmd, args string) (AuthzCheck, error)
}

// AuthzCheck decides for a request.
type AuthzCheck func(*Request) AuthzResult

// AuthTypeName is the AuthType that holds for r, or "" for none (ap_auth_type).
func (r *Request) AuthTypeName() string {
	if r.Gen.authType == nil {
		return ""
	}
	return r.Gen.authType(r)
}

// Satisfy says how access by address (Allow, Deny) and by user (Require) are combined.
type Satisfy uint8

const (
	SatisfyUnset Satisfy = iota
	SatisfyAll
	SatisfyAny
)

// Satisfies is what holds for r (ap_satisfies).
func (r *Request) Satisfies() Satisfy {
	if r.Gen.satisfy == nil {
		return SatisfyUnset
	}
	return r.Gen.satisfy(r)
}

// CompileRequire reads the arguments of a Require, which may hold %{variables}.
func CompileRequire(cmd *directives.Cmd, args string) (*Expr, error) {
	e, err := CompileExprFor(cmd, args, ExprString)
	if err != nil {
		return nil, fmt.Errorf("Cannot parse expression in require line: %w", err)
	}
	return e, nil
}

// authzDefined are the kinds of Require that the configuration made, by name.
// They belong to the main server.
var authzDefined = directives.NewServerSlot(func(base, _ map[string]*AuthzProvider) map[string]*AuthzProvider { return base })

// AddAuthz registers a kind of Require made by the configuration.
func AddAuthz(cmd *directives.Cmd, p *AuthzProvider) {
	v := cmd.Server
	if v.Main != nil {
		v = v.Main
	}
	m := authzDefined.EditServer(v)
	if *m == nil {
		*m = map[string]*AuthzProvider{}
	}
	(*m)[p.Name] = p
}

// FindAuthz finds a kind of Require that the configuration or an active module
// made, nil for none, while directives are compiled.
func FindAuthz(cmd *directives.Cmd, name string) *AuthzProvider {
	v := cmd.Server
	if v.Main != nil {
		v = v.Main
	}
	if p := (*authzDefined.Of(v))[name]; p != nil {
		return p
	}
	for _, m := range ActiveModules(cmd) {
		for i := range m.Authz {
			if m.Authz[i].Name == name {
				return &m.Authz[i]
			}
		}
	}
	return nil
}

// SomeAuthRequired tells whether any Require holds for r, one that lets everybody in too
// (ap_some_auth_required).
func (r *Request) SomeAuthRequired() bool {
	for _, m := range r.Gen.Modules {
		if m.RequiresAuthz != nil && m.RequiresAuthz(r) {
			return true
		}
	}
	return false
}
