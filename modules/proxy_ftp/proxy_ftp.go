// Package proxy_ftp asks FTP servers for files and directories
// (mod_proxy_ftp): ftp:// URLs of a forward proxy, of ProxyPass and of
// RewriteRule [P]. Only GET and HEAD are served; directories become pages.
package proxy_ftp

import (
	"strings"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// Module is proxy_ftp_module.
var Module = server.Module{
	Name: "proxy_ftp_module",
	Directives: directives.Table{
		{Name: "ProxyFtpListOnWildcard", In: directives.InServer | directives.InDir,
			Usage: "Whether wildcard characters in a path cause mod_proxy_ftp to list the files instead of trying to get them. Defaults to on.",
			Set:   slot.Flag(func(c *config, on bool) { c.list = directives.Given(on) })},
		{Name: "ProxyFtpEscapeWildcards", In: directives.InServer | directives.InDir,
			Usage: "Whether the proxy should escape wildcards in paths before sending them to the FTP server.  Defaults to on, but most FTP servers will " +
				"need it turned off if you need to manage paths that contain wildcard characters.",
			Set: slot.Flag(func(c *config, on bool) { c.escape = directives.Given(on) })},
		{Name: "ProxyFtpDirCharset", In: directives.InServer | directives.InDir, Usage: "Define the character set for proxied FTP listings",
			Set: slot.Take1(func(c *config, _ *directives.Cmd, name string) error {
				c.charset = directives.Given(name)
				return nil
			})},
	},
	ProxyScheme:   &server.ProxyScheme{Canon: canon, Serve: serve},
	OutputFilters: []*server.OutputFilter{listingFilter},
}

var (
	slot = directives.NewDirSlot(func(base, add config) config {
		return config{list: add.list.Or(base.list), escape: add.escape.Or(base.escape), charset: add.charset.Or(base.charset)}
	})
	elog = server.NewLog("proxy_ftp")
)

type config struct {
	list    directives.Opt[bool]   // ProxyFtpListOnWildcard; on
	escape  directives.Opt[bool]   // ProxyFtpEscapeWildcards; on
	charset directives.Opt[string] // ProxyFtpDirCharset; ISO-8859-1
}

const (
	scheme      = "ftp:"
	defaultPort = 21
)

// isFTP tells whether a URL is one of this module's.
func isFTP(url string) bool {
	return len(url) >= len(scheme) && strings.EqualFold(url[:len(scheme)], scheme)
}

// canon writes a URL in its canonical form (proxy_ftp_canon). The query goes
// into the path, or behind the parameters (RFC 1738, section 3.2.2).
func canon(r *server.Request, url string) server.Status {
	if !isFTP(url) {
		return server.Declined
	}
	elog.Trace(1, r).Msgf("canonicalising URL %s", url[len(scheme):])
	user, password, host, port, path, problem := server.ProxyNetloc(url[len(scheme):], true)
	if problem != "" || !sendable(user) || !sendable(password) {
		return 400
	}
	path, parms, hasParms := strings.Cut(path, ";")
	ok := true
	if hasParms {
		if parms, ok = server.ProxyEncode(parms, server.ProxyParm, r.Forward, false); !ok {
			return 400
		}
	}
	d := server.CoreDir.Of(r.Dir)
	if path, ok = server.ProxyEncode(path, server.ProxyPath, r.Forward, d.AllowEncodedSlashes && !d.DecodeEncodedSlashes); !ok || !sendable(path) {
		return 400
	}
	if r.HasArgs {
		part, to := server.ProxyFPath, &path
		if hasParms {
			part, to = server.ProxyParm, &parms
		}
		args, ok := server.ProxyEncode(r.Args, part, r.Forward, false)
		if !ok {
			return 400
		}
		*to += "?" + args
		r.Args, r.HasArgs = "", false
	}
	login := ""
	if authority := authorityOf(url); strings.Contains(authority, "@") {
		login = user
		if name, _, _ := strings.Cut(authority, "@"); strings.Contains(name, ":") {
			login += ":" + password
		}
		login += "@"
	}
	if parms != "" {
		parms = ";" + parms
	}
	r.Filename = "proxy:ftp://" + login + server.ProxyHostPort(host, port, defaultPort) + "/" + path + parms
	return server.OK
}

func authorityOf(url string) string {
	_, rest, _ := strings.Cut(url, "//")
	authority, _, _ := strings.Cut(rest, "/")
	return authority
}
