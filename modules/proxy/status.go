package proxy

import (
	"fmt"
	"strings"

	"github.com/donjon-httpd/donjon/server"
)

// statusPage is what mod_status tells of balancers where ProxyStatus wants it
// (proxy_status_hook); short is the form for programs.
func statusPage(r *server.Request, short bool) string {
	c := serverSlot.Of(r.Server)
	if len(c.Balancers) == 0 || c.Status.Else(server.ProxyStatusOff) == server.ProxyStatusOff {
		return ""
	}
	var b strings.Builder
	for i, bal := range c.Balancers {
		if short {
			fmt.Fprintf(&b, "ProxyBalancer[%d]Name: %s\n", i, bal.Name)
		} else {
			balancerHead(&b, bal)
		}
		for n, w := range bal.Workers() {
			if short {
				memberLines(&b, fmt.Sprintf("ProxyBalancer[%d]Worker[%d]", i, n), w)
			} else {
				memberRow(&b, w)
			}
		}
		if !short {
			b.WriteString("</table>\n")
		}
	}
	if !short {
		b.WriteString(statusLegend)
	}
	return b.String()
}

func balancerHead(b *strings.Builder, bal *server.ProxyBalancer) {
	b.WriteString("<hr />\n<h1>Proxy LoadBalancer Status for " + server.EscapeHTML(bal.Name) + "</h1>\n\n")
	b.WriteString("\n\n<table border=\"0\"><tr><th>SSes</th><th>Timeout</th><th>Method</th></tr>\n<tr>")
	p := bal.Settings()
	switch {
	case p.Sticky == "":
		b.WriteString("<td> - ")
	case p.Sticky != p.StickyPath:
		b.WriteString("<td>" + server.EscapeHTML(p.Sticky+" | "+p.StickyPath))
	default:
		b.WriteString("<td>" + server.EscapeHTML(p.Sticky))
	}
	fmt.Fprintf(b, "</td><td>%d</td><td>%s</td>\n</table>\n", int64(p.Timeout.Seconds()), p.LBMethod)
	b.WriteString("\n\n<table border=\"0\"><tr><th>Sch</th><th>Host</th><th>Stat</th><th>Route</th><th>Redir</th>" +
		"<th>F</th><th>Set</th><th>Acc</th><th>Busy</th><th>Wr</th><th>Rd</th></tr>\n")
}

func memberRow(b *strings.Builder, w *server.ProxyWorker) {
	s, now := w.Shared, w.Settings()
	fmt.Fprintf(b, "<tr>\n<td>%s</td><td>%s</td><td>%s</td><td>%s</td><td>%s</td><td>%.2f</td><td>%d</td><td>%d</td><td>%d</td><td>%s</td><td>%s</td>\n</tr>\n",
		w.Scheme, server.EscapeHTML(w.Hostname), s.Status(), server.EscapeHTML(now.Route), server.EscapeHTML(now.Redirect),
		float64(s.LBFactor().Load())/100, s.LBSet().Load(), s.Elected().Load(), s.Busy().Load(), server.ShortSize(int64(s.Transferred().Load())), server.ShortSize(int64(s.Read().Load())))
}

func memberLines(b *strings.Builder, name string, w *server.ProxyWorker) {
	s := w.Shared
	fmt.Fprintf(b, "%sName: %s\n%sStatus: %s\n%sElected: %d\n%sBusy: %d\n%sSent: %dK\n%sRcvd: %dK\n", name, w.Name, name, s.Status(),
		name, s.Elected().Load(), name, s.Busy().Load(), name, s.Transferred().Load()>>10, name, s.Read().Load()>>10)
}

const statusLegend = "<hr /><table>\n" +
	"<tr><th>SSes</th><td>Sticky session name</td></tr>\n<tr><th>Timeout</th><td>Balancer Timeout</td></tr>\n" +
	"<tr><th>Sch</th><td>Connection scheme</td></tr>\n<tr><th>Host</th><td>Backend Hostname</td></tr>\n" +
	"<tr><th>Stat</th><td>Worker status</td></tr>\n<tr><th>Route</th><td>Session Route</td></tr>\n" +
	"<tr><th>Redir</th><td>Session Route Redirection</td></tr>\n<tr><th>F</th><td>Load Balancer Factor</td></tr>\n" +
	"<tr><th>Acc</th><td>Number of uses</td></tr>\n<tr><th>Wr</th><td>Number of bytes transferred</td></tr>\n" +
	"<tr><th>Rd</th><td>Number of bytes read</td></tr>\n</table>"
