package compattests

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// ajpMessage reads a message to the container.
func ajpMessage(in *bufio.Reader) ([]byte, bool) {
	var h [4]byte
	if _, err := io.ReadFull(in, h[:]); err != nil || h[0] != 0x12 || h[1] != 0x34 {
		return nil, false
	}
	p := make([]byte, binary.BigEndian.Uint16(h[2:]))
	_, err := io.ReadFull(in, p)
	return p, err == nil && len(p) > 0
}

// readAJP reads a forwarded request, without its body; pings are answered.
func readAJP(in *bufio.Reader, conn net.Conn) (q seen, ok bool) {
	var p []byte
	for {
		if p, ok = ajpMessage(in); !ok {
			return q, false
		}
		if p[0] != 10 {
			break
		}
		conn.Write([]byte("AB\x00\x01\x09"))
	}
	number := func() int {
		n := int(binary.BigEndian.Uint16(p))
		p = p[2:]
		return n
	}
	text := func() string {
		n := number()
		if n == 0xffff {
			return "<null>"
		}
		s := string(p[:n])
		p = p[n+1:]
		return s
	}
	var t told
	fmt.Fprintf(&t, "type %d, method %d, ", p[0], p[1])
	p = p[2:]
	fmt.Fprintf(&t, "%s ", text())
	q.target = text()
	fmt.Fprintf(&t, "%s from %s %s to %s %d", q.target, text(), text(), text(), number())
	fmt.Fprintf(&t, " tls %d\n", p[0])
	p = p[1:]
	for n := number(); n > 0; n-- {
		name := ""
		if p[0] == 0xa0 {
			name = fmt.Sprintf("%x", number())
		} else {
			name = text()
		}
		value := text()
		if name == "a008" {
			q.left, _ = strconv.ParseInt(value, 10, 64)
		}
		fmt.Fprintf(&t, "%s: %s\n", name, value)
	}
	for p[0] != 0xff {
		kind := p[0]
		p = p[1:]
		if kind != 10 {
			fmt.Fprintf(&t, "attribute %d %s\n", kind, text())
			continue
		}
		if name, value := text(), text(); name == "AJP_REMOTE_PORT" {
			fmt.Fprintf(&t, "%s=\n", name)
		} else {
			fmt.Fprintf(&t, "%s=%s\n", name, value)
		}
	}
	q.head = t.String()
	if q.left > 0 { // the first piece comes by itself
		if p, ok = ajpMessage(in); ok {
			q.body = string(p[2:])
		}
	}
	return q, true
}

func ajpPack(kind byte, content []byte) []byte {
	b := append([]byte("AB"), 0, 0, kind)
	b = append(b, content...)
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)-4))
	return b
}

func ajpText(b []byte, s string) []byte {
	return append(append(binary.BigEndian.AppendUint16(b, uint16(len(s))), s...), 0)
}

// answerAJP sends the messages that the lines say.
func (b *backend) answerAJP(conn net.Conn, in *bufio.Reader, q *seen, lines []string) bool {
	if len(lines) == 0 {
		lines = []string{"headers 200 OK", "field Content-Type text/plain", "told", "end 1"}
	}
	var head []byte
	var fields [][2]string
	flush := func() {
		if head == nil {
			return
		}
		head = binary.BigEndian.AppendUint16(head, uint16(len(fields)))
		for _, f := range fields {
			if f[0] == "Content-Type" {
				head = append(head, 0xa0, 1)
			} else {
				head = ajpText(head, f[0])
			}
			head = ajpText(head, f[1])
		}
		conn.Write(ajpPack(4, head))
		head, fields = nil, nil
	}
	for _, l := range lines {
		word, arg, _ := strings.Cut(l, " ")
		if word != "field" {
			flush()
		}
		switch word {
		case "headers":
			status, words, _ := strings.Cut(arg, " ")
			n, _ := strconv.Atoi(status)
			head = ajpText(binary.BigEndian.AppendUint16(nil, uint16(n)), words)
		case "field":
			name, value, _ := strings.Cut(arg, " ")
			fields = append(fields, [2]string{name, b.expand(value)})
		case "body", "told":
			text := b.expand(arg)
			if word == "told" {
				text = q.head + "\n" + q.body
			}
			conn.Write(ajpPack(3, append(ajpText(nil, text), []byte{}...)))
		case "ask":
			n, _ := strconv.Atoi(arg)
			conn.Write(ajpPack(6, binary.BigEndian.AppendUint16(nil, uint16(n))))
			p, ok := ajpMessage(in)
			if !ok {
				return false
			}
			q.body += fmt.Sprintf("[%s]", p[2:])
		case "end":
			n, _ := strconv.Atoi(arg)
			conn.Write(ajpPack(5, []byte{byte(n)}))
			if n == 0 {
				return false
			}
		case "!pause":
			d, _ := time.ParseDuration(arg)
			time.Sleep(d)
		case "!raw":
			io.WriteString(conn, b.expand(arg))
		case "!close", "!reset":
			return false
		}
	}
	return true
}
