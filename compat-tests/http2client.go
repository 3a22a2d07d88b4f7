package compattests

import (
	"bytes"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// h2stream is what came on a stream.
type h2stream struct {
	heads  []string
	body   bytes.Buffer
	events []string
	over   bool
	opened bool // by us
}

// h2client runs a session.
type h2client struct {
	*session
	c       net.Conn
	fr      *http2.Framer
	enc     *hpack.Encoder
	block   bytes.Buffer
	dec     *hpack.Decoder
	got     []hpack.HeaderField
	streams map[uint32]*h2stream
	conn    []string // what is about no stream
	next    uint32
	over    bool
	goaway  bool
	scheme  string
}

// talk runs the session with a server and gives its text. expand fills in what a
// case may mention.
func (s *session) talk(addr string, over *tls.Config, expand func(string) string) (string, []string, error) {
	c, err := net.DialTimeout("tcp", addr, 5*time.Second)
	if err != nil {
		return "", nil, err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(10 * time.Second))
	h := &h2client{session: s, c: c, streams: map[uint32]*h2stream{}, next: 1, scheme: "http"}
	if over != nil {
		over.NextProtos = []string{"h2", "http/1.1"}
		over.CipherSuites = nil
		t := tls.Client(c, over)
		if t.Handshake() != nil {
			return noTLS, nil, nil
		}
		if p := t.ConnectionState().NegotiatedProtocol; p != "h2" {
			return "<" + p + " is agreed on>\n", nil, nil
		}
		h.c, h.scheme = t, "https"
	}
	var in io.Reader = h.c
	if s.upgrade {
		rest, text, err := h.ask(expand)
		if err != nil || rest == nil {
			return text, nil, err
		}
		in = io.MultiReader(rest, h.c)
		h.conn = append(h.conn, strings.Split(strings.TrimSpace(strings.ReplaceAll(text, "\r", "")), "\n")...)
		h.stream(1).opened = true
		h.next = 3
	}
	h.fr = http2.NewFramer(h.c, in)
	h.fr.AllowIllegalWrites, h.fr.AllowIllegalReads = true, true
	h.enc = hpack.NewEncoder(&h.block)
	h.dec = hpack.NewDecoder(4096, func(f hpack.HeaderField) { h.got = append(h.got, f) })
	io.WriteString(h.c, http2.ClientPreface)
	h.fr.WriteSettings(s.settings...)
	for _, st := range s.steps {
		if err := h.do(st, expand); err != nil {
			return "", nil, err
		}
	}
	h.await()
	return "", h.text(), nil
}

// ask sends the request that asks for h2c, and gives what came behind its answer;
// nil where the server stays with HTTP/1.1.
func (h *h2client) ask(expand func(string) string) (io.Reader, string, error) {
	st := h.steps[0]
	b := st.args[0] + " " + expand(st.args[1]) + " HTTP/1.1\r\nHost: localhost\r\n"
	has := map[string]bool{}
	for _, f := range st.fields {
		b += f[0] + ": " + expand(f[1]) + "\r\n"
		has[f[0]] = true
	}
	for _, f := range [][2]string{{"Connection", "Upgrade, HTTP2-Settings"}, {"Upgrade", "h2c"}, {"HTTP2-Settings", "AAMAAABkAAQAAP__"}} {
		if !has[f[0]] {
			b += f[0] + ": " + f[1] + "\r\n"
		}
	}
	io.WriteString(h.c, b+"\r\n")
	var got []byte
	p := make([]byte, 4096)
	for {
		n, err := h.c.Read(p)
		got = append(got, p[:n]...)
		if i := bytes.Index(got, []byte("\r\n\r\n")); i >= 0 {
			if !bytes.HasPrefix(got, []byte("HTTP/1.1 101")) {
				h.c.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
				rest, _ := io.ReadAll(h.c)
				return nil, string(got) + string(rest), nil
			}
			return bytes.NewReader(got[i+4:]), string(got[:i+2]), nil
		}
		if err != nil {
			return nil, string(got), nil
		}
	}
}

func (h *h2client) stream(id uint32) *h2stream {
	st := h.streams[id]
	if st == nil {
		st = &h2stream{}
		h.streams[id] = st
	}
	return st
}

func number(s string) uint32 {
	n, _ := strconv.ParseUint(s, 10, 32)
	return uint32(n)
}

// do sends one line.
func (h *h2client) do(st step, expand func(string) string) error {
	arg := func(i int) string {
		if i < len(st.args) {
			return st.args[i]
		}
		return ""
	}
	end := arg(1) == "end"
	rest := func(from int) string {
		if end {
			from++
		}
		text := strings.Join(st.args[min(from, len(st.args)):], " ")
		if s, err := strconv.Unquote(`"` + strings.ReplaceAll(text, `"`, `\"`) + `"`); err == nil {
			return s
		}
		return text
	}
	h.block.Reset()
	switch st.what {
	case "request":
		id := h.next
		h.next += 2
		h.stream(id).opened = true
		authority := "localhost"
		extra := st.fields
		for len(extra) > 0 && extra[0][0] == ":authority" {
			authority, extra = expand(extra[0][1]), extra[1:]
		}
		for _, f := range [][2]string{{":method", arg(0)}, {":scheme", h.scheme}, {":authority", authority}, {":path", expand(arg(1))}} {
			h.enc.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]})
		}
		for _, f := range extra {
			h.enc.WriteField(hpack.HeaderField{Name: strings.ToLower(f[0]), Value: expand(f[1])})
		}
		h.fr.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: h.block.Bytes(), EndHeaders: true, EndStream: arg(2) != "…"})
	case "headers", "trailers":
		for _, f := range st.fields {
			h.enc.WriteField(hpack.HeaderField{Name: f[0], Value: expand(f[1])})
		}
		id := number(arg(0))
		if st.what == "headers" {
			h.stream(id).opened = true
			h.next = max(h.next, id+2)
		}
		h.fr.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: h.block.Bytes(), EndHeaders: true, EndStream: end || st.what == "trailers"})
	case "data":
		h.fr.WriteData(number(arg(0)), end, []byte(rest(1)))
	case "fill":
		left := int(number(rest(1)))
		for {
			n := min(left, 16384)
			left -= n
			h.fr.WriteData(number(arg(0)), end && left == 0, bytes.Repeat([]byte("x"), n))
			if left == 0 {
				break
			}
		}
	case "window":
		h.fr.WriteWindowUpdate(number(arg(0)), number(arg(1)))
	case "reset":
		h.fr.WriteRSTStream(number(arg(0)), http2.ErrCode(number(arg(1))))
		h.stream(number(arg(0))).over = true
	case "ping":
		var p [8]byte
		copy(p[:], arg(0))
		h.fr.WritePing(false, p)
	case "priority":
		h.fr.WritePriority(number(arg(0)), http2.PriorityParam{Weight: 15})
	case "frame":
		p, err := hex.DecodeString(arg(3))
		if err != nil {
			return err
		}
		h.fr.WriteRawFrame(http2.FrameType(number(arg(0))), http2.Flags(number(arg(1))), number(arg(2)), p)
	case "await":
		h.await()
		time.Sleep(20 * time.Millisecond) // a stream is logged after its last frame
	}
	return nil
}

