package proxy_http2

import (
	"bytes"
	"io"
	"net"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/donjon-httpd/donjon/server"
)

func TestReverseLink(t *testing.T) {
	mapped := func(s string) string { return "[" + s + "]" }
	for in, want := range map[string]string{
		"</a>; rel=x":                "<[/a]>; rel=x",
		"</a>; rel=x, <b>;rel=\"y\"": "<[/a]>; rel=x, <[b]>;rel=\"y\"",
		"no link":                    "no link",
		"<open":                      "<open",
	} {
		if got := reverseLink(in, mapped); got != want {
			t.Errorf("%s: %s", in, got)
		}
	}
}

func TestScheme(t *testing.T) {
	for url, want := range map[string]string{"h2c://a/": "h2c", "H2://a": "h2", "http://a": "", "h2c:a": "", "h3://a": ""} {
		if got, _ := scheme(url); got != want {
			t.Errorf("%s: %q", url, got)
		}
	}
}

// FuzzFrames reads what a backend says on no stream in particular: no panic.
func FuzzFrames(f *testing.F) {
	var b bytes.Buffer
	fr := http2.NewFramer(&b, nil)
	fr.WriteSettings(http2.Setting{ID: http2.SettingMaxFrameSize, Val: 16384}, http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1})
	fr.WritePing(false, [8]byte{})
	fr.WriteGoAway(1, 0, nil)
	fr.WriteWindowUpdate(0, 5)
	fr.WriteData(1, true, []byte("abc"))
	f.Add(b.Bytes())
	f.Add([]byte("\x00\x00\x01\x05\x04\x00\x00\x00\x01\x82"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s := &session{initial: firstWindow, window: firstWindow, maxFrame: 16384}
		s.opened.L = &s.mu
		s.encoder = hpack.NewEncoder(&s.encoded)
		s.framer = http2.NewFramer(nil, bytes.NewReader(data))
		s.framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
		s.framer.MaxHeaderListSize = maxFields
		s.conn = discard()
		x := &exchange{id: 1, s: s}
		for {
			fr, err := s.framer.ReadFrame()
			if err != nil || s.common(fr, x) != nil {
				return
			}
		}
	})
}

// sink is a connection that takes everything.
type sink struct{ net.Conn }

func (sink) Write(p []byte) (int, error) { return io.Discard.Write(p) }

func discard() *server.ProxyConn { return &server.ProxyConn{Conn: sink{}} }
