package h2

import (
	"encoding/binary"
	"time"

	"golang.org/x/net/http2"

	"github.com/donjon-httpd/donjon/server"
)

// highWater is how much may wait to be sent before those who add to it must wait,
// and floodWater what may wait that the client has caused without reading.
const (
	highWater  = 64 << 10
	floodWater = 1 << 20
)

// appendFrame adds a frame to what is sent. mu is held, as by all functions below
// whose names begin with append.
func (s *session) appendFrame(t http2.FrameType, flags http2.Flags, id uint32, p []byte) {
	s.appendFrameHead(t, flags, id, len(p))
	s.out = append(s.out, p...)
}

func (s *session) appendFrameHead(t http2.FrameType, flags http2.Flags, id uint32, n int) {
	s.out = append(s.out, byte(n>>16), byte(n>>8), byte(n), byte(t), byte(flags), byte(id>>24), byte(id>>16), byte(id>>8), byte(id))
}

func appendSetting(p []byte, id http2.SettingID, v uint32) []byte {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint16(p, uint16(id)), v)
}

func (s *session) appendWindowUpdate(id, n uint32) {
	s.appendFrame(http2.FrameWindowUpdate, 0, id, binary.BigEndian.AppendUint32(nil, n))
}

func (s *session) appendReset(id uint32, code http2.ErrCode) {
	s.appendFrame(http2.FrameRSTStream, 0, id, binary.BigEndian.AppendUint32(nil, uint32(code)))
}

func (s *session) appendGoAway(code http2.ErrCode) {
	if !s.told {
		s.told, s.promised = true, s.last
	}
	p := binary.BigEndian.AppendUint32(nil, s.promised)
	s.appendFrame(http2.FrameGoAway, 0, 0, binary.BigEndian.AppendUint32(p, uint32(code)))
}

// appendFields adds a block of fields that was encoded: in a frame of type t and,
// where it is long, in CONTINUATION frames. before stands in front of it.
func (s *session) appendFields(t http2.FrameType, flags http2.Flags, id uint32, before, fields []byte) {
	for first := true; first || len(fields) > 0; first = false {
		n := min(len(fields), s.maxFrame-len(before))
		if n == len(fields) {
			flags |= http2.FlagHeadersEndHeaders
		}
		s.appendFrameHead(t, flags, id, len(before)+n)
		s.out = append(append(s.out, before...), fields[:n]...)
		fields, before = fields[n:], nil
		t, flags = http2.FrameContinuation, 0
	}
}

// kick has what was added sent by somebody else. mu is held.
func (s *session) kick() {
	if s.sending || s.err != nil || len(s.out) == 0 {
		return
	}
	s.sending = true
	s.wire.Go(func() {
		s.mu.Lock()
		s.send(forever)
		s.mu.Unlock()
	})
}

// flush sends what was added, unless somebody sends already. mu is held, and let
// go meanwhile.
func (s *session) flush() {
	if s.sending || s.err != nil || len(s.out) == 0 {
		return
	}
	s.sending = true
	s.send(ownRounds)
	s.kick()
}

// A stream that sends for others too does so a few times only: its request is to
// end when its answer has, however much the others have to send.
const (
	ownRounds = 2
	forever   = 1<<31 - 1
)

// flushNow sends all that was added.
func (s *session) flushNow() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.err == nil && (s.sending || len(s.out) > 0) {
		if s.sending {
			s.changed.Wait()
			continue
		}
		s.flush()
	}
}

// send writes until nothing is left, or so many times. mu is held, and let go meanwhile.
func (s *session) send(rounds int) {
	timeout := s.timeout()
	for ; len(s.out) > 0 && s.err == nil && rounds > 0; rounds-- {
		p := s.out
		s.out, s.spare = s.spare[:0], nil
		s.mu.Unlock()
		if t := s.conn.Tap; t != nil && t.Out != nil {
			t.Out(s.conn, &server.Brigade{Buckets: []server.Bucket{{Mem: p}}})
		}
		s.wire.SetWriteDeadline(time.Now().Add(timeout)) //nolint:errcheck // the write tells
		s.size(len(p))
		_, err := s.wire.Write(p)
		s.mu.Lock()
		if cap(p) <= 4*highWater {
			s.spare = p[:0]
		}
		if err != nil {
			s.err = errGone
			s.wire.SetReadDeadline(time.Unix(1, 0)) //nolint:errcheck // it is over
		}
		s.changed.Broadcast()
	}
	s.sending = false
	s.changed.Broadcast()
}

// Sizes of TLS records: small ones can be used by the client as soon as one packet
// has come, while the connection is slow at first (H2TLSWarmUpSize).
const (
	smallRecord = 1300
	largeRecord = 16 << 10
)

// size chooses the size of records for n bytes; the sender's alone.
func (s *session) size(n int) {
	if !s.wire.Encrypted() {
		return
	}
	if s.opt.WarmUp <= 0 {
		return
	}
	now := time.Now()
	if s.opt.CoolDown > 0 && now.Sub(s.sentLast) > s.opt.CoolDown {
		s.warmed = 0
	}
	s.sentLast = now
	if s.warmed < s.opt.WarmUp {
		s.wire.SetRecordSize(smallRecord)
	} else {
		s.wire.SetRecordSize(largeRecord)
	}
	s.warmed += int64(n)
}

// reserve waits until the stream may send some of n bytes, and gives how many. mu
// is held.
func (s *session) reserve(st *stream, n int) (int, error) {
	var until time.Time
	for {
		if err := st.gone(); err != nil {
			return 0, err
		}
		m := min(int64(n), s.window, st.window, int64(s.maxFrame))
		if limit := s.opt.MaxData; limit > 0 {
			m = min(m, int64(limit))
		}
		if m > 0 && len(s.out) < highWater {
			s.window -= m
			st.window -= m
			return int(m), nil
		}
		if !s.sending && len(s.out) > 0 {
			s.flush()
			continue
		}
		if until.IsZero() {
			until = time.Now().Add(s.streamTimeout())
		}
		if !s.waitUntil(until) {
			return 0, errTimeout
		}
	}
}

func (s *session) streamTimeout() time.Duration {
	if s.opt.StreamTimeout > 0 {
		return s.opt.StreamTimeout
	}
	return s.timeout()
}

// waitUntil waits for a change, and tells whether there is time left. mu is held.
func (s *session) waitUntil(t time.Time) bool {
	left := time.Until(t)
	if left <= 0 {
		return false
	}
	timer := time.AfterFunc(left, func() {
		s.mu.Lock()
		s.changed.Broadcast()
		s.mu.Unlock()
	})
	s.changed.Wait()
	timer.Stop()
	return time.Now().Before(t)
}
