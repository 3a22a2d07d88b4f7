package lua

import (
	lua "github.com/yuin/gopher-lua"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/httpdconf"
	"github.com/donjon-httpd/donjon/server"
)

// authzHack is the directive that LuaAuthzProvider becomes when it was read. Apache runs it
// while the text is read, wherever it stands, so that a Require ahead of it knows the
// name too.
const authzHack = "Lua_____AuthzProvider"

func readAuthz(r *httpdconf.Reader, n *httpdconf.Node) error {
	made := *n
	made.Name = authzHack
	r.Keep(&made)
	return nil
}

// addAuthz makes a kind of Require that a script decides (LuaAuthzProvider).
func addAuthz(_ *config, cmd *directives.Cmd, name, file, function string) error {
	server.AddAuthz(cmd, &server.AuthzProvider{Name: name, Parse: func(cmd *directives.Cmd, args string) (server.AuthzCheck, error) {
		p := &authzScript{name, inJail(cmd, file), function} // now it is known where the jail is
		var words []lua.LValue
		for args != "" {
			var word string
			if word, args = httpdconf.Getword(args); word == "" {
				break
			}
			words = append(words, lua.LString(word))
		}
		return func(r *server.Request) server.AuthzResult { return p.check(r, words) }, nil
	}})
	return nil
}

type authzScript struct{ name, file, function string }

// check is lua_authz_check.
func (p *authzScript) check(r *server.Request, words []lua.LValue) server.AuthzResult {
	r.Unrepeatable()
	s := newSpec(r, rooted(r, p.file), p.function, "authz provider")
	v, release, err := openVM(s)
	if err != nil {
		elog.Error(r).Msgf("AH02314: Unable to compile VM for authz provider %s", p.name)
		return server.AuthzError
	}
	defer release()
	f := v.function(p.function)
	if f == nil {
		elog.Crit(r).Msgf("AH02319: Unable to find entry function '%s' in %s (not a valid function)", p.function, p.file)
		return server.AuthzError
	}
	result, err := v.call(r, f, 1, append([]lua.LValue{newRequest(v, r, nil)}, words...)...)
	if err != nil {
		elog.Error(r).Msgf("AH02316: Error executing authz provider %s: %s", p.name, message(err))
		return server.AuthzError
	}
	n, ok := number(result)
	if !ok {
		elog.Error(r).Msgf("AH02317: Error: authz provider %s did not return integer", p.name)
		return server.AuthzError
	}
	if n < 0 || n > server.Status(server.AuthzDeniedNoUser) {
		elog.Error(r).Msgf("AH02318: Error: authz provider %s: invalid return value %d", p.name, int(n))
		return server.AuthzError
	}
	return server.AuthzResult(n)
}
