package proxy_balancer

import (
	"slices"
	"time"

	"github.com/donjon-httpd/donjon/server"
)

// after puts the member into error when the balancer's failonstatus or
// failontimeout says so (proxy_balancer_post_request).
func after(c *server.ProxyCall) {
	r, b, w := c.R, c.Balancer, c.Worker
	if w.Shared.Status()&server.ProxyIgnoreErrors == 0 {
		if slices.Contains(b.Params.FailOnStatus, r.Status) {
			elog.Error(r).Msgf("AH01174: %s: Forcing worker (%s) into error state due to status code %d matching 'failonstatus' balancer parameter",
				b.Name, w.FullName(), r.Status)
			fail(w)
		}
		if b.Params.FailOnTimeout && r.Notes.Has("proxy_timedout") {
			elog.Error(r).Msgf("AH02460: %s: Forcing worker (%s) into error state due to timeout and 'failontimeout' parameter being set",
				b.Name, w.FullName())
			fail(w)
		}
	}
	if e := elog.Debug(r); e != nil {
		e.Msgf("AH01176: proxy_balancer_post_request for (%s)", b.Name)
	}
}

func fail(w *server.ProxyWorker) {
	w.Shared.SetErrorTime(time.Now())
	w.Shared.SetStatus(server.ProxyInError, 0)
}
