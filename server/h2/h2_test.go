package h2

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// pipe is a Wire over a net.Conn, whose requests are answered by answer instead
// of the phases.
type pipe struct {
	net.Conn
	answer func(*server.Request)
	drain  func()
	mu     sync.Mutex
}

func (p *pipe) CloseWrite() error       { return p.Close() }
func (p *pipe) Encrypted() bool         { return false }
func (p *pipe) SetRecordSize(int)       {}
func (p *pipe) Go(f func())             { go f() }
func (p *pipe) HeadTime() time.Duration { return 0 }

func (p *pipe) OnDrain(f func()) {
	p.mu.Lock()
	p.drain = f
	p.mu.Unlock()
}

func (p *pipe) Process(r *server.Request, refused server.Status, _ func() int64) bool {
	if refused != 0 {
		r.Status = int(refused)
		r.Exchange.Body(r, &server.Brigade{EOS: true})
		return true
	}
	p.answer(r)
	return true
}

// generation is one without modules.
func generation(t testing.TB) (*server.Generation, *directives.Server) {
	t.Helper()
	v := &directives.Server{Defaults: &directives.Conf{}}
	cfg := &directives.Config{Main: v}
	g, err := server.NewGeneration(cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	return g, v
}

func defaults() Options {
	return Options{MaxStreams: 10, Window: initialWindow, MaxStreamErrors: 8, Push: true, Diary: 16}
}

// serveOn serves one side of a pipe and gives the other.
func serveOn(t testing.TB, opt Options, answer func(*server.Request)) (client net.Conn, p *pipe, done chan struct{}) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client, err = net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	side, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	g, v := generation(t)
	p = &pipe{Conn: side, answer: answer}
	done = make(chan struct{})
	go func() {
		defer close(done)
		Serve(&server.Conn{Gen: g, Server: v, ID: 1}, p, opt, nil)
		side.Close()
	}()
	t.Cleanup(func() { client.Close(); <-done })
	return client, p, done
}

// hello answers with the path, and the body of the request.
func hello(r *server.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		r.Status = 400
		r.Exchange.Body(r, &server.Brigade{EOS: true})
		return
	}
	r.Status = 200
	r.Out.Add("Content-Type", "text/plain")
	r.Exchange.Body(r, &server.Brigade{EOS: true, Buckets: []server.Bucket{{Mem: []byte(r.URI + ":")}, {Mem: body}}})
}

// transport is net/http's client over one connection.
func transport(c net.Conn) http.RoundTripper {
	p := new(http.Protocols)
	p.SetUnencryptedHTTP2(true)
	return &http.Transport{Protocols: p, MaxConnsPerHost: 1, DialContext: func(context.Context, string, string) (net.Conn, error) { return c, nil }}
}

func TestRoundTrips(t *testing.T) {
	c, _, _ := serveOn(t, defaults(), hello)
	rt := transport(c)
	var wg sync.WaitGroup
	places := make(chan struct{}, 10)
	for i := range 40 {
		wg.Add(1)
		places <- struct{}{}
		go func() {
			defer func() { <-places; wg.Done() }()
			want := strings.Repeat("x", i*5000)
			req, _ := http.NewRequest("POST", "http://localhost/a", strings.NewReader(want))
			resp, err := rt.RoundTrip(req)
			if err != nil {
				t.Error(err)
				return
			}
			defer resp.Body.Close()
			got, err := io.ReadAll(resp.Body)
			if err != nil || string(got) != "/a:"+want {
				t.Errorf("%d bytes came back of %d: %v", len(got), len(want), err)
			}
		}()
	}
	wg.Wait()
}

func TestTrailers(t *testing.T) {
	c, _, _ := serveOn(t, defaults(), func(r *server.Request) {
		io.Copy(io.Discard, r.Body)
		r.Status = 200
		r.TrailersOut.Add("X-Sum", "<"+r.Trailer.Get("X-Asked")+">")
		r.Exchange.Body(r, &server.Brigade{EOS: true, Buckets: []server.Bucket{{Mem: []byte("body")}}})
	})
	req, _ := http.NewRequest("POST", "http://localhost/", io.NopCloser(strings.NewReader("abc")))
	req.Trailer = http.Header{"X-Asked": {"yes"}}
	resp, err := transport(c).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	b, _ := io.ReadAll(resp.Body)
	if string(b) != "body" || resp.Trailer.Get("X-Sum") != "<yes>" {
		t.Errorf("body %q, trailers %v", b, resp.Trailer)
	}
}

