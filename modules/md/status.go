package md

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"strings"
	"time"

	"github.com/donjon-httpd/donjon/server"
)

const statusPath = "/.httpd/certificate-status"

// certInfo is what is told of a certificate.
type certInfo struct {
	Valid  *validity `json:"valid,omitempty"`
	Serial string    `json:"serial,omitempty"`
	SHA256 string    `json:"sha256-fingerprint,omitempty"`
}

type validity struct {
	From  string `json:"from"`
	Until string `json:"until"`
}

func infoOf(p server.KeyPair) *certInfo {
	pair, err := tls.X509KeyPair([]byte(p.Cert), []byte(p.Key))
	if err != nil {
		return nil
	}
	sum := sha256.Sum256(pair.Leaf.Raw)
	return &certInfo{&validity{rfc822(pair.Leaf.NotBefore), rfc822(pair.Leaf.NotAfter)}, fmt.Sprintf("%X", pair.Leaf.SerialNumber), hex.EncodeToString(sum[:])}
}

func rfc822(t time.Time) string { return t.UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT") }

// certificates are told by kind of key, as rsa or P-256.
func (d *domain) certificates(pairs []server.KeyPair) map[string]*certInfo {
	m := map[string]*certInfo{}
	for i, p := range pairs {
		if i < len(d.keys) {
			m[strings.ToLower(d.keys[i].String())] = infoOf(p)
		}
	}
	return m
}

func (d *domain) stagedPairs() []server.KeyPair {
	var b staged
	if d.bundle == nil || json.Unmarshal(readFile(d.bundle), &b) != nil {
		return nil
	}
	return b.Pairs
}

func sendJSON(r *server.Request, v any) server.Status {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return 500
	}
	r.ContentType = "application/json"
	if !r.HeaderOnly {
		r.WriteString(string(text) + "\n")
	}
	return server.OK
}

// certificateStatus tells the host's certificate, and the one that waits.
func certificateStatus(r *server.Request) server.Status {
	c := slot.Of(r.Gen.Config.Main)
	d := domainOf(r.Gen, r.Server)
	if d == nil || !c.certStatus.Else(true) || !d.covers(r.Hostname) {
		return server.Declined
	}
	if r.Method != "GET" && r.Method != "HEAD" {
		return server.Declined
	}
	r.Unrepeatable()
	r.StartResponse()
	v := map[string]any{"cert": d.certificates(d.pairs)}
	if list := d.stagedPairs(); list != nil {
		v["renewal"] = map[string]any{"name": d.name, "finished": true, "cert": d.certificates(list)}
	} else if d.renews() && d.due(time.Now()) {
		v["renewal"] = map[string]any{"name": d.name, "finished": false}
	}
	return sendJSON(r, v)
}

// status is all that is told of a domain.
func (d *domain) status() map[string]any {
	v := map[string]any{"name": d.name, "domains": d.names, "cert": d.certificates(d.pairs), "renew": d.renews() && d.due(time.Now()),
		"renew-mode": d.mode.Else(renewAuto), "require-https": [...]string{"off", "temporary", "permanent"}[d.require.Else(requireOff)],
		"ca": map[string]any{"urls": d.authorities, "proto": "ACME"}, "state": map[bool]int{true: 1, false: 2}[d.fallback]}
	if d.job != nil {
		j := d.readJob()
		r := map[string]any{"errors": j.Errors, "finished": d.isStaged()}
		if j.Problem != "" {
			r["last"] = map[string]any{"detail": j.Problem, "when": rfc822(j.LastRun)}
		}
		if !j.NextRun.IsZero() {
			r["next-run"] = rfc822(j.NextRun)
		}
		v["renewal"] = r
	}
	return v
}

// showStatus is the handler md-status: all domains, or the one whose name is
// behind the path.
func showStatus(r *server.Request) server.Status {
	if r.Method != "GET" && r.Method != "HEAD" {
		r.Allowed |= server.MethodBit("GET")
		return 405
	}
	c := slot.Of(r.Gen.Config.Main)
	r.Unrepeatable()
	if name := strings.Trim(r.PathInfo, "/"); name != "" {
		for _, d := range c.domains {
			if d.name == name {
				return sendJSON(r, d.status())
			}
		}
		return 404
	}
	list := []any{}
	for _, d := range c.domains {
		list = append(list, d.status())
	}
	return sendJSON(r, map[string]any{"version": "2.6.10", "managed-domains": list})
}

// statusPage is the domains' part of mod_status's page.
func statusPage(r *server.Request, short bool) string {
	c := slot.Of(r.Gen.Config.Main)
	if len(c.domains) == 0 || !c.serverStatus.Else(true) {
		return ""
	}
	var b strings.Builder
	if short {
		total, ok, renew, errored, ready := 0, 0, 0, 0, 0
		for _, d := range c.domains {
			total++
			switch j := d.readJob(); {
			case d.isStaged():
				ready++
			case j.Errors > 0:
				errored++
			case d.renews() && d.due(time.Now()):
				renew++
			default:
				ok++
			}
		}
		for _, k := range []struct {
			name string
			n    int
		}{{"Total", total}, {"OK", ok}, {"Renew", renew}, {"Errored", errored}, {"Ready", ready}} {
			fmt.Fprintf(&b, "ManagedCertificates%s: %d\n", k.name, k.n)
		}
		return b.String()
	}
	b.WriteString("<hr>\n<h3>Managed Certificates</h3>\n<table class='md_status'><thead><tr>\n" +
		"<th class=\"md_name\">Domain</th><th>Names</th><th>Status</th><th>Valid</th><th>CA</th><th>Activity</th></tr>\n</thead><tbody>")
	for i, d := range c.domains {
		class := map[bool]string{true: "even", false: "odd"}[i%2 == 1]
		state := "good"
		if d.fallback {
			state = "incomplete"
		}
		valid := ""
		for _, p := range d.pairs {
			if k := infoOf(p); k != nil {
				valid += "until " + html.EscapeString(k.Valid.Until) + " "
				if c.checkName != "" {
					valid += fmt.Sprintf("<a href=\"%s%s\">%s</a> ", html.EscapeString(c.checkURL), k.SHA256, html.EscapeString(c.checkName))
				}
			}
		}
		activity := ""
		switch j := d.readJob(); {
		case d.isStaged():
			activity = "finished successfully"
		case j.Problem != "":
			activity = "Error: " + j.Problem + ", next run " + rfc822(j.NextRun)
		}
		fmt.Fprintf(&b, "<tr class=\"%s\"><td>%s</td><td>%s</td><td>%s</td><td>%s</td><td>%s</td><td>%s</td></tr>\n", class, html.EscapeString(d.name),
			html.EscapeString(strings.Join(d.names, " ")), state, valid, html.EscapeString(strings.Join(d.authorities, " ")), html.EscapeString(activity))
	}
	b.WriteString("</tbody></table>\n")
	return b.String()
}