// await reads until every stream of ours is over. A ping at the end tells that
// nothing else comes.
func (h *h2client) await() {
	marker := [8]byte{'e', 'n', 'd'}
	asked := false
	for !h.over {
		waiting := false
		for _, st := range h.streams {
			waiting = waiting || !st.over
		}
		if !waiting && !asked {
			asked = true
			h.fr.WritePing(false, marker)
		}
		f, err := h.fr.ReadFrame()
		if err != nil {
			var timeout net.Error
			if errors.As(err, &timeout) && timeout.Timeout() {
				h.conn = append(h.conn, "<nothing more came>")
			}
			h.over = true
			return
		}
		if p, ok := f.(*http2.PingFrame); ok && p.IsAck() && p.Data == marker && asked {
			return
		}
		h.take(f)
	}
}

// take notes a frame.
func (h *h2client) take(f http2.Frame) {
	id := f.Header().StreamID
	switch f := f.(type) {
	case *http2.HeadersFrame:
		h.fields(f.HeaderBlockFragment(), f.HeadersEnded())
		st := h.stream(id)
		st.heads = append(st.heads, h.head())
		st.over = st.over || f.StreamEnded()
	case *http2.PushPromiseFrame:
		h.fields(f.HeaderBlockFragment(), f.HeadersEnded())
		st := h.stream(id)
		st.events = append(st.events, fmt.Sprintf("PUSH_PROMISE %d", f.PromiseID))
		for _, g := range h.got {
			st.events = append(st.events, "  "+g.Name+": "+g.Value)
		}
		h.stream(f.PromiseID)
	case *http2.DataFrame:
		st := h.stream(id)
		st.body.Write(f.Data())
		if h.show["frames"] {
			st.events = append(st.events, fmt.Sprintf("DATA %d", f.Length))
		}
		if f.Length > 0 && !h.show["frames"] {
			h.fr.WriteWindowUpdate(0, f.Length)
			if !f.StreamEnded() {
				h.fr.WriteWindowUpdate(id, f.Length)
			}
		}
		st.over = st.over || f.StreamEnded()
	case *http2.RSTStreamFrame:
		st := h.stream(id)
		if !st.over || f.ErrCode != http2.ErrCodeNo {
			st.events = append(st.events, "RST_STREAM "+f.ErrCode.String())
		}
		st.over = true
	case *http2.GoAwayFrame:
		h.goaway = true
		if f.ErrCode != http2.ErrCodeNo { // a matter of time
			h.conn = append(h.conn, "GOAWAY "+f.ErrCode.String())
		}
	case *http2.SettingsFrame:
		if f.IsAck() {
			return
		}
		if h.show["settings"] {
			f.ForeachSetting(func(s http2.Setting) error {
				h.conn = append(h.conn, fmt.Sprintf("SETTINGS %s=%d", s.ID, s.Val))
				return nil
			})
		}
		h.fr.WriteSettingsAck()
	case *http2.PingFrame:
		h.conn = append(h.conn, "PING "+strings.TrimRight(string(f.Data[:]), "\x00"))
	case *http2.WindowUpdateFrame:
		if h.show["settings"] {
			h.conn = append(h.conn, fmt.Sprintf("WINDOW_UPDATE %d %d", id, f.Increment))
		}
	}
}

