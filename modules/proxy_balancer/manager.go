package proxy_balancer

import (
	"io"
	"net/url"
	"strings"

	"github.com/donjon-httpd/donjon/server"
)

// manager is one request for the page on which balancers are looked at and
// changed.
type manager struct {
	r        *server.Request
	conf     *server.ProxyServerConfig
	balancer *server.ProxyBalancer // that the parameters name; nil for none
	worker   *server.ProxyWorker
	params   params
}

// params are parameters of a query or a form; the last of a name counts.
type params map[string]string

// fromQuery are the parameters that a query may have.
var fromQuery = map[string]bool{"w": true, "b": true, "nonce": true, "xml": true}

// maxForm is how much of a form is read.
const maxForm = 1024

// isManager tells whether a request is for the manager.
func isManager(r *server.Request) bool { return r.Handler == "balancer-manager" }

// manage is the handler balancer-manager (balancer_handler).
func manage(r *server.Request) server.Status {
	if !isManager(r) {
		return server.Declined
	}
	r.Unrepeatable()
	r.Allowed = server.MethodBit("GET") | server.MethodBit("POST")
	if r.Method != "GET" && r.Method != "HEAD" && r.Method != "POST" {
		return server.Declined
	}
	m := &manager{r: r, conf: server.ProxyServer.Of(r.Server), params: params{}}
	for _, b := range m.conf.Balancers {
		b.Lock()
		b.Sync(r.Gen)
		b.Unlock()
	}
	if s := m.read(); s != server.OK {
		return s
	}
	// Apache says so of requests without parameters too.
	if ref, _ := r.FieldIn("Referer"); !sameHost(r, ref) {
		shown := ref
		if ref == "" {
			shown = "(null)"
		}
		elog.Error(r).Msgf("AH10187: ignoring params in balancer-manager cross-site access %s: %s", shown, r.ServerName())
		m.params = params{}
	}
	if name, ok := m.params["b"]; ok {
		m.balancer = m.conf.FindBalancer(scheme + name)
	}
	if name, ok := m.params["w"]; ok {
		m.worker = m.conf.FindWorker(m.balancer, name)
	}
	if m.allowed() {
		if s := m.change(); s != server.OK {
			return s
		}
	}
	if _, ok := m.params["xml"]; ok {
		m.xml()
	} else {
		m.page()
	}
	return server.Done
}

// read takes the parameters from the query, or from the form.
func (m *manager) read() server.Status {
	r := m.r
	if r.Method != "POST" {
		if r.HasArgs {
			elog.Debug(r).Msg("AH01191: parsing r->args")
			m.params.add(r.Args, fromQuery)
		}
		return server.OK
	}
	form := make([]byte, maxForm)
	n, err := 0, error(nil)
	for n < len(form) && err == nil {
		var got int
		got, err = r.Body.Read(form[n:])
		n += got
	}
	if err != nil && err != io.EOF {
		return r.BodyFailed(err)
	}
	m.params.add(string(form[:n]), nil)
	return server.OK
}

// add takes in name=value pairs; allowed says which, nil all of them (push2table).
func (p params) add(text string, allowed map[string]bool) {
	for pair := range strings.SplitSeq(text, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		name, _ = server.UnescapeURL(name)
		value, _ = server.UnescapeURL(value)
		if allowed == nil || allowed[name] {
			p[name] = value
		}
	}
}

// sameHost tells whether a page of this host led here.
func sameHost(r *server.Request, referer string) bool {
	u, err := url.Parse(referer)
	return err == nil && u.Hostname() != "" && strings.EqualFold(u.Hostname(), r.ServerName())
}

// allowed tells whether the request knows the balancer's nonce, which only the
// page itself tells.
func (m *manager) allowed() bool {
	if m.balancer == nil {
		return false
	}
	nonce, given := m.params["nonce"]
	own := nonceOf(m.r.Gen, m.balancer)
	// Without a nonce (nonce=None) nothing can be changed (observed on 2.4.71).
	return own != "" && given && nonce == own
}
