package ident

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

const (
	port    = 113  // RFC 1413, section 3
	maxData = 1000 // bytes of an answer
	maxUser = 512  // bytes of a name
)

// failure is what is worth a line in the log.
type failure struct {
	text  string
	cause error
}

func (f failure) Error() string { return f.text }

// errNoUser is an answer that names nobody.
var errNoUser = errors.New("the answer names no user")

// ask asks the client's machine for the user of a connection. The question comes
// from the address that the connection leads to, by which the other side knows
// what is meant. timeout bounds each wait; 0 waits for nothing, below is no bound.
func ask(local, remote netip.AddrPort, timeout time.Duration) (string, error) {
	d := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(local.Addr().Unmap(), 0)), Timeout: max(timeout, 0)}
	if timeout == 0 {
		d.Timeout = 1
	}
	conn, err := d.Dial("tcp", netip.AddrPortFrom(remote.Addr().Unmap(), port).String())
	if err != nil {
		return "", err // nobody there knows: no matter for the log
	}
	defer conn.Close() //nolint:errcheck // nothing is lost by it
	return query(conn, remote.Port(), local.Port(), timeout)
}

// query asks for a pair of ports and reads the answer.
func query(conn net.Conn, remote, local uint16, timeout time.Duration) (string, error) {
	limit := func() {
		if timeout >= 0 {
			conn.SetDeadline(time.Now().Add(timeout)) //nolint:errcheck // the next step tells
		}
	}
	limit()
	if _, err := fmt.Fprintf(conn, "%d,%d\r\n", remote, local); err != nil {
		return "", failure{"AH01497: write: rfc1413: error sending request", err}
	}
	var answer []byte
	p := make([]byte, maxData)
	for len(answer) < maxData && !strings.Contains(string(answer), "\n") {
		limit()
		n, err := conn.Read(p[:maxData-len(answer)])
		answer = append(answer, p[:n]...)
		if n == 0 && err != nil {
			if err == io.ErrUnexpectedEOF {
				err = io.EOF
			}
			return "", failure{"AH01498: read: rfc1413: error reading response", err}
		}
	}
	return parse(string(answer), remote, local)
}

// parse reads "6193, 23 : USERID : UNIX : stjohns" (RFC 1413, section 6), as
// sscanf(3) does: blanks may stand almost everywhere, and a name ends at one.
func parse(answer string, remote, local uint16) (user string, err error) {
	answer, _, _ = strings.Cut(answer, "\x00")
	s := scanner{rest: answer, ok: true}
	first := s.number()
	s.blanks()
	s.literal(",")
	s.blanks()
	second := s.number()
	s.blanks()
	s.literal(":")
	s.blanks()
	s.literal("USERID")
	s.blanks()
	s.literal(":")
	system := strings.IndexByte(s.rest, ':')
	if !s.ok || system < 1 {
		return "", errNoUser
	}
	s.rest = s.rest[system+1:]
	s.blanks()
	user = s.rest
	if i := strings.IndexAny(user, blanks); i >= 0 {
		user = user[:i]
	}
	if user = user[:min(len(user), maxUser)]; user == "" || first != remote || second != local {
		return "", errNoUser
	}
	return user, nil
}

const blanks = " \t\n\v\f\r"

// scanner reads as sscanf(3) does; ok is false when something else came.
type scanner struct {
	rest string
	ok   bool
}

func (s *scanner) blanks() { s.rest = strings.TrimLeft(s.rest, blanks) }

func (s *scanner) literal(text string) {
	rest, ok := strings.CutPrefix(s.rest, text)
	s.rest, s.ok = rest, s.ok && ok
}

// number is %hu: a sign may stand before it, and what is too large wraps around.
func (s *scanner) number() uint16 {
	s.blanks()
	i := 0
	if i < len(s.rest) && (s.rest[i] == '+' || s.rest[i] == '-') {
		i++
	}
	begin := i
	for i < len(s.rest) && s.rest[i] >= '0' && s.rest[i] <= '9' {
		i++
	}
	n, err := strconv.ParseUint(s.rest[begin:i], 10, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		s.ok = false
	}
	if begin == 1 && s.rest[0] == '-' {
		n = -n
	}
	s.rest = s.rest[i:]
	return uint16(n)
}
