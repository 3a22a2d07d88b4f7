// Package proxy_fcgi has FastCGI applications answer (mod_proxy_fcgi): PHP-FPM
// above all.
package proxy_fcgi

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// Module is proxy_fcgi_module.
var Module = server.Module{
	Name: "proxy_fcgi_module",
	Directives: directives.Table{
		{Name: "ProxyFCGIBackendType", In: directives.FileInfo, Usage: "Specify the type of FastCGI server: 'Generic', 'FPM'",
			Set: slot.Take1(setBackend)},
		{Name: "ProxyFCGISetEnvIf", In: directives.FileInfo, Usage: "expr-condition env-name expr-value", Set: slot.Take23(addEnvIf)},
		{Name: "ProxyFCGIPaths", In: directives.InServer | directives.InDir, Usage: "Limited to 'real' or 'jail'",
			Details: "Whose names of files applications are told: real ones as they are outside of the jail, or those inside, for an application " +
				"that is locked into the same directory (chroot= of a PHP-FPM pool). Without the directive they are real with ChrootFixRoot On.",
			Set: slot.Take1(setPaths)},
	},
	ProxyScheme: &server.ProxyScheme{Canon: canon, Serve: serve},
}

var (
	slot = directives.NewDirSlot(func(base, add config) config {
		return config{generic: add.generic.Or(base.generic), fixups: directives.Append(base.fixups, add.fixups), paths: add.paths.Or(base.paths)}
	})
	elog = server.NewLog("proxy_fcgi")
)

type config struct {
	generic directives.Opt[bool] // ProxyFCGIBackendType Generic; PHP-FPM's ways are not needed
	fixups  []fixup
	paths   directives.Opt[bool] // ProxyFCGIPaths: true for real
}

// fixup is a ProxyFCGISetEnvIf.
type fixup struct {
	condition *server.Expr
	name      string
	value     *server.Expr // nil to remove the variable
}

func setBackend(c *config, _ *directives.Cmd, a string) error {
	switch {
	case strings.EqualFold(a, "GENERIC"):
		c.generic = directives.Given(true)
	case strings.EqualFold(a, "FPM"):
		c.generic = directives.Given(false)
	default:
		return errors.New("ProxyFCGIBackendType requires one of the following arguments: 'GENERIC', 'FPM'")
	}
	return nil
}

func setPaths(c *config, cmd *directives.Cmd, a string) error {
	i := slices.Index([]string{"jail", "real"}, strings.ToLower(a))
	if i < 0 {
		return fmt.Errorf("%s must be 'real' or 'jail'", cmd.Name)
	}
	c.paths = directives.Given(i == 1)
	return nil
}

func addEnvIf(c *config, cmd *directives.Cmd, condition, name, value string) error {
	f := fixup{name: name}
	var err error
	if f.condition, err = server.CompileExprFor(cmd, condition, 0); err != nil {
		return fmt.Errorf("Could not parse expression \"%s\": %w", condition, err)
	}
	if strings.HasPrefix(name, "!") {
		if name == "!" {
			return errors.New("ProxyFCGISetEnvIf: \"!\" is not a valid variable name")
		}
		if value != "" {
			return fmt.Errorf("Third argument (\"%s\") is not allowed when using ProxyFCGISetEnvIf's unset mode (%s)", value, name)
		}
	} else if f.value, err = server.CompileExprFor(cmd, value, server.ExprString); err != nil {
		return fmt.Errorf("Could not parse expression \"%s\": %w", value, err)
	}
	c.fixups = append(slices.Clip(c.fixups), f)
	return nil
}

const defaultPort = 8000

// canon writes a URL in its canonical form, and finds PATH_INFO where
// proxy-fcgi-pathinfo asks for it (proxy_fcgi_canon).
func canon(r *server.Request, url string) server.Status {
	if len(url) < 5 || !strings.EqualFold(url[:5], "fcgi:") {
		return server.Declined
	}
	elog.Trace(1, r).Msgf("canonicalising URL %s", url[5:])
	_, _, host, port, path, problem := server.ProxyNetloc(url[5:], false)
	if problem != "" {
		elog.Error(r).Msgf("AH01059: error parsing URL %s: %s", url[5:], problem)
		return 400
	}
	handler := r.Notes.Has("proxy-sethandler")
	if handler || r.Notes.Has("proxy-nocanon") || r.Notes.Has("proxy-noencode") {
		if i := strings.IndexFunc(path, func(c rune) bool { return c < ' ' || c == 0x7f || c == ' ' && !handler }); i >= 0 {
			more := " or spaces"
			if handler {
				more = ""
			}
			elog.Error(r).Msgf("AH10414: To be forwarded path contains control characters%s (%s)", more, path)
			return 403
		}
	} else {
		d := server.CoreDir.Of(r.Dir)
		var ok bool
		if path, ok = server.ProxyEncode(path, server.ProxyPath, r.Forward, d.AllowEncodedSlashes && !d.DecodeEncodedSlashes); !ok {
			return 400
		}
	}
	r.Filename = "proxy:fcgi://" + server.ProxyHostPort(host, port, defaultPort) + "/" + path
	elog.Debug(r).Msgf("AH01060: set r->filename to %s", r.Filename)
	kind, ok := r.Env.Lookup("proxy-fcgi-pathinfo")
	if !ok {
		return server.OK
	}
	dot := -1
	switch strings.ToLower(kind) {
	case "full":
		// Apache looks along the URL-path as if it began at the root of the file
		// system, and finds nothing that another URL would not say (observed on 2.4.71).
	case "first-dot":
		dot = strings.IndexByte(path, '.')
	case "last-dot":
		dot = strings.LastIndexByte(path, '.')
	default:
		r.PathInfo = "/" + path
	}
	if dot >= 0 {
		if slash := strings.IndexByte(path[dot:], '/'); slash >= 0 {
			r.PathInfo = path[dot+slash:]
		}
	}
	elog.Debug(r).Msgf("AH01061: set r->path_info to %s", r.PathInfo)
	return server.OK
}
