package proxy_http

import (
	"bufio"
	"io"
	"net/http"
	"strings"
	"testing"
)

// The quick way and the slow way understand the same of a head, and take no byte
// of what stands behind it.
func FuzzReadHead(f *testing.F) {
	f.Add("HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\nbody")
	f.Add("\r\nHTTP/1.0 200\nA:b\n\nrest")
	f.Add("plain text")
	f.Fuzz(func(t *testing.T, s string) {
		if len(s) > 4000 {
			return
		}
		whole := bufio.NewReaderSize(strings.NewReader(s), 8192)
		whole.Peek(1) //nolint:errcheck // it is told again
		a, errA := readHead(whole, 512)
		slow := bufio.NewReaderSize(strings.NewReader(s), 8192)
		b, errB := readLines(slow, 512)
		restA, _ := io.ReadAll(whole)
		restB, _ := io.ReadAll(slow)
		if (errA == nil) != (errB == nil) || a.line != b.line || errA == nil && (a.fields != b.fields || string(restA) != string(restB)) {
			t.Fatalf("%q:\n%+v %v, rest %q\n%+v %v, rest %q", s, a, errA, restA, b, errB, restB)
		}
	})
}

// A body in chunks is what net/http understands of it, where both accept it.
func FuzzChunks(f *testing.F) {
	f.Add("3\r\nabc\r\n0\r\n\r\nnext", 16)
	f.Add("A;x=y\r\n0123456789\r\n0\r\nT: 1\r\n\r\n", 3)
	f.Fuzz(func(t *testing.T, s string, most int) {
		if most < 1 || most > 1<<16 {
			return
		}
		in := bufio.NewReaderSize(strings.NewReader(s), 16<<10)
		src := source{in: in, how: byChunks}
		var got []byte
		var err error
		for err == nil {
			var p []byte
			p, err = src.piece(most)
			got = append(got, p...)
		}
		if err != io.EOF {
			return
		}
		resp, err := http.ReadResponse(bufio.NewReader(strings.NewReader("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"+s)), nil)
		if err != nil {
			return
		}
		want, err := io.ReadAll(resp.Body)
		if err == nil && string(want) != string(got) {
			t.Fatalf("%q is %q, net/http reads %q", s, got, want)
		}
	})
}

func TestStrictLength(t *testing.T) {
	for s, ok := range map[string]bool{"0": true, "12": true, "": false, "+1": false, "-1": false, " 1": false, "1 ": false, "1,1": false, "0x1": false, "99999999999999999999": false} {
		if _, err := strictLength(s); (err == nil) != ok {
			t.Errorf("a Content-Length of %q: %v", s, err)
		}
	}
}

func TestChunkSize(t *testing.T) {
	for s, want := range map[string]int64{"0\r\n": 0, "aF\r\n": 175, "1;x\r\n": 1, "1 \r\n": 1, "\r\n": -1, "0x1\r\n": -1, "+1\r\n": -1, "-1\r\n": -1, "1_0\r\n": -1, "ffffffffffffffffff\r\n": -1} {
		got, err := chunkSize(s)
		if err != nil {
			got = -1
		}
		if got != want {
			t.Errorf("a chunk of %q is %d, want %d", s, got, want)
		}
	}
}

func TestCanonicalDate(t *testing.T) {
	for in, want := range map[string]string{
		"Sunday, 06-Nov-94 08:49:37 GMT": "Sun, 06 Nov 1994 08:49:37 GMT", "Sun Nov  6 08:49:37 1994": "Sun, 06 Nov 1994 08:49:37 GMT",
		"Mon, 06 Nov 1994 08:49:37 GMT": "Sun, 06 Nov 1994 08:49:37 GMT", "0": "0", "": ""} {
		if got := canonicalDate(in); got != want {
			t.Errorf("%q is %q, want %q", in, got, want)
		}
	}
}
