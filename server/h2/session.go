package h2

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/donjon-httpd/donjon/server"
)

var elog = server.NewLog("http2")

// session is a client's connection.
type session struct {
	opt  Options
	conn *server.Conn
	wire server.Wire
	name string // in tags and log lines: process and number of the connection

	// The reading goroutine's.
	in     *bufio.Reader
	framer *http2.Framer
	fields *hpack.Decoder
	block  block
	quiet  bool // the client ended the connection
	got    int64

	mu       sync.Mutex
	changed  sync.Cond // of mu: windows, room, ends
	streams  map[uint32]*stream
	open     int    // streams that the client counts as open
	running  int    // goroutines of streams
	last     uint32 // highest stream of the client's
	pushed   uint32 // highest stream of ours
	served   bool   // a request came
	draining bool   // no further streams are taken
	told     bool   // the client was told with the number of the last one, promised
	promised uint32
	err      error // why the session ended; nil while it runs
	errors   int   // that the client made in streams

	// What the client allows.
	window     int64 // bytes of DATA on all streams
	initial    int64 // of a new stream
	maxFrame   int
	takesPush  bool
	maxPushes  uint32
	pushes     int // that are open
	diary      diary
	unread     int64 // bytes of DATA that came, not yet given back to the connection's window
	credit     int   // see spend
	creditedAt time.Time

	out      []byte // frames to send
	spare    []byte
	sending  bool
	encoder  *hpack.Encoder
	encoded  bytes.Buffer
	warmed   int64     // bytes sent since the connection began or was idle
	sentLast time.Time // when something was sent
}

// connError ends a session; the client is told the code.
type connError struct {
	code http2.ErrCode
	why  string
}

func (e *connError) Error() string { return fmt.Sprintf("%s: %s", e.code, e.why) }

func protocolError(why string) error { return &connError{http2.ErrCodeProtocol, why} }

// errGone is a session that is over.
var errGone = errors.New("the connection is gone")

// Serve speaks HTTP/2 on a connection until it ends. upgraded is the HTTP/1.1
// request that asked for it; nil for none.
func Serve(c *server.Conn, w server.Wire, opt Options, upgraded *server.Request) {
	s := newSession(c, w, opt)
	s.run(upgraded)
}

const (
	initialWindow = 65535 // RFC 9113 section 6.9.2
	minFrame      = 16384 // RFC 9113 section 6.5.2
	maxWindow     = 1<<31 - 1
)

func newSession(c *server.Conn, w server.Wire, opt Options) *session {
	s := &session{opt: opt, conn: c, wire: w, streams: map[uint32]*stream{}, window: initialWindow, initial: initialWindow,
		maxFrame: minFrame, takesPush: true, maxPushes: 100, credit: fullCredit, creditedAt: time.Now()}
	s.name = strconv.Itoa(os.Getpid()) + "-" + strconv.FormatUint(c.ID, 10)
	s.changed.L = &s.mu
	s.in = bufio.NewReaderSize(tapped{s}, minFrame)
	s.framer = http2.NewFramer(io.Discard, s.in)
	s.framer.SetReuseFrames()
	s.framer.SetMaxReadFrameSize(minFrame)
	s.fields = hpack.NewDecoder(4096, s.emit)
	s.fields.SetMaxStringLength(maxString)
	s.encoder = hpack.NewEncoder(&s.encoded)
	s.encoder.SetMaxDynamicTableSizeLimit(4096)
	s.diary.size = opt.Diary
	return s
}

// tapped reads from the client, and shows it to who looks on.
type tapped struct{ s *session }

func (t tapped) Read(p []byte) (int, error) {
	n, err := t.s.wire.Read(p)
	if tap := t.s.conn.Tap; tap != nil && tap.In != nil && n > 0 {
		tap.In(t.s.conn, false, len(p), p[:n])
	}
	return n, err
}

func (s *session) timeout() time.Duration {
	return server.CoreServer.Of(s.conn.Server).Timeout.Else(server.DefaultTimeout)
}

