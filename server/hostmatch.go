package server

import "strings"

// MatchesHost tells whether a host with a port is the server that serves the
// request (ap_matches_request_vhost): the address of its <VirtualHost> as it is
// written, else one of its names at the port of its ServerName.
func (r *Request) MatchesHost(host string, port int) bool {
	c := CoreServer.Of(r.Server)
	if r.Server.Virtual {
		for _, a := range c.Addrs {
			given := a.Given
			if i := strings.LastIndexByte(given, ':'); i > strings.LastIndexByte(given, ']') {
				given = given[:i]
			}
			if (a.Port == 0 || a.Port == port) && strings.EqualFold(host, given) {
				return true
			}
		}
	}
	return port == c.ServerPort && mainNames(r.Server, strings.ToLower(host))
}
