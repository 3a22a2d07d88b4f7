package h2

import (
	"errors"
	"io"

	"golang.org/x/net/http2"
)

// readFrame reads a frame and does what it says.
func (s *session) readFrame() error {
	f, err := s.framer.ReadFrame()
	if err != nil {
		var se http2.StreamError
		if errors.As(err, &se) {
			return s.streamFailed(se.StreamID, se.Code)
		}
		if err == io.EOF {
			s.quiet = true
		}
		return err
	}
	h := f.Header()
	s.got += int64(h.Length) + 9
	switch f := f.(type) {
	case *http2.HeadersFrame:
		return s.headers(f)
	case *http2.ContinuationFrame:
		return s.continuation(f)
	case *http2.DataFrame:
		return s.data(f)
	case *http2.SettingsFrame:
		return s.settings(f)
	case *http2.WindowUpdateFrame:
		return s.windowUpdate(f)
	case *http2.RSTStreamFrame:
		return s.rstStream(f)
	case *http2.PingFrame:
		return s.ping(f)
	case *http2.GoAwayFrame:
		return s.goAway()
	case *http2.PushPromiseFrame:
		return protocolError("a client pushes")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.spend(1) // PRIORITY, and what is not known
}

// idle tells whether a stream was never begun. mu is held.
func (s *session) idle(id uint32) bool {
	if id%2 == 0 {
		return id > s.pushed
	}
	return id > s.last
}

func (s *session) data(f *http2.DataFrame) error {
	id, n := f.StreamID, int64(f.Length)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.idle(id) {
		return protocolError("DATA on a stream that was not begun")
	}
	if s.unread += n; s.unread >= maxWindow/2 {
		s.appendWindowUpdate(0, uint32(s.unread))
		s.unread = 0
		s.kick()
	}
	if n == 0 && !f.StreamEnded() {
		if err := s.spend(1); err != nil {
			return err
		}
	}
	st := s.streams[id]
	if st == nil || st.reset {
		return s.spend(1) // it may have been sent before the client knew
	}
	if st.remoteEnd {
		return &connError{http2.ErrCodeStreamClosed, "DATA on a stream that has ended"}
	}
	if n > st.body.window {
		return s.failStream(st, http2.ErrCodeFlowControl)
	}
	st.body.window -= n
	p := f.Data()
	if padding := n - int64(len(p)); padding > 0 {
		st.body.give(padding)
	}
	st.body.got += int64(len(p))
	if st.length >= 0 && st.body.got > st.length {
		return s.failStream(st, http2.ErrCodeProtocol)
	}
	if !st.body.closed {
		st.body.data = append(st.body.data, p...)
	} else {
		st.body.give(int64(len(p)))
	}
	if f.StreamEnded() {
		return s.endOfRequest(st)
	}
	s.changed.Broadcast()
	return nil
}

// endOfRequest is told that nothing more comes on a stream. mu is held.
func (s *session) endOfRequest(st *stream) error {
	if st.length >= 0 && st.body.got != st.length {
		return s.failStream(st, http2.ErrCodeProtocol)
	}
	st.remoteEnd = true
	s.changed.Broadcast()
	return nil
}

func (s *session) settings(f *http2.SettingsFrame) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.spend(1); err != nil {
		return err
	}
	if f.IsAck() {
		return nil
	}
	if f.NumSettings() > 100 {
		return &connError{http2.ErrCodeEnhanceYourCalm, "too many settings"}
	}
	if err := f.ForeachSetting(s.setting); err != nil {
		return err
	}
	s.appendFrame(http2.FrameSettings, http2.FlagSettingsAck, 0, nil)
	s.kick()
	return nil
}

// setting is what the client allows. mu is held.
func (s *session) setting(v http2.Setting) error {
	if err := v.Valid(); err != nil {
		return err
	}
	switch v.ID {
	case http2.SettingHeaderTableSize:
		s.encoder.SetMaxDynamicTableSize(min(v.Val, 4096))
	case http2.SettingEnablePush:
		s.takesPush = v.Val == 1
	case http2.SettingMaxConcurrentStreams:
		s.maxPushes = v.Val
	case http2.SettingInitialWindowSize:
		grows := int64(v.Val) - s.initial
		s.initial = int64(v.Val)
		for _, st := range s.streams {
			if st.window += grows; st.window > maxWindow {
				return &connError{http2.ErrCodeFlowControl, "a window is too large"}
			}
		}
		s.changed.Broadcast()
	case http2.SettingMaxFrameSize:
		s.maxFrame = int(v.Val)
	}
	return nil
}

func (s *session) windowUpdate(f *http2.WindowUpdateFrame) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.spend(1); err != nil {
		return err
	}
	n := int64(f.Increment)
	if f.StreamID == 0 {
		if s.window += n; s.window > maxWindow {
			return &connError{http2.ErrCodeFlowControl, "the window is too large"}
		}
		s.changed.Broadcast()
		return nil
	}
	if s.idle(f.StreamID) {
		return protocolError("WINDOW_UPDATE on a stream that was not begun")
	}
	if st := s.streams[f.StreamID]; st != nil && !st.reset {
		if st.window += n; st.window > maxWindow {
			return s.failStream(st, http2.ErrCodeFlowControl)
		}
		s.changed.Broadcast()
	}
	return nil
}

func (s *session) rstStream(f *http2.RSTStreamFrame) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.idle(f.StreamID) {
		return protocolError("RST_STREAM on a stream that was not begun")
	}
	price := 1
	if st := s.streams[f.StreamID]; st != nil && !st.reset {
		if st.open {
			price = resetPrice
		}
		st.abort()
	}
	return s.spend(price)
}

func (s *session) ping(f *http2.PingFrame) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.spend(1); err != nil || f.IsAck() {
		return err
	}
	s.appendFrame(http2.FramePing, http2.FlagPingAck, 0, f.Data[:])
	s.kick()
	return nil
}

// goAway is told that the client begins no further streams.
func (s *session) goAway() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.draining = true
	if s.open == 0 {
		s.rest()
	}
	return nil
}

// streamFailed ends a stream because of an error of the client's in one frame.
func (s *session) streamFailed(id uint32, code http2.ErrCode) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.idle(id) {
		if id%2 == 0 {
			return protocolError("an error on a stream that was not begun")
		}
		s.last = id
	}
	if st := s.streams[id]; st != nil {
		return s.failStream(st, code)
	}
	s.appendReset(id, code)
	s.kick()
	return s.mistake()
}

// failStream resets a stream because of an error of the client's. mu is held.
func (s *session) failStream(st *stream, code http2.ErrCode) error {
	if !st.reset {
		s.appendReset(st.id, code)
		s.kick()
		st.abort()
	}
	return s.mistake()
}

// mistake counts an error of the client's in a stream (H2MaxStreamErrors). mu is held.
func (s *session) mistake() error {
	s.errors++
	if limit := s.opt.MaxStreamErrors; limit >= 0 && s.errors > limit {
		return protocolError("too many errors in streams")
	}
	return s.spend(resetPrice)
}