func (s *session) keepAlive() time.Duration {
	return server.CoreServer.Of(s.conn.Server).KeepAliveTimeout.Else(server.DefaultKeepAliveTimeout)
}

// run is the life of the session.
func (s *session) run(upgraded *server.Request) {
	defer func() {
		if e := recover(); e != nil {
			elog.Crit(s.conn).Msgf("the session panicked: %v", e)
			s.fail(errGone)
			panic(e)
		}
	}()
	if e := elog.Debug(s.conn); e != nil {
		e.Msgf("AH03079: h2_session(%s): started on %s:%d", s.name, server.CoreServer.Of(s.conn.Server).ServerName, s.conn.Local.Port())
	}
	s.wire.OnDrain(s.drain)
	first := s.timeout()
	if t := s.wire.HeadTime(); t > 0 {
		first = min(first, t)
	}
	s.wire.SetReadDeadline(time.Now().Add(first)) //nolint:errcheck // the read tells
	s.greet()
	var err error
	if upgraded != nil {
		err = s.upgrade(upgraded)
	}
	if err == nil {
		err = s.readPreface()
	}
	for err == nil {
		err = s.readFrame()
	}
	s.end(err)
}

// greet sends what a server begins with: the settings, and a window of the
// connection that never closes, since each stream has its own.
func (s *session) greet() {
	s.mu.Lock()
	defer s.mu.Unlock()
	var p []byte
	p = appendSetting(p, http2.SettingMaxConcurrentStreams, uint32(s.opt.MaxStreams))
	if s.opt.Window != initialWindow {
		p = appendSetting(p, http2.SettingInitialWindowSize, uint32(s.opt.Window))
	}
	if s.opt.WebSockets {
		p = appendSetting(p, http2.SettingEnableConnectProtocol, 1)
	}
	s.appendFrame(http2.FrameSettings, 0, 0, p)
	s.appendWindowUpdate(0, maxWindow-initialWindow)
	s.kick()
}

// readPreface reads the client's preface, whose last part is a SETTINGS frame.
func (s *session) readPreface() error {
	got, err := s.in.Peek(len(Preface))
	if err != nil {
		if len(got) > 0 && string(got) != Preface[:len(got)] {
			return protocolError("no preface")
		}
		return err
	}
	if string(got) != Preface {
		return protocolError("no preface")
	}
	s.in.Discard(len(Preface)) //nolint:errcheck // it is buffered
	head, err := s.in.Peek(9)
	if err != nil {
		return err
	}
	if http2.FrameType(head[3]) != http2.FrameSettings || head[4]&byte(http2.FlagSettingsAck) != 0 {
		return protocolError("the preface has no settings")
	}
	return nil
}

// upgrade takes over the request that asked for HTTP/2 as stream 1, half closed
// (RFC 7540 section 3.2).
func (s *session) upgrade(r *server.Request) error {
	text, _ := r.FieldIn("HTTP2-Settings")
	list, ok := settingsOf(text)
	if !ok {
		return protocolError("HTTP2-Settings is malformed")
	}
	for _, v := range list {
		s.mu.Lock()
		err := s.setting(v)
		s.mu.Unlock()
		if err != nil {
			return err
		}
	}
	return s.begin(headOfUpgrade(r), 1, true)
}

// settingsOf reads an HTTP2-Settings field: the payload of a SETTINGS frame in
// base64url (RFC 7540 section 3.2.1).
func settingsOf(text string) ([]http2.Setting, bool) {
	p, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(text, "="))
	if err != nil || len(p)%6 != 0 {
		return nil, false
	}
	list := make([]http2.Setting, 0, len(p)/6)
	for ; len(p) > 0; p = p[6:] {
		list = append(list, http2.Setting{ID: http2.SettingID(binary.BigEndian.Uint16(p)), Val: binary.BigEndian.Uint32(p[2:])})
	}
	return list, true
}

