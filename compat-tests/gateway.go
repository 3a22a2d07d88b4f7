package compattests

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"regexp"
	"strconv"
	"strings"
)

// A section "gateway PROTOCOL" makes the backend speak FastCGI, SCGI, uwsgi or
// AJP. What it records and answers by itself is what it was told, a variable a
// line; the lines of "backend PATH" (by REQUEST_URI) are what it answers, packed
// as the protocol has it. Commands besides those of backend.go:
//
//	!raw TEXT      send bytes as they are
//	!stderr TEXT   FastCGI: on standard error
//	!record N TEXT FastCGI: a record of this type
//	!noend         no end of the answer
//
// Of AJP the lines are messages: "headers 200 OK", fields as "field NAME VALUE"
// behind it, "body TEXT", "ask N" for some of the request's body, "end 1".
type gateway struct {
	// read reads a request: what was told, its target, and the body.
	read func(in *bufio.Reader, conn net.Conn) (q seen, ok bool)
	// begin is before what is answered without lines.
	begin string
	// pack makes a piece of answer of text.
	pack func(text string) []byte
	// end ends an answer; keep tells whether the connection goes on.
	end  []byte
	keep bool
}

var gateways = map[string]*gateway{
	"fcgi": {read: readFCGI, begin: "Content-Type: text/plain\r\n\r\n", pack: func(s string) []byte { return fcgiRecord(6, s) },
		end: fcgiRecord(3, "\x00\x00\x00\x00\x00\x00\x00\x00"), keep: true},
	"scgi":  {read: readSCGI, begin: "Content-Type: text/plain\r\n\r\n", pack: func(s string) []byte { return []byte(s) }},
	"ajp":   {read: readAJP, begin: "", pack: func(s string) []byte { return []byte(s) }},
	"h2c":   {}, // see http2backend.go
	"uwsgi": {read: readUWSGI, begin: "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n", pack: func(s string) []byte { return []byte(s) }},
}

// serveGateway answers one request; false ends the connection.
func (b *backend) serveGateway(conn net.Conn, in *bufio.Reader, served int) bool {
	g := gateways[b.gateway]
	q, ok := g.read(in, conn)
	if !ok {
		return false
	}
	b.record(&q)
	lines := b.find(q.target)
	if has(lines, "!again") && served > 0 {
		return false
	}
	if b.gateway == "ajp" {
		return b.answerAJP(conn, in, &q, lines)
	}
	if len(lines) == 0 {
		conn.Write(g.pack(g.begin))
		conn.Write(g.pack(q.head + "\n" + q.body))
	}
	keep, end := g.keep && !q.close, true
	for _, l := range lines {
		word, arg, _ := strings.Cut(l, " ")
		switch word {
		case "!early", "!again", "!body":
		case "!noend":
			end = false
		case "!close":
			keep = false
		case "!reset":
			return false
		case "!pause":
			b.answer(conn, in, &q, []string{l}, 0)
		case "!raw":
			io.WriteString(conn, b.expand(arg))
		case "!stderr":
			conn.Write(fcgiRecord(7, b.expand(arg)))
		case "!record":
			kind, text, _ := strings.Cut(arg, " ")
			n, _ := strconv.Atoi(kind)
			conn.Write(fcgiRecord(byte(n), b.expand(text)))
		default:
			conn.Write(g.pack(b.expand(l)))
		}
	}
	if end {
		conn.Write(g.end)
	}
	return keep
}

// varying are variables that differ from run to run or server to server.
var varying = regexp.MustCompile(`^((REDIRECT_)*(PATH|REMOTE_PORT|SERVER_SOFTWARE))=.*`)

// told is a list of variables as a log has it.
type told struct {
	strings.Builder
	vars map[string]string
}

func (t *told) add(name, value string) {
	if t.vars == nil {
		t.vars = map[string]string{}
	}
	t.vars[name] = value
	t.WriteString(varying.ReplaceAllString(name+"="+value, "$1=") + "\n")
}

func (t *told) seen(body string) seen {
	return seen{head: t.String(), target: t.vars["REQUEST_URI"], body: body}
}

// body reads as much as CONTENT_LENGTH says.
func (t *told) body(in io.Reader) string {
	n, _ := strconv.Atoi(t.vars["CONTENT_LENGTH"])
	p := make([]byte, max(n, 0))
	n, _ = io.ReadFull(in, p)
	return string(p[:n])
}

func fcgiRecord(kind byte, text string) []byte {
	return append([]byte{1, kind, 0, 1, byte(len(text) >> 8), byte(len(text)), 0, 0}, text...)
}

func readFCGI(in *bufio.Reader, _ net.Conn) (q seen, ok bool) {
	var t told
	var params, body []byte
	keep, authorizer := false, false
	for {
		var h [8]byte
		if _, err := io.ReadFull(in, h[:]); err != nil {
			return q, false
		}
		p := make([]byte, int(binary.BigEndian.Uint16(h[4:]))+int(h[6]))
		if _, err := io.ReadFull(in, p); err != nil {
			return q, false
		}
		p = p[:binary.BigEndian.Uint16(h[4:])]
		switch h[1] {
		case 1:
			keep, authorizer = p[2]&1 != 0, p[1] == 2
			fmt.Fprintf(&t, "role %d, keep %v\n", binary.BigEndian.Uint16(p), keep)
			continue
		case 4:
			if params = append(params, p...); len(p) > 0 || !authorizer {
				continue
			}
		case 5:
			if body = append(body, p...); len(p) > 0 {
				continue
			}
		default:
			continue
		}
		for len(params) > 0 {
			name := fcgiLength(&params)
			value := fcgiLength(&params)
			t.add(string(params[:name]), string(params[name:name+value]))
			params = params[name+value:]
		}
		q = t.seen(string(body))
		q.close = !keep
		return q, true
	}
}

func fcgiLength(p *[]byte) int {
	n := int((*p)[0])
	if n < 128 {
		*p = (*p)[1:]
		return n
	}
	n = int(binary.BigEndian.Uint32(*p) &^ (1 << 31))
	*p = (*p)[4:]
	return n
}

func readSCGI(in *bufio.Reader, _ net.Conn) (q seen, ok bool) {
	size, err := in.ReadString(':')
	n, _ := strconv.Atoi(strings.TrimSuffix(size, ":"))
	if err != nil {
		return q, false
	}
	p := make([]byte, n+1)
	if _, err := io.ReadFull(in, p); err != nil {
		return q, false
	}
	var t told
	words := strings.Split(string(p[:n]), "\x00")
	for i := 0; i+1 < len(words); i += 2 {
		t.add(words[i], words[i+1])
	}
	return t.seen(t.body(in)), true
}

func readUWSGI(in *bufio.Reader, _ net.Conn) (q seen, ok bool) {
	var h [4]byte
	if _, err := io.ReadFull(in, h[:]); err != nil {
		return q, false
	}
	p := make([]byte, binary.LittleEndian.Uint16(h[1:]))
	if _, err := io.ReadFull(in, p); err != nil {
		return q, false
	}
	var t told
	fmt.Fprintf(&t, "modifiers %d %d\n", h[0], h[3])
	word := func() string {
		n := int(binary.LittleEndian.Uint16(p))
		s := string(p[2 : 2+n])
		p = p[2+n:]
		return s
	}
	for len(p) > 0 {
		name := word()
		t.add(name, word())
	}
	return t.seen(t.body(in)), true
}
