package proxy_fcgi

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Records of the FastCGI specification (version 1.0, section 3.3), between a web
// server and an application.

const (
	version   = 1
	requestID = 1 // one request at a time on a connection
	headerLen = 8
	// maxContent is how much a record can hold.
	maxContent = 65535

	typeBegin  = 1
	typeEnd    = 3
	typeParams = 4
	typeStdin  = 5
	typeStdout = 6
	typeStderr = 7

	roleResponder = 1
	keepConn      = 1
)

// appendHeader begins a record.
func appendHeader(b []byte, kind byte, n int) []byte {
	return append(b, version, kind, 0, requestID, byte(n>>8), byte(n), 0, 0)
}

// appendBegin is FCGI_BEGIN_REQUEST for a responder.
func appendBegin(b []byte, keep bool) []byte {
	flags := byte(0)
	if keep {
		flags = keepConn
	}
	return append(appendHeader(b, typeBegin, 8), 0, roleResponder, flags, 0, 0, 0, 0, 0)
}

// appendStdin is what a body's piece becomes; nothing is its end.
func appendStdin(b, piece []byte) []byte {
	for len(piece) > maxContent {
		b = append(appendHeader(b, typeStdin, maxContent), piece[:maxContent]...)
		piece = piece[maxContent:]
	}
	return append(appendHeader(b, typeStdin, len(piece)), piece...)
}

// params writes name-value pairs into as many records as they need.
type params struct {
	b  []byte
	at int // where the record's header is
}

func beginParams(b []byte) params { return params{appendHeader(b, typeParams, 0), len(b)} }

// add writes a pair. It is false when one record cannot hold it.
func (p *params) add(name, value string) bool {
	n := lengthLen(len(name)) + lengthLen(len(value)) + len(name) + len(value)
	if n > maxContent {
		return false
	}
	if len(p.b)-p.at-headerLen+n > maxContent {
		p.close()
		p.at = len(p.b)
		p.b = appendHeader(p.b, typeParams, 0)
	}
	p.b = appendLength(appendLength(p.b, len(name)), len(value))
	p.b = append(append(p.b, name...), value...)
	return true
}

func (p *params) close() {
	binary.BigEndian.PutUint16(p.b[p.at+4:], uint16(len(p.b)-p.at-headerLen))
}

// end ends the parameters with an empty record.
func (p *params) end() []byte {
	if len(p.b) == p.at+headerLen {
		return p.b // the empty record is there
	}
	p.close()
	return appendHeader(p.b, typeParams, 0)
}

func lengthLen(n int) int {
	if n < 128 {
		return 1
	}
	return 4
}

func appendLength(b []byte, n int) []byte {
	if n < 128 {
		return append(b, byte(n))
	}
	return binary.BigEndian.AppendUint32(b, uint32(n)|1<<31)
}

// peeker is the part of bufio.Reader that records are read through: what comes
// is looked at where it lies.
type peeker interface {
	Peek(n int) ([]byte, error)
	Discard(n int) (int, error)
	Buffered() int
}

// records reads what an application answers.
type records struct {
	in   peeker
	kind byte // of the record that is being read
	left int  // of its content
	pad  int
	end  bool // FCGI_END_REQUEST came
}

// Errors of an application that does not speak FastCGI.
type recordError struct{ text string }

func (e *recordError) Error() string { return e.text }

var errHeader = errors.New("Failed to read FastCGI header")

// next goes to the next record and gives its type. At FCGI_END_REQUEST, whose
// content is passed over, end is true.
func (s *records) next() (byte, error) {
	if err := s.skip(s.left + s.pad); err != nil {
		return 0, err
	}
	s.left, s.pad = 0, 0
	h, err := s.in.Peek(headerLen)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", errHeader, err)
	}
	if h[0] != version {
		return 0, &recordError{fmt.Sprintf("AH01068: Got bogus version %d", h[0])}
	}
	if id := int(h[2])<<8 | int(h[3]); id != requestID {
		return 0, &recordError{fmt.Sprintf("AH01069: Got bogus rid %d, expected %d", id, requestID)}
	}
	s.kind, s.left, s.pad = h[1], int(h[4])<<8|int(h[5]), int(h[6])
	s.in.Discard(headerLen) //nolint:errcheck // it is buffered
	if s.kind == typeEnd {
		if err := s.skip(s.left + s.pad); err != nil {
			return 0, err
		}
		s.left, s.pad, s.end = 0, 0, true
	}
	return s.kind, nil
}

func (s *records) skip(n int) error {
	for n > 0 {
		m, err := s.in.Discard(n)
		if n -= m; err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return err
		}
	}
	return nil
}

// piece gives what is there of the record's content, at most most bytes, waiting
// only for the first byte; nil when it is read. It is valid until the next call.
func (s *records) piece(most int) ([]byte, error) {
	if s.left == 0 {
		return nil, nil
	}
	if s.in.Buffered() == 0 {
		if _, err := s.in.Peek(1); err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
	}
	n := min(s.left, s.in.Buffered(), most)
	p, _ := s.in.Peek(n)
	s.in.Discard(n) //nolint:errcheck // it is buffered
	s.left -= n
	return p, nil
}

// endComes tells whether what is left of the record is padding, and
// FCGI_END_REQUEST has come behind it. Then it is read.
func (s *records) endComes() bool {
	for s.left == 0 && s.in.Buffered() >= s.pad+headerLen {
		p, _ := s.in.Peek(s.pad + headerLen)
		h := p[s.pad:]
		if n := int(h[4])<<8 | int(h[5]); h[0] != version || h[1] == typeStdout && n > 0 || h[1] != typeStdout && h[1] != typeEnd ||
			s.in.Buffered() < s.pad+headerLen+n+int(h[6]) {
			return false
		}
		if _, err := s.next(); err != nil || s.end {
			return err == nil
		}
	}
	return false
}
