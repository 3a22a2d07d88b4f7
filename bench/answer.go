package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// An answer reads one HTTP/1.1 response from pieces of a stream. It looks at
// the status and at the length of the body only, so that the client costs
// little beside the server. The zero value is ready; reset makes it so again.
type answer struct {
	status int
	body   int64 // bytes of the body, without the framing of chunks
	close  bool  // the server will close the connection

	head  []byte // a head that came in pieces
	state readState
	left  int64  // bytes of the body or of the chunk still to come
	line  []byte // a line of the chunked framing that came in pieces
}

type readState int

const (
	inHead readState = iota
	inBody
	inChunkSize
	inChunk
	inChunkEnd
	inTrailer
	untilEOF
	done
)

// maxHead bounds a response's head, in bytes.
const maxHead = 64 << 10

func (a *answer) reset() { *a = answer{head: a.head[:0], line: a.line[:0]} }

// feed takes a piece of the stream and says how much of it belongs to this
// answer; the answer is whole when complete is true.
func (a *answer) feed(p []byte) (n int, complete bool, err error) {
	for n < len(p) && a.state != done {
		var used int
		switch a.state {
		case inHead:
			used, err = a.feedHead(p[n:])
		case inBody, inChunk:
			used = int(min(a.left, int64(len(p)-n)))
			a.left -= int64(used)
			a.body += int64(used)
			switch {
			case a.left > 0:
			case a.state == inChunk:
				a.state = inChunkEnd
			default:
				a.state = done
			}
		case inChunkSize, inChunkEnd, inTrailer:
			used, err = a.feedLine(p[n:])
		case untilEOF:
			used = len(p) - n
			a.body += int64(used)
		}
		n += used
		if err != nil {
			return n, false, err
		}
	}
	return n, a.state == done, nil
}

// eof tells the answer that the stream has ended. It is nil where that is how the body ends.
func (a *answer) eof() error {
	if a.state == untilEOF {
		a.state = done
		return nil
	}
	return io.ErrUnexpectedEOF
}

var headEnd = []byte("\r\n\r\n")

func (a *answer) feedHead(p []byte) (int, error) {
	if len(a.head) == 0 {
		if i := bytes.Index(p, headEnd); i >= 0 {
			return i + 4, a.readHead(p[:i+2])
		}
	}
	before := len(a.head)
	a.head = append(a.head, p...)
	if i := bytes.Index(a.head, headEnd); i >= 0 {
		return i + 4 - before, a.readHead(a.head[:i+2])
	}
	if len(a.head) > maxHead {
		return len(p), errors.New("the response's head is too long")
	}
	return len(p), nil
}

// readHead reads a whole head, the empty line excluded.
func (a *answer) readHead(head []byte) error {
	line, rest, _ := bytes.Cut(head, []byte("\r\n"))
	if len(line) < 12 || !bytes.HasPrefix(line, []byte("HTTP/1.")) {
		return fmt.Errorf("not a response: %q", line)
	}
	status, err := strconv.Atoi(string(line[9:12]))
	if err != nil {
		return fmt.Errorf("not a status: %q", line)
	}
	a.status = status
	length, chunked := int64(-1), false
	for len(rest) > 0 {
		line, rest, _ = bytes.Cut(rest, []byte("\r\n"))
		name, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimSpace(value)
		switch {
		case len(name) == 14 && bytes.EqualFold(name, []byte("Content-Length")):
			if length, err = strconv.ParseInt(string(value), 10, 64); err != nil || length < 0 {
				return fmt.Errorf("not a length: %q", line)
			}
		case len(name) == 17 && bytes.EqualFold(name, []byte("Transfer-Encoding")):
			chunked = bytes.EqualFold(value, []byte("chunked"))
		case len(name) == 10 && bytes.EqualFold(name, []byte("Connection")):
			a.close = bytes.EqualFold(value, []byte("close"))
		}
	}
	switch {
	case status/100 == 1 || status == 204 || status == 304 || (!chunked && length == 0):
		a.state = done
	case chunked:
		a.state = inChunkSize
	case length > 0:
		a.state, a.left = inBody, length
	default:
		a.state, a.close = untilEOF, true
	}
	return nil
}

// feedLine reads a line of the chunked framing.
func (a *answer) feedLine(p []byte) (int, error) {
	i := bytes.IndexByte(p, '\n')
	if i < 0 {
		a.line = append(a.line, p...)
		if len(a.line) > maxHead {
			return len(p), errors.New("a chunk's line is too long")
		}
		return len(p), nil
	}
	line := bytes.TrimRight(append(a.line, p[:i]...), "\r")
	a.line = line[:0]
	switch a.state {
	case inChunkSize:
		digits, _, _ := bytes.Cut(line, []byte(";"))
		size, err := strconv.ParseInt(string(bytes.TrimSpace(digits)), 16, 64)
		if err != nil || size < 0 {
			return i + 1, fmt.Errorf("not the size of a chunk: %q", line)
		}
		if a.state, a.left = inChunk, size; size == 0 {
			a.state = inTrailer
		}
	case inChunkEnd:
		if len(line) != 0 {
			return i + 1, fmt.Errorf("a chunk runs over its end: %q", line)
		}
		a.state = inChunkSize
	case inTrailer:
		if len(line) == 0 {
			a.state = done
		}
	}
	return i + 1, nil
}
