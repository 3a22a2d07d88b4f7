package lua

import (
	"bufio"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/donjon-httpd/donjon/server"
)

// websocketFuncs speak the WebSocket protocol (RFC 6455) with a client.
var websocketFuncs = map[string]func(*call) int{
	"wsupgrade": wsUpgrade,
	"wsread":    wsRead,
	"wspeek":    wsPeek,
	"wswrite":   wsWrite,
	"wsclose":   wsClose,
	"wsping":    wsPing,
}

const (
	websocketGUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11" // RFC 6455 section 1.3
	maxPayload    = 8192 * 1024                            // of a frame that a script gets, in bytes

	opPing = 0x09
)

// websocket is a connection that speaks it.
type websocket struct {
	r       *server.Request
	conn    server.ClientStream
	in      *bufio.Reader
	pending []byte // written and not sent yet
	closed  bool
}

func acceptKey(key string) string {
	sum := sha1.Sum([]byte(key + websocketGUID))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// wsUpgrade answers a client that asks for it (lua_websocket_greet).
func wsUpgrade(c *call) int {
	r := c.request(1)
	key, ok := r.FieldIn("Sec-WebSocket-Key")
	if ok && r.ProtoAtLeast(1, 1) && r.ws == nil && !r.HeadSent {
		elog.Debug(r.Request).Msgf("AH03011: Websocket: Got websocket key: %s", key)
		r.Status = 101
		r.Out.Set("Upgrade", "websocket")
		r.Out.Set("Connection", "Upgrade")
		r.Out.Set("Sec-WebSocket-Accept", acceptKey(key))
		r.Out.Set("Transfer-Encoding", "chunked") // said, and not done
		if ws, err := upgrade(r.Request); err == nil {
			r.ws = ws
			elog.Debug(r.Request).Msg("AH03012: Websocket: Upgraded from HTTP to Websocket")
			return c.pushBool(true)
		}
	}
	elog.Notice(r.Request).Msg("AH02666: Websocket: Upgrade from HTTP to Websocket failed")
	return 0
}

// upgrade sends the head and takes the connection.
func upgrade(r *server.Request) (*websocket, error) {
	fields := r.Out
	r.Out = server.Fields{}
	r.Out.Set("Date", time.Now().UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT"))
	r.Out.Set("Server", r.Gen.Banner())
	for _, f := range fields.All() {
		r.Out.Add(f.Name, f.Value)
	}
	if err := r.Exchange.Interim(r, r.Status); err != nil {
		return nil, err
	}
	conn, err := r.GiveAway()
	if err != nil {
		return nil, err
	}
	return &websocket{r: r, conn: conn, in: bufio.NewReader(conn)}, nil
}

// write gathers what puts, write and wswrite give; wswrite sends it.
func (w *websocket) write(s string) int {
	if w.closed {
		return -1
	}
	if w.pending = append(w.pending, s...); len(w.pending) >= 8000 {
		if w.flush() != nil {
			return -1
		}
	}
	return len(s)
}

func (w *websocket) flush() error {
	if w.closed {
		return os.ErrClosed
	}
	w.conn.SetDeadline(time.Now().Add(w.timeout())) //nolint:errcheck // the write tells
	_, err := w.conn.Write(w.pending)
	w.pending = w.pending[:0]
	return err
}

func (w *websocket) timeout() time.Duration {
	return server.CoreServer.Of(w.r.Server).Timeout.Else(server.DefaultTimeout)
}

// finish ends the response: what was written goes out.
func (w *websocket) finish() {
	if !w.closed && len(w.pending) > 0 {
		w.flush() //nolint:errcheck // the client is gone then
	}
	w.r.Exchange.Drop()
}

// socket is the connection of a request that speaks the protocol.
func (c *call) socket() (*request, *websocket) {
	r := c.request(1)
	return r, r.ws
}

// header is the beginning of a frame.
type header struct {
	final  bool
	opcode byte
	masked bool
	mask   [4]byte
	length uint64
	extra  bool // the length took more than a byte
}

// readHeader reads one.
func readHeader(in io.Reader) (h header, err error) {
	var b [8]byte
	if _, err = io.ReadFull(in, b[:2]); err != nil {
		return h, err
	}
	h.final, h.opcode, h.masked, h.length = b[0]>>7 != 0, b[0]&0x0f, b[1]>>7 != 0, uint64(b[1]&0x7f)
	switch h.length {
	case 126:
		if _, err = io.ReadFull(in, b[:2]); err != nil {
			return h, err
		}
		h.length, h.extra = uint64(binary.BigEndian.Uint16(b[:2])), true
	case 127:
		if _, err = io.ReadFull(in, b[:8]); err != nil {
			return h, err
		}
		h.length, h.extra = binary.BigEndian.Uint64(b[:8]), true
	}
	if h.masked {
		_, err = io.ReadFull(in, h.mask[:])
	}
	return h, err
}

// wsRead gives the payload of the next frame that has one, and whether it is the last of
// its message. A ping without payload is answered (lua_websocket_read).
func wsRead(c *call) int {
	r, w := c.socket()
	if w == nil || w.closed {
		return 0
	}
	for {
		w.conn.SetDeadline(time.Now().Add(w.timeout())) //nolint:errcheck // the read tells
		h, err := readHeader(w.in)
		if err != nil {
			return 0
		}
		extra, masking, final := "no extra payload", "off", "more to follow"
		if h.extra {
			extra = "extra payload"
		}
		if h.masked {
			masking = "on"
		}
		if h.final {
			final = "This is a final frame"
		}
		elog.Debug(r.Request).Msgf("AH03210: Websocket: Reading %d (%s) bytes, masking is %s. %s", h.length, extra, masking, final)
		if h.length > 0 && h.length < maxPayload {
			p := make([]byte, h.length)
			if _, err := io.ReadFull(w.in, p); err != nil {
				return 0
			}
			elog.Trace(1, r.Request).Msgf("Websocket: Frame contained %d bytes, pushed to Lua stack", h.length)
			if h.masked {
				for i := range p {
					p[i] ^= h.mask[i%4]
				}
			}
			return c.push(lua.LString(p), lua.LBool(h.final))
		}
		if h.opcode != opPing {
			return 0
		}
		if _, err := w.conn.Write([]byte{0x8A, 0}); err != nil {
			return 0
		}
	}
}

// wsPeek tells whether something may be read: it is false when the client has ended its
// side, and says nothing of whether there is data.
func wsPeek(c *call) int {
	_, w := c.socket()
	if w == nil || w.closed {
		return c.pushBool(false)
	}
	w.conn.SetReadDeadline(time.Unix(1, 0)) //nolint:errcheck // the read tells
	_, err := w.in.Peek(1)
	return c.pushBool(err == nil || errors.Is(err, os.ErrDeadlineExceeded))
}

// wsWrite sends a text frame, or with true the bytes as they are.
func wsWrite(c *call) int {
	r, w := c.socket()
	raw := c.flag(3)
	s := ""
	switch v := c.L.Get(2).(type) {
	case lua.LString:
		s = string(v)
	case lua.LNumber:
		s = numberText(v)
	}
	if w == nil || w.closed {
		return c.pushBool(false)
	}
	if raw {
		elog.Debug(r.Request).Msg("AH03014: Websocket: Writing raw message to client")
	} else {
		elog.Debug(r.Request).Msg("AH03013: Websocket: Writing framed message to client")
		w.pending = appendFrame(w.pending, len(s))
	}
	w.pending = append(w.pending, s...)
	return c.pushBool(w.flush() == nil)
}

// appendFrame writes the beginning of a text frame that is a message of its own.
func appendFrame(b []byte, n int) []byte {
	b = append(b, 0x81)
	switch {
	case n < 126:
		return append(b, byte(n))
	case n < 65535:
		return binary.BigEndian.AppendUint16(append(b, 126), uint16(n))
	}
	return binary.BigEndian.AppendUint64(append(b, 127), uint64(n))
}

// wsClose ends the connection. Apache writes a closing frame and closes the connection before
// the frame is sent.
func wsClose(c *call) int {
	_, w := c.socket()
	if w != nil && !w.closed {
		w.pending, w.closed = nil, true
		w.conn.CloseWrite() //nolint:errcheck // it is closed then
	}
	return 0
}

// wsPing sends a ping and tells whether a pong comes back.
func wsPing(c *call) int {
	r, w := c.socket()
	if w == nil || w.closed {
		return c.pushBool(false)
	}
	w.conn.SetDeadline(time.Now().Add(w.timeout())) //nolint:errcheck // the write tells
	var b [2]byte
	_, err := w.conn.Write([]byte{0x89, 0})
	if err == nil {
		_, err = io.ReadFull(w.in, b[:])
	}
	if err != nil {
		return c.pushBool(false)
	}
	elog.Debug(r.Request).Msgf("AH03015: Websocket: Got PONG opcode: %x", b[0])
	n, masked := int64(b[1]&0x7f), b[1]>>7 != 0
	if n > 0 {
		elog.Trace(1, r.Request).Msgf("Websocket: Reading %d bytes of PONG", n)
		return c.pushBool(b[0] == 0x8A)
	}
	if masked {
		io.CopyN(io.Discard, w.in, 4) //nolint:errcheck // the next read tells
	}
	return c.pushBool(b[0] == 0x8A)
}
