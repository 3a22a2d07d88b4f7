package proxy_http

import "github.com/donjon-httpd/donjon/server"

// tunnel hands bytes on both ways, until one side has ended and the other too
// (ap_proxy_tunnel_run).
func (x *exchange) tunnel(protocol string) server.Status {
	r := x.r
	elog.Debug(r).Msgf("AH10239: HTTP: tunneling protocol %s", protocol)
	timeout := max(x.call.Timeout(), server.CoreServer.Of(r.Server).Timeout.Else(server.DefaultTimeout))
	if err := r.Tunnel(protocol, x.conn, timeout); err != nil {
		elog.Error(r).Err(server.ErrnoOf(err)).Msgf("AH10240: can't create tunnel for %s", protocol)
		return 500
	}
	return server.Done
}
