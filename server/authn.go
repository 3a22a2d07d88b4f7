package server

import (
	"fmt"
	"strings"

	"github.com/donjon-httpd/donjon/directives"
)

// AuthnResult is what a provider of users knows (authn_status).
type AuthnResult uint8

const (
	AuthnDenied AuthnResult = iota // the password is wrong
	AuthnGranted
	AuthnUserFound // and its hash was given
	AuthnUserNotFound
	AuthnError // something failed and was logged: 500
)

// AuthnProvider knows users and their passwords: what AuthBasicProvider and
// AuthDigestProvider name. A function that it does not have is nil.
type AuthnProvider struct {
	Name          string
	CheckPassword func(r *Request, user, password string) AuthnResult
	// RealmHash gives the MD5 of "user:realm:password" in lower case hex, with AuthnUserFound.
	RealmHash func(r *Request, user, realm string) (hash string, result AuthnResult)
}

// DefaultAuthn is the provider that is asked where none is named.
const DefaultAuthn = "file"

// authnAliases are the providers that the configuration made, by name. They
// belong to the main server.
var authnAliases = directives.NewServerSlot(func(base, _ map[string]*AuthnProvider) map[string]*AuthnProvider { return base })

// AddAuthn registers a provider made by the configuration (ap_register_auth_provider).
func AddAuthn(cmd *directives.Cmd, p *AuthnProvider) {
	m := authnAliases.Edit(cmd)
	if *m == nil {
		*m = map[string]*AuthnProvider{}
	}
	(*m)[p.Name] = p
}

// FindAuthn finds a provider by name, nil for none, while directives are compiled.
func FindAuthn(cmd *directives.Cmd, name string) *AuthnProvider {
	return findAuthn(ActiveModules(cmd), cmd.Server, name)
}

func findAuthn(active []*Module, v *directives.Server, name string) *AuthnProvider {
	if v.Main != nil {
		v = v.Main
	}
	if p := (*authnAliases.Of(v))[name]; p != nil {
		return p
	}
	for _, m := range active {
		for i := range m.Authn {
			if m.Authn[i].Name == name {
				return &m.Authn[i]
			}
		}
	}
	return nil
}

// ErrUnknownAuthn is Apache's refusal of the name of a provider, with a hint
// which module brings it.
func ErrUnknownAuthn(name string) error {
	err := fmt.Errorf("Unknown Authn provider: %s", name)
	switch name {
	case "file", "dbm", "dbd", "anon", "socache":
		return &directives.Hinted{Err: err, Hint: fmt.Sprintf("LoadModule authn_%s_module modules/mod_authn_%s.so brings it", name, name)}
	case "ldap":
		return &directives.Hinted{Err: err, Hint: "LoadModule authnz_ldap_module modules/mod_authnz_ldap.so brings it"}
	}
	return err
}

// DefaultAuthnProvider is the provider to ask where none is named; nil when no
// module brings it.
func (r *Request) DefaultAuthnProvider() *AuthnProvider {
	return findAuthn(r.Gen.Modules, r.Server, DefaultAuthn)
}

// AuthName is the realm that holds for r with its quotes escaped, and whether
// there is one (ap_auth_name).
func (r *Request) AuthName() (string, bool) {
	if r.Gen.authName == nil {
		return "", false
	}
	return r.Gen.authName(r)
}

// NoteAuthFailure asks the client for a user again; the module of the AuthType
// says how (ap_note_auth_failure).
func (r *Request) NoteAuthFailure() {
	t := r.AuthTypeName()
	if t == "" {
		corelog.Error(r).Msgf("AH00571: need AuthType to note auth failure: %s", r.URI)
		return
	}
	for _, m := range r.Gen.Modules {
		if m.NoteAuthFailure != nil && m.NoteAuthFailure(r, t) {
			return
		}
	}
}

// CacheAuthn offers what a provider found out to a cache of users, if a module
// is one: the stored hash of user, and in which realm (nil for a password).
func (r *Request) CacheAuthn(provider, user string, realm *string, hash string) {
	for _, m := range r.Gen.Modules {
		if m.CacheAuthn != nil {
			m.CacheAuthn(r, provider, user, realm, hash)
		}
	}
}

// FileGroup is the group that owns the request's file; false when no module
// tells, or when it failed and said why in the log.
func (r *Request) FileGroup() (string, bool) {
	for _, m := range r.Gen.Modules {
		if m.FileGroup != nil {
			return m.FileGroup(r)
		}
	}
	return "", false
}

// EscapeQuotes puts a backslash before each quote that has none (ap_escape_quotes).
func EscapeQuotes(s string) string {
	if !strings.Contains(s, `"`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s):
			b.WriteByte(s[i])
			i++
		case s[i] == '"':
			b.WriteByte('\\')
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// AuthorizationField is the name of the field by which a client says who it is:
// to a server, or to a forward proxy (RFC 9110, sections 11.6 and 11.7).
func (r *Request) AuthorizationField() string {
	if r.Forward {
		return "Proxy-Authorization"
	}
	return "Authorization"
}

// ChallengeField is the name of the field that asks for that.
func (r *Request) ChallengeField() string {
	if r.Forward {
		return "Proxy-Authenticate"
	}
	return "WWW-Authenticate"
}

// AuthInfoField is the name of the field that answers it.
func (r *Request) AuthInfoField() string {
	if r.Forward {
		return "Proxy-Authentication-Info"
	}
	return "Authentication-Info"
}
