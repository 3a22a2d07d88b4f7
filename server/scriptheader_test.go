package server

import (
	"bufio"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/donjon-httpd/donjon/directives"
)

// scriptRequest is a request whose log nobody reads.
func scriptRequest() *Request {
	main := &directives.Server{}
	gen := &Generation{Config: &directives.Config{Main: main}}
	silent := map[string]Level{"test": LevelEmerg}
	CoreServer.EditServer(main).LogLevel = &LogLevels{Modules: silent}
	return &Request{Request: &http.Request{Method: "POST", Header: http.Header{}}, Gen: gen, Conn: &Conn{Gen: gen, Server: main},
		Server: main, Dir: &directives.Conf{}, Filename: "/x/s.cgi", Status: 200}
}

func TestScanScriptHeader(t *testing.T) {
	for _, tc := range []struct {
		name, in string
		status   Status
		read     int64
		want     int
		ctype    string
		out, err []Field
		note     string
	}{
		{name: "plain", in: "Content-Type: Text/HTML; charset=UTF-8 \r\nX-A:1\nX-A: 2\nStatus: 404 Gone Fishing\nLocation: /x\n\nbody", read: 93,
			want: 404, ctype: "text/html; charset=UTF-8", out: []Field{{"Location", "/x"}}, err: []Field{{"X-A", "1, 2"}}},
		{name: "cookies stay apart", in: "Set-Cookie: a=1\nSet-Cookie: b=2\n\n", read: 33, want: 200,
			err: []Field{{"Set-Cookie", "a=1"}, {"Set-Cookie", "b=2"}}},
		{name: "empty", status: 500, want: 200, note: "End of script output before headers: s.cgi"},
		{name: "premature", in: "A: b\n", read: 5, status: 500, want: 200, note: "Premature end of script headers: s.cgi"},
		{name: "malformed", in: "A: b\n<html> this is no header at all, is it\nmore", read: 44, status: 500, want: 200,
			note: "malformed header from script 's.cgi': Bad header: &lt;html&gt; this is no header at al"},
		{name: "bad status", in: "Status: none\n\n", read: 14, want: 0, note: "Invalid status line from script 's.cgi': none"},
	} {
		r := scriptRequest()
		s, read := r.ScanScriptHeader(NewLog("test"), bufio.NewReader(strings.NewReader(tc.in)), false)
		if s != tc.status || read != tc.read || r.Status != tc.want || r.ContentType != tc.ctype || r.Notes.Get("error-notes") != tc.note {
			t.Errorf("%s: %d, read %d, status %d, type %q, note %q", tc.name, s, read, r.Status, r.ContentType, r.Notes.Get("error-notes"))
		}
		if d := cmp.Diff(tc.out, r.Out.All()); d != "" {
			t.Errorf("%s: Out (-want +got):\n%s", tc.name, d)
		}
		if tc.status == OK {
			if d := cmp.Diff(tc.err, r.ErrOut.All()); d != "" {
				t.Errorf("%s: ErrOut (-want +got):\n%s", tc.name, d)
			}
		}
	}
}

func FuzzScanScriptHeader(f *testing.F) {
	f.Add("Status: 200 OK\nSet-Cookie: a\n\nx")
	f.Fuzz(func(t *testing.T, in string) {
		r := scriptRequest()
		s, read := r.ScanScriptHeader(NewLog("test"), bufio.NewReader(strings.NewReader(in)), true)
		if read < 0 || read > int64(len(in)) || s == OK && !strings.HasSuffix(in[:read], "\n") {
			t.Errorf("%q: %d, read %d", in, s, read)
		}
	})
}
