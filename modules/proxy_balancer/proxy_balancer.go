// Package proxy_balancer shares requests for balancer:// URLs out among the
// members of a balancer (mod_proxy_balancer), keeps sessions with the member
// that they began with, and has a page on which all that can be changed while
// the server runs. The ways to choose a member are modules of their own
// (lbmethod_byrequests).
package proxy_balancer

import (
	"errors"
	"strings"
	"syscall"

	"github.com/donjon-httpd/donjon/server"
)

// Module is proxy_balancer_module.
var Module = server.Module{
	Name:        "proxy_balancer_module",
	Mutexes:     []string{"proxy-balancer-shm"},
	ProxyScheme: &server.ProxyScheme{First: true, Canon: canon},

	ProxyPreRequest:  choose,
	ProxyPostRequest: after,
	Hooks: []server.Hook{
		server.Handler.First(manage).Plain().HarmlessUnless(isManager),
		server.PostConfig.Middle(prepare).After("proxy_module"),
	},
}

var (
	elog = server.NewLog("proxy_balancer")
	// proxylog has the lines that Apache's mod_proxy writes.
	proxylog = server.NewLog("proxy")
)

const scheme = "balancer://"

// canon writes a URL in its canonical form (proxy_balancer_canon).
func canon(r *server.Request, url string) server.Status {
	if len(url) < 9 || !strings.EqualFold(url[:9], "balancer:") {
		return server.Declined
	}
	if e := elog.Trace(1, r); e != nil {
		e.Msgf("canonicalising URL %s", url[9:])
	}
	_, _, host, _, path, problem := server.ProxyNetloc(url[9:], false)
	if problem != "" {
		elog.Error(r).Msgf("AH01157: error parsing URL %s: %s", url[9:], problem)
		return 400
	}
	path, query, s := r.ProxyPathOf(path, elog, "AH10416", "AH10407")
	if s != server.OK {
		return s
	}
	r.Filename = "proxy:" + scheme + host + "/" + path + query
	r.PathInfo = "/" + path
	return server.OK
}

// prepare refuses balancers that could not balance (balancer_post_config).
func prepare(g *server.Generation) error {
	loaded := func(name string) bool {
		for _, m := range g.Modules {
			if m.Name == name {
				return true
			}
		}
		return false
	}
	if !loaded("proxy_module") {
		elog.Emerg(nil).Msg("AH02230: mod_proxy must be loaded for mod_proxy_balancer")
		return errConfiguration
	}
	if !loaded("slotmem_shm_module") {
		elog.Emerg(nil).Msg("AH01177: Failed to lookup provider 'shm' for 'slotmem': is mod_slotmem_shm loaded??")
		return errConfiguration
	}
	for _, v := range g.Servers() {
		for _, b := range server.ProxyServer.Of(v).Balancers {
			if g.ProxyLBMethod(b.Params.MethodName()) != nil {
				continue
			}
			at := server.ServerSubject(g, v)
			proxylog.Crit(at).Msgf("AH02432: Cannot find LB Method: %s", b.Params.MethodName())
			elog.Emerg(at).Err(syscall.EINVAL).Msg("AH01183: Cannot share balancer")
			return errConfiguration
		}
	}
	return nil
}

var errConfiguration = errors.New("AH00020: Configuration Failed, exiting")
