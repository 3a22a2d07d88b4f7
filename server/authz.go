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
