package h1

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/donjon-httpd/donjon/server"
	"github.com/donjon-httpd/donjon/server/fcgi"
)

// sentFor is what the phases send for a request with these variables.
func sentFor(vars ...string) []byte {
	p := fcgi.BeginParams(fcgi.AppendBegin(nil, fcgi.Responder, false))
	for i := 0; i < len(vars); i += 2 {
		p.Add(vars[i], vars[i+1])
	}
	return fcgi.AppendStdin(p.End(), nil)
}

func client(ip string, port uint16) *server.Conn {
	return &server.Conn{ClientIP: ip, Remote: netip.AddrPortFrom(netip.MustParseAddr(ip), port)}
}

func TestVariables(t *testing.T) {
	long := strings.Repeat("l", 200) // its length takes four bytes
	const raw = "GET /i.php HTTP/1.1\r\nHost: h\r\nUser-Agent: a\r\n\r\n"
	v := newVariables(sentFor("A", "b", "HTTP_HOST", "h", "HTTP_USER_AGENT", "a", "PATH", "/bin", "REMOTE_ADDR", "192.0.2.1", "X", long, "REMOTE_PORT", "1234", "URI", "/"),
		[]byte(raw), client("192.0.2.1", 1234))
	if v == nil {
		t.Fatal("nothing was learnt")
	}
	for _, tc := range []struct {
		name, fields string
		want         []string
	}{
		{"another client and fields", "Host: h\r\nX-Long:  " + long + " \r\n", []string{"A", "b", "HTTP_HOST", "h", "HTTP_X_LONG", long, "PATH", "/bin",
			"REMOTE_ADDR", "2001:db8::1", "X", long, "REMOTE_PORT", "9", "URI", "/"}},
		{"credentials", "Host: h\r\nAuthorization: Basic x\r\n", nil},
		{"CVE-2016-5385", "Host: h\r\nProxy: x\r\n", nil},
		{"an underscore", "Host: h\r\nA_b: x\r\n", nil},
		{"a type", "Host: h\r\nContent-Type: x\r\n", nil},
		{"a name twice", "Host: h\r\nA: x\r\na: x\r\n", nil},
		{"a long name", "Host: h\r\n" + long + ": x\r\n", nil},
	} {
		got, ok := v.appendRequest(nil, []byte("GET /i.php HTTP/1.1\r\n"+tc.fields+"\r\n"), client("2001:db8::1", 9))
		if ok != (tc.want != nil) || ok && string(got) != string(sentFor(tc.want...)) {
			t.Errorf("%s: %v %q", tc.name, ok, got)
		}
	}
	for name, sent := range map[string][]byte{
		"another value":       sentFor("HTTP_HOST", "h", "HTTP_USER_AGENT", "b"),
		"fields apart":        sentFor("HTTP_HOST", "h", "A", "b", "HTTP_USER_AGENT", "a"),
		"no variables":        sentFor(),
		"cut short":           sentFor("HTTP_HOST", "h", "HTTP_USER_AGENT", "a")[:20],
		"a body":              append(sentFor("HTTP_HOST", "h", "HTTP_USER_AGENT", "a"), 0),
		"keep the connection": append(fcgi.AppendBegin(nil, fcgi.Responder, true), sentFor("HTTP_HOST", "h", "HTTP_USER_AGENT", "a")[16:]...),
	} {
		if newVariables(sent, []byte(raw), client("192.0.2.1", 1234)) != nil {
			t.Errorf("%s: something was learnt", name)
		}
	}
}

func record(kind byte, content string) string {
	return string([]byte{fcgi.Version, kind, 0, fcgi.RequestID, byte(len(content) >> 8), byte(len(content)), 0, 0}) + content
}

func TestReadRecords(t *testing.T) {
	const fields = "Content-type: text/plain\r\n\r\n"
	end := record(fcgi.End, strings.Repeat("\x00", 8))
	for _, tc := range []struct {
		name, in, body string
		ok             bool
	}{
		{"usual", record(fcgi.Stdout, fields+"body") + record(fcgi.Stdout, "") + end, "body", true},
		{"in pieces", record(fcgi.Stdout, fields[:5]) + record(fcgi.Stdout, fields[5:]+"bo") + record(fcgi.Stdout, "dy") + end, "body", true},
		{"no end", record(fcgi.Stdout, fields+"body"), "", false},
		{"behind the end", record(fcgi.Stdout, fields+"body") + end + "x", "", false},
		{"an error line", record(fcgi.Stderr, "oh") + record(fcgi.Stdout, fields) + end, "", false},
		{"refused", record(fcgi.Stdout, fields) + record(fcgi.End, "\x00\x00\x00\x00\x01\x00\x00\x00"), "", false},
		{"no fields", record(fcgi.Stdout, "body") + end, "", false},
		{"line feeds", record(fcgi.Stdout, "A: b\n\nA\r\n\r\n") + end, "", false},
		{"another request's", strings.Replace(record(fcgi.Stdout, fields), "\x00\x01", "\x00\x02", 1) + end, "", false},
		{"cut short", record(fcgi.Stdout, fields)[:12], "", false},
	} {
		var h answerHead
		ok, text := h.readRecords([]byte(tc.in), nil)
		if ok != tc.ok || ok && (string(text[h.size:]) != tc.body || string(h.key) != fields) {
			t.Errorf("%s: %v %q, fields %q", tc.name, ok, text, h.key)
		}
	}
}

// An answer that is read as a whole is what the records hold, and nothing else.
func FuzzReadRecords(f *testing.F) {
	f.Add([]byte(record(fcgi.Stdout, "A: b\r\n\r\nbody") + record(fcgi.End, strings.Repeat("\x00", 8))))
	f.Fuzz(func(t *testing.T, in []byte) {
		var h answerHead
		ok, text := h.readRecords(in, nil)
		if len(text) > len(in) || ok && (h.size > len(text) || !strings.HasSuffix(string(text[:h.size]), "\r\n\r\n")) {
			t.Fatalf("%q: %q, fields of %d bytes", in, text, h.size)
		}
	})
}

// What an application is told about a request's fields names each once, and as HTTP_.
func FuzzFieldVars(f *testing.F) {
	f.Add([]byte("GET /x HTTP/1.1\r\nHost: front\r\nB: 1\r\nTE: x\r\n\r\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		q := recognised{watch: &watchList{}}
		if !q.recognise(raw, 0, &limits{}) {
			return
		}
		out, ok := appendFieldVars(nil, raw[:q.size])
		if !ok {
			return
		}
		seen := map[string]bool{}
		for len(out) > 0 {
			var n [2]int
			for i := range n {
				if out[0] < 128 {
					n[i], out = int(out[0]), out[1:]
				} else {
					n[i], out = int(out[0]&0x7f)<<24|int(out[1])<<16|int(out[2])<<8|int(out[3]), out[4:]
				}
			}
			name := string(out[:n[0]])
			out = out[n[0]+n[1]:]
			if seen[name] || !strings.HasPrefix(name, "HTTP_") || name == "HTTP_PROXY" || name == "HTTP_AUTHORIZATION" {
				t.Fatalf("%q became %q", raw, name)
			}
			seen[name] = true
		}
	})
}
