package proxy_fcgi

import (
	"strings"

	"github.com/donjon-httpd/donjon/httpdconf/expr"
	"github.com/donjon-httpd/donjon/server"
	"github.com/donjon-httpd/donjon/server/fcgi"
)

// environment tells r.Env what the application is told (send_environment).
func (x *exchange) environment() error {
	r, c := x.r, x.conf
	generic := c.generic.Else(false)
	if rest, ok := strings.CutPrefix(r.Filename, "proxy:balancer://"); ok {
		r.Filename = behindHost(rest)
	} else if rest, ok := strings.CutPrefix(r.Filename, "proxy:fcgi://"); ok && generic {
		if i := strings.LastIndexByte(rest, '?'); i >= 0 && r.Args != "" && rest[i+1:] == r.Args {
			rest = rest[:i]
		}
		r.Filename = behindHost(rest)
	}
	r.AddCommonVars()
	r.AddCGIVars()
	if c.paths.Else(r.Gen.Jail.Fix()) && r.Gen.Jail.Jailed() {
		x.realPaths()
	}
	return x.fixups()
}

// behindHost is the path of a URL without its scheme.
func behindHost(s string) string {
	if i := strings.IndexByte(s, '/'); i >= 0 {
		return s[i:]
	}
	return ""
}

// realPaths says what files are called outside of the jail, where the
// application is. The path of a URL was written for it and stays; one that came
// of a request's file (SetHandler) is the jail's.
func (x *exchange) realPaths() {
	r := x.r
	r.ProxyRealPaths()
	if !r.Notes.Has("proxy-sethandler") {
		return
	}
	v := r.Env.Get("SCRIPT_FILENAME")
	prefix := ""
	if rest, ok := strings.CutPrefix(v, "proxy:fcgi://"); ok {
		v = behindHost(rest)
		prefix = "proxy:fcgi://" + rest[:len(rest)-len(v)]
	}
	r.Env.Set("SCRIPT_FILENAME", prefix+r.Gen.Jail.Outside(v))
}

// fixups is ProxyFCGISetEnvIf (fix_cgivars).
func (x *exchange) fixups() error {
	r := x.r
	for _, f := range x.conf.fixups {
		var caps expr.Captures
		ok, err := f.condition.Match(r, &caps)
		if err != nil {
			elog.Error(r).Msgf("AH10241: fix_cgivars: Condition eval returned %d: %s", -1, err)
			return err
		}
		switch {
		case !ok:
		case f.value == nil:
			r.Env.Unset(f.name[1:])
		default:
			v, err := f.value.EvalWith(r, &caps)
			if err != nil {
				elog.Error(r).Msgf("AH03514: Error evaluating expression for replacement of %s: '%s'", f.name, err)
				return err
			}
			elog.Trace(4, r).Msgf("fix_cgivars: override %s from '%s' to '%s'", f.name, r.Env.Get(f.name), v)
			r.Env.Set(f.name, v)
		}
	}
	return nil
}

// appendParams writes r.Env as FastCGI parameters.
func (x *exchange) appendParams(b []byte) []byte {
	p := fcgi.BeginParams(b)
	trace := elog.Enabled(server.LevelTrace8, x.r)
	for _, f := range x.r.Env.All() {
		if trace {
			elog.Trace(8, x.r).Msgf("AH01062: sending env var '%s' value '%s'", f.Name, f.Value)
		}
		if !p.Add(f.Name, f.Value) {
			elog.Warn(x.r).Msgf("AH02536: couldn't encode envvar '%s' in %d bytes", f.Name, fcgi.MaxContent)
		}
	}
	return p.End()
}