// end closes the session: streams that answer are ended where the connection is
// gone, and else waited for.
func (s *session) end(err error) {
	var ce *connError
	code, why := http2.ErrCodeNo, ""
	switch {
	case errors.As(err, &ce):
		code, why = ce.code, ce.why
	case isConnError(err, &code):
		why = err.Error()
	}
	s.mu.Lock()
	over := s.err != nil
	if !over {
		s.draining = true
		if code != http2.ErrCodeNo {
			for _, st := range s.streams {
				st.abort()
			}
		}
		s.appendGoAway(code)
	}
	s.mu.Unlock()
	if e := elog.Debug(s.conn); e != nil {
		e.Msgf("AH03069: h2_session(%s): sent GOAWAY, err=%d, msg=%s", s.name, code, why)
	}
	if code == http2.ErrCodeNo && !over {
		s.waitForStreams()
	}
	s.flushNow()
	s.fail(errGone)
	s.wire.CloseWrite() //nolint:errcheck // it may be gone
	if !s.quiet && code != http2.ErrCodeNo {
		s.linger()
	}
	s.mu.Lock()
	for s.running > 0 {
		s.changed.Wait()
	}
	s.mu.Unlock()
}

// isConnError gives the code of an error of the framer's.
func isConnError(err error, code *http2.ErrCode) bool {
	var ce http2.ConnectionError
	if errors.As(err, &ce) {
		*code = http2.ErrCode(ce)
		return true
	}
	if errors.Is(err, http2.ErrFrameTooLarge) {
		*code = http2.ErrCodeFrameSize
		return true
	}
	return false
}

// waitForStreams lets answers end that are under way. The client is still read,
// as far as it is there: its windows are needed.
func (s *session) waitForStreams() {
	for {
		s.mu.Lock()
		left := s.running > 0 && s.err == nil
		s.mu.Unlock()
		if !left || s.quiet {
			return
		}
		if err := s.readFrame(); err != nil {
			var t interface{ Timeout() bool }
			if errors.As(err, &t) && t.Timeout() {
				continue
			}
			return
		}
	}
}

// linger reads what the client has sent meanwhile, so that the end of the
// connection does not take the last frames from it.
func (s *session) linger() {
	s.wire.SetReadDeadline(time.Now().Add(time.Second)) //nolint:errcheck // the read tells
	io.CopyN(io.Discard, s.wire, 1<<20)                 //nolint:errcheck // nobody wants it
}

// drain is called when no further requests are wanted.
func (s *session) drain() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draining || s.err != nil {
		return
	}
	s.draining = true
	s.appendGoAway(http2.ErrCodeNo)
	s.kick()
	if s.open == 0 {
		s.rest()
	}
}

// rest has the session end when nothing comes for a while. mu is held.
func (s *session) rest() {
	wait := s.keepAlive()
	if s.draining {
		wait = 0
	} else if !s.served {
		return // the time for the first request is running
	}
	s.wire.SetReadDeadline(time.Now().Add(wait)) //nolint:errcheck // the read tells
}

// fail ends all that waits.
func (s *session) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = err
	}
	for _, st := range s.streams {
		st.notify()
	}
	s.changed.Broadcast()
	s.wire.SetReadDeadline(time.Unix(1, 0)) //nolint:errcheck // it is over
}

// A client pays for each frame that costs it little and brings it nothing: pings,
// settings, empty DATA, streams that it resets. It earns by requests, by the DATA
// that it is sent, and by time.
const (
	fullCredit  = 2000
	creditRate  = 100 // in a second
	resetPrice  = 6
	openRefund  = 2
	creditLimit = 10000
)

// earn is called with mu held.
func (s *session) earn(n int) { s.credit = min(s.credit+n, creditLimit) }

// spend is called with mu held.
func (s *session) spend(n int) error {
	if len(s.out) > floodWater {
		return &connError{http2.ErrCodeEnhanceYourCalm, "the client does not read"}
	}
	if s.credit -= n; s.credit >= 0 {
		return nil
	}
	now := time.Now()
	s.credit += int(min(now.Sub(s.creditedAt), time.Hour) * creditRate / time.Second)
	if s.creditedAt = now; s.credit < 0 {
		return &connError{http2.ErrCodeEnhanceYourCalm, "too many frames that lead to nothing"}
	}
	return nil
}
