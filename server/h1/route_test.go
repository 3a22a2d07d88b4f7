package h1

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/donjon-httpd/donjon/server"
)

const sentByPhases = "GET /x HTTP/1.1\r\nHost: back\r\nUser-Agent: a\r\nAccept: */*\r\n" +
	"X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Host: front\r\nX-Forwarded-Server: s\r\nConnection: Keep-Alive\r\n\r\n"

func TestRoute(t *testing.T) {
	const raw = "GET /x HTTP/1.1\r\nHost: front\r\nUser-Agent:  a \r\nConnection: keep-alive\r\nTE: trailers\r\nAccept: */*\r\n\r\n"
	way := newRoute(&server.Forwarding{Sent: []byte(sentByPhases)}, []byte(raw), &server.Conn{ClientIP: "192.0.2.1"})
	if way == nil {
		t.Fatal("nothing was learnt")
	}
	for _, tc := range []struct{ name, raw, client, want string }{
		{"another client", "GET /x HTTP/1.1\r\nHost: front\r\nB: 1\r\n\r\n", "2001:db8::1",
			"GET /x HTTP/1.1\r\nHost: back\r\nB: 1\r\nX-Forwarded-For: 2001:db8::1\r\nX-Forwarded-Host: front\r\nX-Forwarded-Server: s\r\nConnection: Keep-Alive\r\n\r\n"},
		{"a name twice", "GET /x HTTP/1.1\r\nHost: front\r\nB: 1\r\nb: 2\r\n\r\n", "c", ""},
		{"forwarded before", "GET /x HTTP/1.1\r\nHost: front\r\nX-Forwarded-For: 1\r\n\r\n", "c", ""},
		{"Via", "GET /x HTTP/1.1\r\nHost: front\r\nVia: 1.1 a\r\n\r\n", "c", ""},
		{"Max-Forwards", "GET /x HTTP/1.1\r\nHost: front\r\nMax-Forwards: 0\r\n\r\n", "c", ""},
		{"a body", "GET /x HTTP/1.1\r\nHost: front\r\nContent-Length: 1\r\n\r\n", "c", ""},
		{"more behind", "GET /x HTTP/1.1\r\nHost: front\r\n\r\nG", "c", ""},
		{"no end", "GET /x HTTP/1.1\r\nHost: front\r\n", "c", ""},
		{"many fields", "GET /x HTTP/1.1\r\nHost: front\r\n" + strings.Repeat("A: b\r\n", maxFields+1) + "\r\n", "c", ""},
	} {
		got, ok := way.appendRequest(nil, []byte(tc.raw), &server.Conn{ClientIP: tc.client})
		if ok != (tc.want != "") || ok && string(got) != tc.want {
			t.Errorf("%s: %v %q, want %q", tc.name, ok, got, tc.want)
		}
	}
	for name, sent := range map[string]string{
		"a field that the client has not sent": strings.Replace(sentByPhases, "Accept", "X: y\r\nAccept", 1),
		"a field less":                         strings.Replace(sentByPhases, "User-Agent: a\r\n", "", 1),
		"another value":                        strings.Replace(sentByPhases, "*/*", "text/html", 1),
		"no Host":                              strings.Replace(sentByPhases, "Host: back\r\n", "", 1),
		"nothing":                              "",
	} {
		if newRoute(&server.Forwarding{Sent: []byte(sent)}, []byte(raw), &server.Conn{ClientIP: "192.0.2.1"}) != nil {
			t.Errorf("%s: something was learnt", name)
		}
	}
}

