package proxy_balancer

import (
	"github.com/donjon-httpd/donjon/server"
)

// radio is a choice between on and off (create_radio).
func (h *html) radio(name string, on bool) {
	yes, no := "", " checked"
	if on {
		yes, no = " checked", ""
	}
	h.f("<td><label for='%s1'>On</label> <input name='%s' id='%s1' value='1' type=radio%s> <br/> "+
		"<label for='%s0'>Off</label> <input name='%s' id='%s0' value='0' type=radio%s></td>\n", name, name, name, yes, name, name, name, no)
}

// form begins a form that leads to the page itself.
func (m *manager) form(h *html) {
	h.f("<form method='POST' enctype='application/x-www-form-urlencoded' action=\"%s\">\n", server.EscapePath(m.r.ConstructURL(m.r.URI)))
}

// workerForm changes a worker.
func (m *manager) workerForm(h *html, exprs []server.ProxyCheckExpr, checks bool) {
	w, now := m.worker, m.worker.Settings()
	st := w.Shared.Status()
	h.f("<h3>Edit worker settings for %s</h3>\n", fullName(w))
	m.form(h)
	h.f("<table><tr><td>Load factor:</td><td><input name='w_lf' id='w_lf' type=text value='%.2f'></td></tr>\n", factor(w))
	h.f("<tr><td>LB Set:</td><td><input name='w_ls' id='w_ls' type=text value='%d'></td></tr>\n", w.Shared.LBSet().Load())
	h.f("<tr><td>Route:</td><td><input name='w_wr' id='w_wr' type=text value=\"%s\"></td></tr>\n", server.EscapeHTML(now.Route))
	h.f("<tr><td>Route Redirect:</td><td><input name='w_rr' id='w_rr' type=text value=\"%s\"></td></tr>\n", server.EscapeHTML(now.Redirect))
	h.WriteString("<tr><td>Status:</td><td><table><tr><th>Ignore Errors</th><th>Draining Mode</th><th>Disabled</th><th>Hot Standby</th><th>Hot Spare</th>")
	if checks {
		h.WriteString("<th>HC Fail</th>")
	}
	h.WriteString("<th>Stopped</th></tr>\n<tr>")
	h.radio("w_status_I", st&server.ProxyIgnoreErrors != 0)
	h.radio("w_status_N", st&server.ProxyDrain != 0)
	h.radio("w_status_D", st&server.ProxyDisabled != 0)
	h.radio("w_status_H", st&server.ProxyHotStandby != 0)
	h.radio("w_status_R", st&server.ProxyHotSpare != 0)
	if checks {
		h.radio("w_status_C", st&server.ProxyHCFail != 0)
	}
	h.radio("w_status_S", st&server.ProxyStopped != 0)
	h.WriteString("</tr></table></td></tr>\n")
	if checks {
		m.checkFields(h, &now.Check, exprs)
	}
	h.WriteString("<tr><td colspan='2'><input type=submit value='Submit'></td></tr>\n")
	h.f("</table>\n<input type=hidden name='w' id='w' value=\"%s\">\n", server.EscapePath(w.Name))
	m.hidden(h)
}

// hidden ends a form with what names the balancer.
func (m *manager) hidden(h *html) {
	h.f("<input type=hidden name='b' id='b' value=\"%s\">\n", server.EscapeHTML(m.balancer.Name[len(scheme):]))
	h.f("<input type=hidden name='nonce' id='nonce' value='%s'>\n</form>\n<hr />\n", nonceOf(m.r.Gen, m.balancer))
}

// checkFields are the fields about health checks.
func (m *manager) checkFields(h *html, c *server.ProxyHealthCheck, exprs []server.ProxyCheckExpr) {
	selected := func(on bool) string {
		if on {
			return "selected"
		}
		return ""
	}
	h.WriteString("<tr><td colspan='2'>\n<table align='center'><tr><th>Health Check param</th><th>Value</th></tr>\n")
	h.WriteString("<tr><td>Method</td><td><select name='w_hm'>\n")
	for i, name := range server.ProxyCheckMethods {
		if how := server.ProxyCheckMethod(i); how.ImplementedBy(m.r.Gen.Modules) {
			h.f("<option value='%s' %s >%s</option>\n", name, selected(how == c.Method), name)
		}
	}
	h.WriteString("</select>\n</td></tr>\n<tr><td>Expr</td><td><select name='w_he'>\n")
	for _, e := range exprs {
		name := server.EscapeHTML(e.Name)
		h.f("<option value='%s' %s >%s</option>\n", name, selected(e.Name == c.Expr), name)
	}
	h.f("</select>\n</td></tr>\n<tr><td>Interval (ms)</td><td><input name='w_hi' id='w_hi' type='text' value='%d'></td></tr>\n", c.Interval.Milliseconds())
	h.f("<tr><td>Passes trigger</td><td><input name='w_hp' id='w_hp' type='text' value='%d'></td></tr>\n", c.Passes)
	h.f("<tr><td>Fails trigger)</td><td><input name='w_hf' id='w_hf' type='text' value='%d'></td></tr>\n", c.Fails)
	h.f("<tr><td>HC uri</td><td><input name='w_hu' id='w_hu' type='text' value=\"%s\"></td></tr>\n</table>\n</td></tr>\n", server.EscapeHTML(c.URI))
}

// balancerForm changes a balancer.
func (m *manager) balancerForm(h *html) {
	b, now := m.balancer, m.balancer.Settings()
	h.f("<h3>Edit balancer settings for %s</h3>\n", server.EscapeHTML(b.Name))
	m.form(h)
	h.WriteString("<table>\n")
	if methods := m.r.Gen.ProxyLBMethods(); len(methods) > 0 {
		h.WriteString("<tr><td>LBmethod:</td><td>\n<select name='b_lbm' id='b_lbm'>")
		for _, method := range methods {
			h.f("<option value='%s'", method.Name)
			if method.Name == now.LBMethod {
				h.WriteString(" selected ")
			}
			h.f(">%s\n", method.Name)
		}
		h.WriteString("</select>\n</td></tr>\n")
	}
	h.f("<tr><td>Timeout:</td><td><input name='b_tmo' id='b_tmo' type=text value='%d'></td></tr>\n", int64(now.Timeout.Seconds()))
	h.f("<tr><td>Failover Attempts:</td><td><input name='b_max' id='b_max' type=text value='%d'></td></tr>\n", now.MaxAttempts)
	h.WriteString("<tr><td>Disable Failover:</td>")
	h.radio("b_sforce", now.NoFailover)
	h.WriteString("</tr>\n<tr><td>Sticky Session:</td><td><input name='b_ss' id='b_ss' size=64 type=text value =\"")
	h.WriteString(server.EscapeHTML(now.Sticky))
	if now.Sticky != now.StickyPath {
		h.f("|%s", server.EscapeHTML(now.StickyPath))
	}
	h.WriteString("\">&nbsp;&nbsp;&nbsp;&nbsp;(Use '-' to delete)</td></tr>\n")
	if len(b.Workers()) < b.MaxWorkers() {
		h.WriteString("<tr><td>Add New Worker:</td><td><input name='b_nwrkr' id='b_nwrkr' size=32 type=text>" +
			"&nbsp;&nbsp;&nbsp;&nbsp;Are you sure? <input name='b_wyes' id='b_wyes' type=checkbox value='1'></td></tr>") // as in Apache without the end of the line
	}
	h.WriteString("<tr><td colspan=2><input type=submit value='Submit'></td></tr>\n</table>\n")
	m.hidden(h)
}