// A body that does not fit the client's windows waits for them.
func TestWindows(t *testing.T) {
	big := bytes.Repeat([]byte("y"), 1<<20)
	c, _, _ := serveOn(t, defaults(), func(r *server.Request) {
		r.Status = 200
		r.Exchange.Body(r, &server.Brigade{EOS: true, Buckets: []server.Bucket{{Mem: big}}})
	})
	req, _ := http.NewRequest("GET", "http://localhost/", nil)
	resp, err := transport(c).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(resp.Body); err != nil || !bytes.Equal(got, big) {
		t.Errorf("%d bytes: %v", len(got), err)
	}
}

func TestHeads(t *testing.T) {
	full := [][2]string{{":method", "GET"}, {":scheme", "http"}, {":authority", "a"}, {":path", "/"}}
	for name, c := range map[string]struct {
		fields [][2]string
		ok     bool
	}{
		"whole":         {full, true},
		"no method":     {full[1:], false},
		"no path":       {full[:3], false},
		"upper case":    {append(full[:4:4], [2]string{"X-A", "b"}), false},
		"about it":      {append(full[:4:4], [2]string{"upgrade", "h2c"}), false},
		"trailers":      {append(full[:4:4], [2]string{"te", "trailers"}), true},
		"line feed":     {append(full[:4:4], [2]string{"x", "a\nb"}), false},
		"nul":           {append(full[:4:4], [2]string{"x", "a\x00"}), false},
		"pseudo behind": {append(full[:3:3], [2]string{"x", "y"}, [2]string{":path", "/"}), false},
	} {
		h := &head{fields: http.Header{}}
		for _, f := range c.fields {
			if h.malformed == "" {
				h.add(f[0], f[1])
			}
		}
		if problem := h.check(false); (problem == "") != c.ok {
			t.Errorf("%s: %q", name, problem)
		}
	}
}

func TestDiary(t *testing.T) {
	d := diary{size: 2}
	for i, want := range []bool{true, true, false, true, true, false} {
		if got := d.note([]string{"a", "b", "b", "c", "a", "c"}[i]); got != want {
			t.Errorf("%d: %v", i, got)
		}
	}
}

// FuzzServe sends what it likes behind the preface: no panic, and the session ends
// when the client does.
func FuzzServe(f *testing.F) {
	var b bytes.Buffer
	fr := http2.NewFramer(&b, nil)
	fr.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 10})
	fr.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte{0x82, 0x86, 0x84, 0x01, 1, 'a'}, EndHeaders: true})
	fr.WriteDataPadded(1, false, []byte("abc"), []byte{0, 0})
	fr.WriteWindowUpdate(1, 100)
	fr.WriteRSTStream(1, 8)
	fr.WritePing(false, [8]byte{})
	f.Add(b.Bytes())
	f.Add([]byte{})
	f.Add([]byte("\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00\x01\x01\x05\x00\x00\x00\x01\x82"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<16 {
			return
		}
		opt := defaults()
		opt.StreamTimeout = 20 * time.Millisecond
		client, side := net.Pipe()
		g, v := generation(t)
		p := &pipe{Conn: side, answer: hello}
		done := make(chan struct{})
		go func() {
			defer close(done)
			Serve(&server.Conn{Gen: g, Server: v, ID: 1}, p, opt, nil)
			side.Close()
		}()
		go io.Copy(io.Discard, client)
		client.SetWriteDeadline(time.Now().Add(5 * time.Second))
		client.Write([]byte(Preface))
		client.Write(data)
		client.Close()
		select {
		case <-done:
		case <-time.After(10 * time.Second):
			t.Fatal("the session does not end")
		}
	})
}
