package proxy_http2

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"sync"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/donjon-httpd/donjon/server"
)

// session is what is kept of a connection to a backend (h2_proxy_session).
type session struct {
	conn   *server.ProxyConn
	in     *bufio.Reader
	framer *http2.Framer
	next   uint32 // stream

	mu      sync.Mutex // of what follows: a body is sent while the answer is read
	opened  sync.Cond  // of mu: a window, or the end
	encoder *hpack.Encoder
	encoded bytes.Buffer
	out     []byte

	window   int64 // that the backend has for all streams
	initial  int64
	maxFrame int
	unread   int64 // bytes of DATA that came, not yet given back to the connection's window
	goAway   bool  // no further streams
	last     uint32
}

// Windows that the backend has for answers.
const (
	streamWindow = 256 << 10
	connWindow   = 1 << 20
	firstWindow  = 65535
	maxFields    = 256 << 10
)

// open begins the session of a new connection.
func open(conn *server.ProxyConn) (*session, error) {
	s := &session{conn: conn, in: bufio.NewReaderSize(conn.Conn, 16<<10), next: 1, window: firstWindow, initial: firstWindow, maxFrame: 16384}
	s.opened.L = &s.mu
	s.framer = http2.NewFramer(nil, s.in)
	s.framer.SetReuseFrames()
	s.framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	s.framer.MaxHeaderListSize = maxFields
	s.encoder = hpack.NewEncoder(&s.encoded)
	s.out = append(s.out, http2.ClientPreface...)
	settings := setting(nil, http2.SettingEnablePush, 0)
	settings = setting(settings, http2.SettingInitialWindowSize, streamWindow)
	s.frame(http2.FrameSettings, 0, 0, settings)
	s.windowUpdate(0, connWindow-firstWindow)
	conn.State = s
	return s, nil // it is sent with the first request
}

func setting(p []byte, id http2.SettingID, v uint32) []byte {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint16(p, uint16(id)), v)
}

// frame adds a frame to what is sent next. mu is held.
func (s *session) frame(t http2.FrameType, flags http2.Flags, id uint32, p []byte) {
	n := len(p)
	s.out = append(s.out, byte(n>>16), byte(n>>8), byte(n), byte(t), byte(flags), byte(id>>24), byte(id>>16), byte(id>>8), byte(id))
	s.out = append(s.out, p...)
}

func (s *session) windowUpdate(id, n uint32) {
	s.frame(http2.FrameWindowUpdate, 0, id, binary.BigEndian.AppendUint32(nil, n))
}

// flush sends what was added. mu is held.
func (s *session) flush() error {
	if len(s.out) == 0 {
		return nil
	}
	_, err := s.conn.Write(s.out)
	s.out = s.out[:0]
	return err
}

// fields adds the fields of a request. mu is held.
func (s *session) fields(id uint32, end bool) {
	p := s.encoded.Bytes()
	flags := http2.Flags(0)
	if end {
		flags = http2.FlagHeadersEndStream
	}
	t := http2.FrameHeaders
	for first := true; first || len(p) > 0; first = false {
		n := min(len(p), s.maxFrame)
		if n == len(p) {
			flags |= http2.FlagHeadersEndHeaders
		}
		s.frame(t, flags, id, p[:n])
		p, t, flags = p[n:], http2.FrameContinuation, 0
	}
}

// settings are what the backend allows; x is the stream that is open, if one is. mu is held.
func (s *session) settings(f *http2.SettingsFrame, x *exchange) error {
	if f.IsAck() {
		return nil
	}
	err := f.ForeachSetting(func(v http2.Setting) error {
		if err := v.Valid(); err != nil {
			return err
		}
		switch v.ID {
		case http2.SettingInitialWindowSize:
			if x != nil {
				x.window += int64(v.Val) - s.initial
			}
			s.initial = int64(v.Val)
			s.opened.Broadcast()
		case http2.SettingMaxFrameSize:
			s.maxFrame = int(min(v.Val, 1<<16))
		case http2.SettingHeaderTableSize:
			s.encoder.SetMaxDynamicTableSize(min(v.Val, 4096))
		}
		return nil
	})
	if err != nil {
		return err
	}
	s.frame(http2.FrameSettings, http2.FlagSettingsAck, 0, nil)
	return s.flush()
}

// settle takes in what the backend has said while the connection waited, and
// tells whether it can be used again.
func (s *session) settle() bool {
	for s.in.Buffered() > 0 || s.conn.Under().Readable() {
		f, err := s.framer.ReadFrame()
		if err != nil || s.common(f, nil) != nil {
			return false
		}
	}
	return !s.goAway && s.next < 1<<30
}

// common does what frames say that are about no stream.
func (s *session) common(f http2.Frame, x *exchange) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch f := f.(type) {
	case *http2.SettingsFrame:
		return s.settings(f, x)
	case *http2.PingFrame:
		if !f.IsAck() {
			s.frame(http2.FramePing, http2.FlagPingAck, 0, f.Data[:])
			return s.flush()
		}
	case *http2.GoAwayFrame:
		s.goAway, s.last = true, f.LastStreamID
	case *http2.WindowUpdateFrame:
		switch {
		case f.StreamID == 0:
			s.window += int64(f.Increment)
		case x != nil && f.StreamID == x.id:
			x.window += int64(f.Increment)
		}
		s.opened.Broadcast()
	case *http2.DataFrame: // of a stream that is over
		if x == nil || f.StreamID != x.id {
			return s.took(0, int64(f.Length))
		}
	case *http2.PushPromiseFrame:
		return http2.ConnectionError(http2.ErrCodeProtocol)
	}
	return nil
}

// took gives n bytes back to the windows of the connection and, if id is not 0, of
// a stream. mu is held.
func (s *session) took(id uint32, n int64) error {
	if s.unread += n; s.unread >= connWindow/2 {
		s.windowUpdate(0, uint32(s.unread))
		s.unread = 0
		return s.flush()
	}
	return nil
}
