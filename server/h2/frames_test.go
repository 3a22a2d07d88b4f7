package h2

import (
	"bytes"
	"io"
	"net"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/donjon-httpd/donjon/server"
)

// raw speaks frames.
type raw struct {
	t  *testing.T
	c  net.Conn
	fr *http2.Framer
	b  bytes.Buffer
	e  *hpack.Encoder
}

func rawOn(t *testing.T, c net.Conn) *raw {
	r := &raw{t: t, c: c, fr: http2.NewFramer(c, c)}
	r.e = hpack.NewEncoder(&r.b)
	r.fr.AllowIllegalWrites = true
	c.SetDeadline(time.Now().Add(10 * time.Second))
	io.WriteString(c, Preface)
	r.fr.WriteSettings()
	return r
}

func (r *raw) get(id uint32, end bool) {
	r.b.Reset()
	for _, f := range [][2]string{{":method", "GET"}, {":scheme", "http"}, {":authority", "localhost"}, {":path", "/a"}} {
		r.e.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]})
	}
	r.fr.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: r.b.Bytes(), EndHeaders: true, EndStream: end})
}

// until reads frames until one satisfies f.
func (r *raw) until(f func(http2.Frame) bool) http2.Frame {
	r.t.Helper()
	for {
		fr, err := r.fr.ReadFrame()
		if err != nil {
			r.t.Fatalf("the connection ended: %v", err)
		}
		if f(fr) {
			return fr
		}
	}
}

func goAway(code http2.ErrCode) func(http2.Frame) bool {
	return func(f http2.Frame) bool {
		g, ok := f.(*http2.GoAwayFrame)
		return ok && g.ErrCode == code
	}
}

// Clients that cost much and bring nothing are sent away.
func TestFloods(t *testing.T) {
	floods := map[string]func(r *raw, i int){
		"pings":    func(r *raw, i int) { r.fr.WritePing(false, [8]byte{byte(i)}) },
		"settings": func(r *raw, i int) { r.fr.WriteSettings() },
		"resets": func(r *raw, i int) {
			id := uint32(2*i + 1)
			r.get(id, true)
			r.fr.WriteRSTStream(id, http2.ErrCodeCancel)
		},
		"empty data":      func(r *raw, i int) { r.first(i, false); r.fr.WriteData(1, false, nil) },
		"priorities":      func(r *raw, i int) { r.fr.WritePriority(1, http2.PriorityParam{StreamDep: 3}) },
		"window updates":  func(r *raw, i int) { r.fr.WriteWindowUpdate(0, 1) },
		"unknown frames":  func(r *raw, i int) { r.fr.WriteRawFrame(99, 0, 0, nil) },
		"refused streams": func(r *raw, i int) { r.get(uint32(2*i+1), false) },
	}
	for name, flood := range floods {
		t.Run(name, func(t *testing.T) {
			block := make(chan struct{})
			defer close(block)
			c, _, _ := serveOn(t, defaults(), func(r *server.Request) {
				if name == "resets" {
					return
				}
				<-block
			})
			r := rawOn(t, c)
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				r2 := rawReader{r}
				r2.until(goAway(http2.ErrCodeEnhanceYourCalm))
			}()
			for i := range 20000 {
				select {
				case <-ended:
					return
				default:
				}
				flood(r, i)
			}
			<-ended
		})
	}
}

// rawReader reads while another goroutine writes.
type rawReader struct{ *raw }

func (r *raw) first(i int, end bool) {
	if i == 0 {
		r.get(1, end)
	}
}

// CONTINUATION frames without end are not gathered.
func TestContinuations(t *testing.T) {
	c, _, _ := serveOn(t, defaults(), hello)
	r := rawOn(t, c)
	r.fr.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte{0x82}})
	for range maxContinuations + 1 {
		r.fr.WriteContinuation(1, false, nil)
	}
	r.until(goAway(http2.ErrCodeEnhanceYourCalm))
}

// A server that ends lets answers end, and takes no further requests.
func TestDrain(t *testing.T) {
	release := make(chan struct{})
	began := make(chan struct{})
	c, p, done := serveOn(t, defaults(), func(r *server.Request) {
		close(began)
		<-release
		hello(r)
	})
	r := rawOn(t, c)
	r.get(1, true)
	<-began
	p.mu.Lock()
	drain := p.drain
	p.mu.Unlock()
	drain()
	g := r.until(goAway(http2.ErrCodeNo)).(*http2.GoAwayFrame)
	if g.LastStreamID != 1 {
		t.Errorf("GOAWAY names stream %d", g.LastStreamID)
	}
	r.get(3, true)
	close(release)
	r.until(func(f http2.Frame) bool {
		return f.Header().StreamID == 1 && f.Header().Flags.Has(http2.FlagDataEndStream)
	})
	<-done
}

// A stream that is reset ends what its request waits for.
func TestReset(t *testing.T) {
	errs := make(chan error, 1)
	began := make(chan struct{})
	c, _, _ := serveOn(t, defaults(), func(r *server.Request) {
		close(began)
		_, err := r.Body.Read(make([]byte, 1))
		errs <- err
	})
	r := rawOn(t, c)
	r.get(1, false)
	<-began
	r.fr.WriteRSTStream(1, http2.ErrCodeCancel)
	if err := <-errs; err == nil {
		t.Error("the body could be read")
	}
}

// An answer that nobody reads is given up.
func TestStalled(t *testing.T) {
	opt := defaults()
	opt.StreamTimeout = 50 * time.Millisecond
	errs := make(chan error, 1)
	c, _, _ := serveOn(t, opt, func(r *server.Request) {
		r.Status = 200
		errs <- r.Exchange.Body(r, &server.Brigade{EOS: true, Buckets: []server.Bucket{{Mem: make([]byte, 1<<20)}}})
	})
	r := rawOn(t, c)
	r.get(1, true)
	if err := <-errs; err != errTimeout {
		t.Errorf("%v", err)
	}
	r.until(func(f http2.Frame) bool { _, ok := f.(*http2.RSTStreamFrame); return ok })
}
