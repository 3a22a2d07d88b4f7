package socache_redis

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// What servers say is bounded: objects are small.
const (
	maxLine = 4096
	maxBulk = 16 << 20
)

// kind is the first byte of a reply (RESP, https://redis.io/docs/reference/protocol-spec/).
type kind byte

const (
	simple  kind = '+'
	failure kind = '-'
	integer kind = ':'
	bulk    kind = '$'
	null    kind = 0 // "$-1": there is nothing
)

// reply is an answer to a command: arrays are no answers to those that are sent here.
type reply struct {
	kind kind
	text string
}

var errReply = errors.New("a reply that is not one of Redis")

func (r reply) unexpected() error {
	if r.kind == failure {
		return errors.New("redis: " + strings.ToValidUTF8(r.text, "?"))
	}
	return errReply
}

// readReply reads one reply.
func readReply(in *bufio.Reader) (reply, error) {
	line, err := readLine(in)
	if err != nil {
		return reply{}, err
	}
	if line == "" {
		return reply{}, errReply
	}
	r := reply{kind(line[0]), line[1:]}
	switch r.kind {
	case simple, failure:
		return r, nil
	case integer:
		if _, err := strconv.ParseInt(r.text, 10, 64); err != nil {
			return reply{}, errReply
		}
		return r, nil
	case bulk:
		if r.text == "-1" {
			return reply{kind: null}, nil
		}
		n, err := strconv.ParseUint(r.text, 10, 31)
		if err != nil || n > maxBulk {
			return reply{}, errReply
		}
		var b strings.Builder // grows as bytes come, not as they are promised
		if _, err := io.CopyN(&b, in, int64(n)); err != nil {
			return reply{}, unexpectedEnd(err)
		}
		if end, err := readLine(in); err != nil || end != "" {
			return reply{}, errReply
		}
		return reply{bulk, b.String()}, nil
	}
	return reply{}, errReply
}

func readLine(in *bufio.Reader) (string, error) {
	var b []byte
	for {
		p, err := in.ReadSlice('\n')
		b = append(b, p...)
		if len(b) > maxLine {
			return "", errReply
		}
		switch err {
		case nil:
			line, ok := strings.CutSuffix(string(b), "\r\n")
			if !ok || strings.Contains(line, "\r") {
				return "", errReply
			}
			return line, nil
		case bufio.ErrBufferFull:
		default:
			return "", unexpectedEnd(err)
		}
	}
}

func unexpectedEnd(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// appendCommand writes a command as an array of bulk strings.
func appendCommand(b []byte, words ...string) []byte {
	b = fmt.Appendf(b, "*%d\r\n", len(words))
	for _, w := range words {
		b = fmt.Appendf(b, "$%d\r\n", len(w))
		b = append(append(b, w...), '\r', '\n')
	}
	return b
}