// fields decodes a block, with the frames that continue it.
func (h *h2client) fields(p []byte, last bool) {
	h.got = nil
	h.dec.Write(p)
	for !last {
		f, err := h.fr.ReadFrame()
		c, ok := f.(*http2.ContinuationFrame)
		if err != nil || !ok {
			return
		}
		h.dec.Write(c.HeaderBlockFragment())
		last = c.HeadersEnded()
	}
	h.dec.Close()
}

// head is the fields that were decoded as HTTP/1.1 would write them.
func (h *h2client) head() string {
	first := "TRAILERS"
	var b strings.Builder
	for _, f := range h.got {
		if f.Name == ":status" {
			first = "HTTP/2 " + f.Value
			continue
		}
		if f.Name != strings.ToLower(f.Name) {
			first += " <a name in upper case>"
		}
		b.WriteString(http.CanonicalHeaderKey(f.Name) + ": " + f.Value + "\r\n")
	}
	return first + "\r\n" + b.String()
}

// text is what came: one piece for the connection, if anything is to be told of
// it, and one for each head, body and event of the streams.
func (h *h2client) text() (pieces []string) {
	for _, l := range h.conn {
		pieces = append(pieces, "* "+l)
	}
	ids := slices.Sorted(maps.Keys(h.streams))
	for _, id := range ids {
		st := h.streams[id]
		if len(ids) > 1 {
			pieces = append(pieces, fmt.Sprintf("* stream %d", id))
		}
		body := st.body.String()
		final := -1
		for i, head := range st.heads {
			if !strings.HasPrefix(head, "HTTP/2 1") && final < 0 {
				final = i
			}
		}
		for i, head := range st.heads {
			if i == final {
				pieces = append(pieces, head+"\r\n"+body)
			} else {
				pieces = append(pieces, head+"\r\n")
			}
		}
		for _, e := range st.events {
			pieces = append(pieces, "* "+e)
		}
	}
	unanswered := false
	for _, st := range h.streams {
		unanswered = unanswered || st.opened && !st.over
	}
	if h.over && !h.goaway && unanswered {
		pieces = append(pieces, "* closed")
	}
	return pieces
}

// renderSession writes an HTTP/2 session as a case has it.
func (c *testCase) renderSession(pieces []string, dir string, port int) string {
	var b strings.Builder
	for _, p := range pieces {
		if strings.HasPrefix(p, "* ") {
			b.WriteString(c.hidePort2(normal(p, dir, port)) + "\n")
			continue
		}
		b.WriteString(c.render(p, dir, port))
	}
	return b.String()
}
