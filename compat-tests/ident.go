package compattests

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

// With "gateway ident" requests come from an address of the case's own, below
// 127.113.0.0/16, and there the backend is a server for RFC 1413 on port 113,
// which only root may open. It answers the lines of the section "backend": in
// them ${QUERY} is what was asked. Without lines the user is ann.
func (c *testCase) identAddress() string {
	return fmt.Sprintf("127.113.%d.%d", c.port2>>8, c.port2&255)
}

// from is where requests come from; "" for the usual address.
func (c *testCase) from() string {
	if c.gateway == "ident" {
		return c.identAddress()
	}
	return ""
}

func (b *backend) serveIdent(conn net.Conn, in *bufio.Reader) {
	conn.SetDeadline(time.Now().Add(8 * time.Second))
	query, err := in.ReadString('\n')
	if err != nil {
		return
	}
	ended := "an end of line"
	if strings.HasSuffix(query, "\r\n") {
		ended = "CR and LF"
	}
	client, own, _ := strings.Cut(strings.TrimRight(query, "\r\n"), ",")
	if own == fmt.Sprint(b.ports[0]) {
		own = "${PORT}"
	}
	b.record(&seen{head: fmt.Sprintf("<client>,%s with %s\n", own, ended)})
	query = client + " , " + fmt.Sprint(b.ports[0])
	lines := b.answers[""]
	if len(lines) == 0 {
		lines = []string{`${QUERY} : USERID : UNIX : ann\r\n`}
	}
	for _, l := range lines {
		word, arg, _ := strings.Cut(l, " ")
		if word == "!pause" {
			d, _ := time.ParseDuration(arg)
			time.Sleep(d)
			continue
		}
		io.WriteString(conn, strings.ReplaceAll(b.expand(l), "${QUERY}", query))
	}
}
