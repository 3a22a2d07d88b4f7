// Package fcgi is the web server's side of FastCGI (specification version 1.0):
// what is sent to an application, and how its answer is read.
package fcgi

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

const (
	Version   = 1
	RequestID = 1 // one request at a time on a connection
	HeaderLen = 8
	// MaxContent is how much a record can hold.
	MaxContent = 65535

	typeBegin  = 1
	End        = 3
	typeParams = 4
	typeStdin  = 5
	Stdout     = 6
	Stderr     = 7

	Responder  = 1
	Authorizer = 2
	keepConn   = 1
)

// appendHeader begins a record.
func appendHeader(b []byte, kind byte, n int) []byte {
	return append(b, Version, kind, 0, RequestID, byte(n>>8), byte(n), 0, 0)
}

// AppendBegin is FCGI_BEGIN_REQUEST for an application's role.
func AppendBegin(b []byte, role byte, keep bool) []byte {
	flags := byte(0)
	if keep {
		flags = keepConn
	}
	return append(appendHeader(b, typeBegin, 8), 0, role, flags, 0, 0, 0, 0, 0)
}

// AppendStdin is what a body's piece becomes; nothing is its end.
func AppendStdin(b, piece []byte) []byte {
	for len(piece) > MaxContent {
		b = append(appendHeader(b, typeStdin, MaxContent), piece[:MaxContent]...)
		piece = piece[MaxContent:]
	}
	return append(appendHeader(b, typeStdin, len(piece)), piece...)
}

// Params writes name-value pairs into as many Records as they need.
type Params struct {
	b  []byte
	at int // where the record's header is
}

// BeginParams begins behind b.
func BeginParams(b []byte) Params { return Params{appendHeader(b, typeParams, 0), len(b)} }

// Add writes a pair. It is false when one record cannot hold it.
func (p *Params) Add(name, value string) bool {
	n := lengthLen(len(name)) + lengthLen(len(value)) + len(name) + len(value)
	if n > MaxContent {
		return false
	}
	if len(p.b)-p.at-HeaderLen+n > MaxContent {
		p.close()
		p.at = len(p.b)
		p.b = appendHeader(p.b, typeParams, 0)
	}
	p.b = AppendPair(p.b, name, value)
	return true
}

// AppendPair is a name-value pair as it stands in a record.
func AppendPair[T string | []byte](b []byte, name, value T) []byte {
	b = appendLength(appendLength(b, len(name)), len(value))
	return append(append(b, name...), value...)
}

// AddEncoded adds pairs that AppendPair has written.
func (p *Params) AddEncoded(pairs []byte) { p.b = append(p.b, pairs...) }

// AddWith adds the pairs that add writes behind what it is given, if it says so.
func (p *Params) AddWith(add func(b []byte) ([]byte, bool)) bool {
	b, ok := add(p.b)
	if ok {
		p.b = b
	}
	return ok
}

// Len is how many bytes there are up to now.
func (p *Params) Len() int { return len(p.b) }

func (p *Params) close() {
	binary.BigEndian.PutUint16(p.b[p.at+4:], uint16(len(p.b)-p.at-HeaderLen))
}

// End ends the parameters with an empty record.
func (p *Params) End() []byte {
	if len(p.b) == p.at+HeaderLen {
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

// Source is the part of bufio.Reader that Records are read through: what comes
// is looked at where it lies.
type Source interface {
	Peek(n int) ([]byte, error)
	Discard(n int) (int, error)
	Buffered() int
}

// Records reads what an application answers.
type Records struct {
	In   Source
	Kind byte // of the record that is being read
	left int  // of its content
	pad  int
	Done bool // FCGI_END_REQUEST came
}

// RecordError is an application that does not speak FastCGI.
type RecordError struct {
	Version bool // it is the version that is wrong, not the request's number
	Text    string
}

func (e *RecordError) Error() string { return e.Text }

// ErrHeader is an answer that ends, or fails, where a record should begin.
var ErrHeader = errors.New("Failed to read FastCGI header")

// Next goes to the next record and gives its type. At FCGI_END_REQUEST, whose
// content is passed over, end is true.
func (s *Records) Next() (byte, error) {
	if err := s.skip(s.left + s.pad); err != nil {
		return 0, err
	}
	s.left, s.pad = 0, 0
	h, err := s.In.Peek(HeaderLen)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrHeader, err)
	}
	if h[0] != Version {
		return 0, &RecordError{true, fmt.Sprintf("Got bogus version %d", h[0])}
	}
	if id := int(h[2])<<8 | int(h[3]); id != RequestID {
		return 0, &RecordError{false, fmt.Sprintf("Got bogus rid %d, expected %d", id, RequestID)}
	}
	s.Kind, s.left, s.pad = h[1], int(h[4])<<8|int(h[5]), int(h[6])
	s.In.Discard(HeaderLen) //nolint:errcheck // it is buffered
	if s.Kind == End {
		if err := s.skip(s.left + s.pad); err != nil {
			return 0, err
		}
		s.left, s.pad, s.Done = 0, 0, true
	}
	return s.Kind, nil
}

func (s *Records) skip(n int) error {
	for n > 0 {
		m, err := s.In.Discard(n)
		if n -= m; err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return err
		}
	}
	return nil
}

// Piece gives what is there of the record's content, at most most bytes, waiting
// only for the first byte; nil when it is read. It is valid until the next call.
func (s *Records) Piece(most int) ([]byte, error) {
	if s.left == 0 {
		return nil, nil
	}
	if s.In.Buffered() == 0 {
		if _, err := s.In.Peek(1); err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
	}
	n := min(s.left, s.In.Buffered(), most)
	p, _ := s.In.Peek(n)
	s.In.Discard(n) //nolint:errcheck // it is buffered
	s.left -= n
	return p, nil
}

// EndComes tells whether what is left of the record is padding, and
// FCGI_END_REQUEST has come behind it. Then it is read.
func (s *Records) EndComes() bool {
	for s.left == 0 && s.In.Buffered() >= s.pad+HeaderLen {
		p, _ := s.In.Peek(s.pad + HeaderLen)
		h := p[s.pad:]
		if n := int(h[4])<<8 | int(h[5]); h[0] != Version || h[1] == Stdout && n > 0 || h[1] != Stdout && h[1] != End ||
			s.In.Buffered() < s.pad+HeaderLen+n+int(h[6]) {
			return false
		}
		if _, err := s.Next(); err != nil || s.Done {
			return err == nil
		}
	}
	return false
}
