package proxy_balancer

import (
	"fmt"
	"strings"

	"github.com/donjon-httpd/donjon/server"
)

// pageStyle is how the page begins, up to its title.
const pageStyle = `<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01//EN" "http://www.w3.org/TR/html4/strict.dtd">
<html><head><title>Balancer Manager</title>
<style type='text/css'>
table {
 border-width: 1px;
 border-spacing: 3px;
 border-style: solid;
 border-color: gray;
 border-collapse: collapse;
 background-color: white;
 text-align: center;
}
th {
 border-width: 1px;
 padding: 2px;
 border-style: dotted;
 border-color: gray;
 background-color: lightgray;
 text-align: center;
}
td {
 border-width: 1px;
 padding: 2px;
 border-style: dotted;
 border-color: gray;
 background-color: white;
 text-align: center;
}
</style>
</head>
`

// html is the page while it is written.
type html struct{ strings.Builder }

func (h *html) f(format string, args ...any) { fmt.Fprintf(h, format, args...) }

// page writes the page for people (balancer_display_page).
func (m *manager) page() {
	r := m.r
	elog.Debug(r).Msg("AH01204: genning page")
	r.ContentType = "text/html; charset=ISO-8859-1"
	h := &html{}
	h.f("%s<body><h1>Load Balancer Manager for %s</h1>\n\n", pageStyle, server.EscapeHTML(r.ServerName()))
	h.f("<dl><dt>Server Version: %s</dt>\n<dt>Server Built: %s</dt>\n", server.Software, server.Built)
	h.f("<dt>Balancer changes will %sbe persisted on restart.</dt>", not(m.conf.Persist.Else(false)))
	h.f("<dt>Balancers are %sinherited from main server.</dt>", not(m.conf.Inherit.Else(true)))
	h.f("<dt>ProxyPass settings are %sinherited from main server.</dt></dl>\n", not(m.conf.PassInherit.Else(true)))
	exprs, checks := r.Gen.ProxyChecks(r.Server)
	for _, b := range m.conf.Balancers {
		m.balancerTable(h, b, checks)
	}
	h.WriteString("<hr />\n")
	showExprs(h, exprs)
	switch {
	case m.balancer != nil && m.worker != nil:
		m.workerForm(h, exprs, checks)
	case m.balancer != nil:
		m.balancerForm(h)
	}
	h.WriteString(r.Signature(""))
	h.WriteString("</body></html>\n")
	r.WriteString(h.String()) //nolint:errcheck // the connection's loss is noted there
	r.Flush()                 //nolint:errcheck
}

func not(on bool) string {
	if on {
		return ""
	}
	return "NOT "
}

// linkTo is the page's address with what names a balancer or a worker.
func (m *manager) linkTo(b *server.ProxyBalancer, more string) string {
	return fmt.Sprintf("<a href=\"%s?b=%s%s&amp;nonce=%s\">", server.EscapePath(m.r.URI), b.Name[len(scheme):], more, nonceOf(m.r.Gen, b))
}

func (m *manager) balancerTable(h *html, b *server.ProxyBalancer, checks bool) {
	now := b.Settings()
	h.f("<hr />\n<h3>LoadBalancer Status for %s%s</a> [%s]</h3>\n", m.linkTo(b, ""), b.Name, slotName(m.r.Gen, m.r.Server, b))
	h.WriteString("\n\n<table><tr><th>MaxMembers</th><th>StickySession</th><th>DisableFailover</th><th>Timeout</th><th>FailoverAttempts</th>" +
		"<th>Method</th><th>Path</th><th>Active</th></tr>\n")
	h.f("<tr><td>%d [%d Used]</td>\n", b.MaxWorkers(), len(b.Workers()))
	switch {
	case now.Sticky == "":
		h.WriteString("<td> (None) ")
	case now.Sticky != now.StickyPath:
		h.f("<td>%s|%s", server.EscapeHTML(now.Sticky), server.EscapeHTML(now.StickyPath))
	default:
		h.f("<td>%s", server.EscapeHTML(now.Sticky))
	}
	h.f("</td><td>%s</td>\n<td>%d</td><td>%d</td>\n<td>%s</td>\n<td>", onOff(now.NoFailover), int64(now.Timeout.Seconds()), now.MaxAttempts, now.LBMethod)
	if b.VHost != "" {
		h.f("%s -> ", b.VHost)
	}
	h.f("%s</td>\n<td>Yes</td>\n</tr>\n</table>\n<br />\n", b.VPath)
	h.WriteString("\n<table><tr><th>Worker URL</th><th>Route</th><th>RouteRedir</th><th>Factor</th><th>Set</th><th>Status</th>" +
		"<th>Elected</th><th>Busy</th><th>Load</th><th>To</th><th>From</th>")
	if checks {
		h.WriteString("<th>HC Method</th><th>HC Interval</th><th>Passes</th><th>Fails</th><th>HC uri</th><th>HC Expr</th>")
	}
	h.WriteString("</tr>\n")
	for _, w := range b.Workers() {
		m.workerRow(h, b, w, checks)
	}
	h.WriteString("</table>\n")
}

func (m *manager) workerRow(h *html, b *server.ProxyBalancer, w *server.ProxyWorker, checks bool) {
	s, now := w.Shared, w.Settings()
	h.f("<tr>\n<td>%s%s</a></td>", m.linkTo(b, "&amp;w="+server.EscapePath(w.Name)), fullName(w))
	h.f("<td>%s</td><td>%s</td>", server.EscapeHTML(now.Route), server.EscapeHTML(now.Redirect))
	h.f("<td>%.2f</td><td>%d</td><td>%s</td>", factor(w), s.LBSet().Load(), s.Status())
	h.f("<td>%d</td><td>%d</td><td>%d</td><td>%s</td><td>%s", s.Elected().Load(), s.Busy().Load(), s.LBStatus(),
		server.ShortSize(int64(s.Transferred().Load())), server.ShortSize(int64(s.Read().Load())))
	if checks {
		c := &now.Check
		h.f("</td><td>%s</td><td>%dms</td><td>%d (%d)</td><td>%d (%d)</td>", c.Method, c.Interval.Milliseconds(),
			c.Passes, s.CheckPasses().Load(), c.Fails, s.CheckFails().Load())
		h.f("<td>%s</td><td>%s", server.EscapeHTML(c.URI), server.EscapeHTML(c.Expr))
	}
	h.WriteString("</td></tr>\n")
}

func factor(w *server.ProxyWorker) float64 { return float64(w.Shared.LBFactor().Load()) / 100 }

// fullName is how the page calls a worker: one behind a socket in italics.
func fullName(w *server.ProxyWorker) string {
	if w.Socket == "" {
		return server.EscapeHTML(w.Name)
	}
	return "<i>" + server.EscapeHTML(w.FullName()) + "</i>"
}

func onOff(on bool) string {
	if on {
		return "On"
	}
	return "Off"
}

// showExprs lists the conditions for health checks (hc_show_exprs).
func showExprs(h *html, exprs []server.ProxyCheckExpr) {
	if len(exprs) == 0 {
		return
	}
	h.WriteString("\n\n<table><tr><th colspan='2'>Health check cond. expressions:</th></tr>\n<tr><th>Expr name</th><th>Expression</th></tr>\n")
	for _, e := range exprs {
		h.f("<tr><td>%s</td><td>%s</td></tr>\n", server.EscapeHTML(e.Name), server.EscapeHTML(e.Text))
	}
	h.WriteString("</table><hr/>\n")
}
