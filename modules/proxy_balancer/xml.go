package proxy_balancer

import (
	"strings"
	"time"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// xml writes the page for programs.
func (m *manager) xml() {
	elog.Debug(m.r).Msg("AH01204: genning page")
	m.r.ContentType = "text/xml"
	h := &html{}
	h.WriteString("<?xml version='1.0' encoding='UTF-8' ?>\n<httpd:manager xmlns:httpd='http://httpd.apache.org'>\n  <httpd:balancers>\n")
	for _, b := range m.conf.Balancers {
		m.balancerElement(h, b)
	}
	h.WriteString("  </httpd:balancers>\n</httpd:manager>")
	m.r.WriteString(h.String()) //nolint:errcheck // the connection's loss is noted there
}

func (m *manager) balancerElement(h *html, b *server.ProxyBalancer) {
	const in = "      "
	now := b.Settings()
	h.WriteString("    <httpd:balancer>\n")
	h.element(in, "name", b.Name)
	h.element(in, "nonce", server.EscapeHTML(nonceOf(m.r.Gen, b)))
	if now.Sticky != "" {
		h.element(in, "stickysession", server.EscapeHTML(now.Sticky))
		h.element(in, "nofailover", onOff(now.NoFailover))
	}
	h.f("%s<httpd:timeout>%d</httpd:timeout>", in, int64(now.Timeout.Seconds())) // as in Apache without the end of the line
	if b.Params.MaxAttempts.IsSet() || len(b.Members) > 1 {
		h.element(in, "maxattempts", now.MaxAttempts)
	}
	h.element(in, "lbmethod", now.LBMethod)
	if now.Sticky != "" {
		h.element(in, "scolonpathdelim", onOff(b.Params.ScolonPathDelim.Else(false)))
	}
	h.WriteString(in + "<httpd:workers>\n")
	for _, w := range b.Workers() {
		workerElement(h, m.r.Gen, w)
	}
	h.WriteString(in + "</httpd:workers>\n    </httpd:balancer>\n")
}

func (h *html) element(in, name string, value any) {
	h.f("%s<httpd:%s>%v</httpd:%s>\n", in, name, value, name)
}

func workerElement(h *html, g *server.Generation, w *server.ProxyWorker) {
	const in = "          "
	s, p, now := w.Shared, &w.Params, w.Settings()
	element := func(name string, value any) { h.element(in, name, value) }
	h.WriteString("        <httpd:worker>\n")
	element("name", server.EscapeHTML(w.FullName()))
	element("scheme", w.Scheme)
	element("hostname", w.Hostname)
	h.f("%s<httpd:loadfactor>%.2f</httpd:loadfactor>\n", in, factor(w))
	element("port", w.Port)
	most := hardMax(g, p)
	element("min", p.Min)
	element("smax", softMax(p, most))
	element("max", most)
	element("ttl", int64(p.TTL.Seconds()))
	seconds := func(name string, o directives.Opt[time.Duration]) {
		if d, ok := o.Get(); ok {
			element(name, int64(d.Seconds()))
		}
	}
	// Apache tells no more than what is left above whole seconds.
	thousandths := func(name string, o directives.Opt[time.Duration]) {
		if d, ok := o.Get(); ok {
			element(name, (d % time.Second).Milliseconds())
		}
	}
	seconds("timeout", p.Timeout)
	thousandths("acquire", p.Acquire)
	if n, ok := p.ReceiveBufferSize.Get(); ok {
		element("recv_buffer_size", n)
	}
	if n, ok := p.IOBufferSize.Get(); ok {
		element("io_buffer_size", n)
	}
	if on, ok := p.KeepAlive.Get(); ok {
		element("keepalive", onOff(on))
	}
	element("status", s.Status())
	if at := s.ErrorTime(); !at.IsZero() {
		element("error_time", at.UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT"))
	}
	element("retries", s.Retries().Load())
	element("lbstatus", s.LBStatus())
	h.f("%s<httpd:loadfactor>%.2f</httpd:loadfactor>\n", in, factor(w))
	element("transferred", s.Transferred().Load())
	element("read", s.Read().Load())
	element("elected", s.Elected().Load())
	element("route", server.EscapeHTML(now.Route))
	element("redirect", server.EscapeHTML(now.Redirect))
	element("busy", s.Busy().Load())
	element("lbset", s.LBSet().Load())
	if strings.EqualFold(w.Scheme, "ajp") {
		element("flushpackets", [...]string{"Off", "On", "Auto"}[p.Flush.Else(server.ProxyFlushOff)])
		if p.Flush.Else(server.ProxyFlushOff) == server.ProxyFlushAuto {
			element("flushwait", flushWait(p))
		}
		if d, ok := p.Ping.Get(); ok {
			h.f("%s<httpd:ping>%d</httpd:ping>", in, (d % time.Second).Milliseconds())
		}
	}
	if off, ok := p.DisableReuse.Get(); ok {
		h.element("      ", "disablereuse", onOff(off))
	}
	thousandths("connectiontimeout", p.ConnectTimeout)
	seconds("retry", p.Retry)
	h.WriteString("        </httpd:worker>\n")
}

// flushWait is the time in microseconds.
func flushWait(p *server.ProxyParams) int64 {
	if p.FlushWait == 0 {
		return (10 * time.Millisecond).Microseconds()
	}
	return p.FlushWait.Microseconds()
}

// hardMax is how many connections a child may have: unless it is said, in Apache
// as many as it has threads.
func hardMax(g *server.Generation, p *server.ProxyParams) int {
	const threads = 25
	if n := p.Max.Else(0); n > 0 {
		return n
	}
	return server.MPM.Of(g.Config.Main).ThreadsPerChild.Else(threads)
}

func softMax(p *server.ProxyParams, most int) int {
	if n, ok := p.SMax.Get(); ok && n <= most {
		return n
	}
	return most
}