func TestAnswerHead(t *testing.T) {
	const usual = "HTTP/1.1 200 OK\r\nDate: Fri, 27 Nov 2026 05:50:19 GMT\r\nServer: x\r\nContent-Length: 12\r\n\r\n"
	for _, tc := range []struct {
		name, head string
		ok, more   bool
	}{
		{"usual", usual + "body", true, false},
		{"part", usual[:40], false, true},
		{"no length", "HTTP/1.1 200 OK\r\nA: b\r\n\r\n", false, false},
		{"two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", false, false},
		{"length and chunks", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", false, false},
		{"a sign", "HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\n", false, false},
		{"huge", "HTTP/1.1 200 OK\r\nContent-Length: 1234567890123456\r\n\r\n", false, false},
		{"interim", "HTTP/1.1 100 Continue\r\n\r\n", false, false},
		{"old", "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n", false, false},
		{"folded", "HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 1\r\n\r\n", false, false},
		{"bare line feed", "HTTP/1.1 200 OK\nContent-Length: 1\r\n\r\n", false, false},
		{"endless", "HTTP/1.1 200 OK\r\nA: " + strings.Repeat("b", maxAnswerHead), false, false},
	} {
		var h answerHead
		ok, more := h.read([]byte(tc.head))
		if ok != tc.ok || more != tc.more {
			t.Errorf("%s: %v %v, want %v %v", tc.name, ok, more, tc.ok, tc.more)
		}
		if ok && (string(h.date) != "Fri, 27 Nov 2026 05:50:19 GMT" || h.length != 12 || h.size != len(usual)) {
			t.Errorf("%s: %q, length %d, size %d", tc.name, h.date, h.length, h.size)
		}
	}
}

// What is learnt from one head stands for heads with another date and length alone.
func TestRoutedHead(t *testing.T) {
	head := func(date, server, length string) *answerHead {
		h := &answerHead{}
		if ok, _ := h.read([]byte("HTTP/1.1 200 OK\r\nDate: " + date + "\r\nServer: " + server + "\r\nContent-Length: " + length + "\r\n\r\n")); !ok {
			t.Fatal("not read")
		}
		return h
	}
	one := head("Fri, 27 Nov 2026 05:50:19 GMT", "x", "5")
	p := &prepared{status: []byte("HTTP/1.1 200 OK\r\nDate: "), fields: []byte("\r\nServer: x\r\nContent-Length: 5\r\n"), rest: []byte("A: b\r\n\r\n"), conn: server.Persistence{}}
	known := &routedHead{key: bytes.Clone(one.key), p: p, dated: true, at: len("\r\nServer: x\r\nContent-Length: "), n: 1}
	two := head("Sat, 28 Nov 2026 05:50:19 GMT", "x", "1234")
	if !known.fits(one) || !known.fits(two) || known.fits(head("Fri, 27 Nov 2026 05:50:19 GMT", "y", "5")) {
		t.Fatal("what fits does not, or what does not does")
	}
	got, keep := known.append(nil, two, &dateTexts{}, time.Now(), 0, false, true, true)
	want := "HTTP/1.1 200 OK\r\nDate: Sat, 28 Nov 2026 05:50:19 GMT\r\nServer: x\r\nContent-Length: 1234\r\nConnection: close\r\nA: b\r\n\r\n"
	if string(got) != want || keep {
		t.Errorf("%q, want %q", got, want)
	}
}

// A head that is read is one that the rules of HTTP read in the same way: lines that
// end with CRLF, one length, and the body right behind the empty line.
func FuzzAnswerHead(f *testing.F) {
	f.Add([]byte("HTTP/1.1 200 OK\r\nDate: x\r\nContent-Length: 12\r\n\r\nbody"))
	f.Add([]byte("HTTP/1.1 204 \r\ncontent-length: 0\r\n\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var h answerHead
		ok, more := h.read(b)
		if ok && more {
			t.Fatal("whole and not whole")
		}
		if !ok {
			return
		}
		head := string(b[:h.size])
		if !strings.HasSuffix(head, "\r\n\r\n") || strings.Count(head, "\r\n\r\n") != 1 || strings.Count(head, "\n") != strings.Count(head, "\r\n") ||
			strings.Count(strings.ToLower(head), "\ncontent-length:") != 1 || strings.Contains(strings.ToLower(head), "\ntransfer-encoding:") || h.length < 0 {
			t.Fatalf("%q was read: size %d, length %d", b, h.size, h.length)
		}
	})
}

// Whatever the client sends, what goes to the backend holds no field that was not
// there, none twice, and none that only the phases may send on.
func FuzzPassed(f *testing.F) {
	f.Add([]byte("GET /x HTTP/1.1\r\nHost: front\r\nB: 1\r\nTE: x\r\n\r\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		q := recognised{watch: &watchList{}}
		if !q.recognise(raw, 0, &limits{}) {
			return
		}
		out, ok := appendPassed(nil, raw[:q.size])
		if !ok {
			return
		}
		seen := map[string]bool{}
		for line := range strings.SplitSeq(strings.TrimSuffix(string(out), "\r\n"), "\r\n") {
			if line == "" && len(out) == 0 {
				continue
			}
			name, _, ok := strings.Cut(line, ": ")
			if name = strings.ToLower(name); !ok || seen[name] || useOf([]byte(name)) != passes || strings.ContainsAny(line, "\r\n") {
				t.Fatalf("%q became %q", raw, out)
			}
			seen[name] = true
		}
	})
}
