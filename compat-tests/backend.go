package compattests

import (
	"bufio"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A case with a section "backend" has a small server behind the one that is
// tested, on PORT2 and on the socket run/backend.sock. It tells each request that
// it got in the file backend_log, and answers what the section "backend PATH"
// with the longest matching path says, or else with the request that it got.
//
// A section of answers is lines with escapes, as raw requests are, and commands:
//
//	!early         answer before the body was read
//	!body          read the body here
//	!pause 50ms    wait
//	!close         close the connection when all is sent
//	!reset         close it at once
//	!echo          send back whatever comes from here on
//	{accept}       in a line: what Sec-WebSocket-Accept must be
//	!again         on a connection that has answered before: close without an answer
type backend struct {
	answers map[string][]string // by path
	gateway string
	dir     string
	ports   [2]int

	mu    sync.Mutex
	log   *os.File
	conns map[net.Conn]bool
	wg    sync.WaitGroup
	ls    []net.Listener

	objects  map[string]string // of Redis
	sessions []*ftpSession     // that are not recorded yet, in the order in which they began
}

// startBackend starts the case's backend.
func (c *testCase) startBackend(dir string, port, port2 int) (*backend, error) {
	b := &backend{answers: c.backend, gateway: c.gateway, dir: dir, ports: [2]int{port, port2}, conns: map[net.Conn]bool{}}
	var err error
	if b.log, err = os.Create(filepath.Join(dir, "backend_log")); err != nil {
		return nil, err
	}
	tcp, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port2))
	if err != nil {
		return nil, err
	}
	if c.gateway == "ident" {
		tcp.Close()
		if tcp, err = net.Listen("tcp", c.identAddress()+":113"); err != nil {
			return nil, err
		}
	}
	if c.backendTLS != nil {
		if tcp, err = c.backendTLS.listen(tcp, dir); err != nil {
			return nil, err
		}
	}
	path := filepath.Join(dir, "run", "backend.sock")
	unix, err := net.Listen("unix", path)
	if err != nil {
		tcp.Close()
		return nil, err
	}
	os.Chmod(path, 0o777)
	os.Chmod(filepath.Dir(path), 0o777)
	b.ls = []net.Listener{tcp, unix}
	for _, l := range b.ls {
		b.wg.Add(1)
		go b.accept(l)
	}
	return b, nil
}

func (b *backend) accept(l net.Listener) {
	defer b.wg.Done()
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		b.mu.Lock()
		b.conns[conn] = true
		b.wg.Add(1)
		b.mu.Unlock()
		go func() {
			defer b.wg.Done()
			b.serve(conn)
			conn.Close()
			b.mu.Lock()
			delete(b.conns, conn)
			b.mu.Unlock()
		}()
	}
}

// stop ends the backend, and waits for it.
func (b *backend) stop() {
	for _, l := range b.ls {
		l.Close()
	}
	b.mu.Lock()
	for c := range b.conns {
		c.Close()
	}
	b.mu.Unlock()
	b.wg.Wait()
	b.log.Close()
}

// seen is a request as it came.
type seen struct {
	head, body string
	target     string
	left       int64
	chunked    bool
	close      bool
}

func (b *backend) serve(conn net.Conn) {
	in := bufio.NewReader(conn)
	if b.gateway == "ftp" {
		b.serveFTP(conn, in)
		return
	}
	if b.gateway == "ident" {
		b.serveIdent(conn, in)
		return
	}
	if b.gateway == "redis" {
		b.serveRedis(conn, in)
		return
	}
	if b.gateway == "fd" {
		b.serveFD(conn)
		return
	}
	if b.gateway == "h2c" {
		b.serveHTTP2(conn, in)
		return
	}
	for served := 0; ; served++ {
		conn.SetDeadline(time.Now().Add(8 * time.Second))
		if b.gateway != "" {
			if !b.serveGateway(conn, in, served) {
				return
			}
			continue
		}
		q, ok := readRequest(in)
		if !ok {
			return
		}
		q.head = toldOfTLS(conn) + q.head
		lines := b.find(q.target)
		if !has(lines, "!early") && !has(lines, "!body") {
			q.readBody(in)
		}
		if !b.answer(conn, in, &q, lines, served) || q.close {
			return
		}
	}
}

func has(lines []string, word string) bool {
	for _, l := range lines {
		if l == word {
			return true
		}
	}
	return false
}

func readRequest(in *bufio.Reader) (q seen, ok bool) {
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return q, false
		}
		if q.head == "" {
			if w := strings.Fields(line); len(w) > 1 {
				q.target = w[1]
			}
			q.close = strings.Contains(line, "HTTP/1.0")
		}
		if strings.TrimRight(line, "\r\n") == "" {
			return q, true
		}
		q.head += line
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		value = strings.TrimSpace(value)
		switch strings.ToLower(name) {
		case "content-length":
			q.left, _ = strconv.ParseInt(value, 10, 64)
		case "transfer-encoding":
			q.chunked = true
		case "connection":
			q.close = q.close || strings.EqualFold(value, "close")
		}
	}
}

// readBody reads a body as it is framed, and keeps how it was written.
func (q *seen) readBody(in *bufio.Reader) {
	if !q.chunked {
		p := make([]byte, q.left)
		n, _ := io.ReadFull(in, p)
		q.body, q.left = string(p[:n]), 0
		return
	}
	q.chunked = false
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		size, err := strconv.ParseInt(strings.TrimSpace(line), 16, 64)
		if err != nil || size == 0 {
			in.ReadString('\n')
			q.body += "<last chunk>"
			return
		}
		p := make([]byte, size+2)
		n, _ := io.ReadFull(in, p)
		q.body += strings.TrimSuffix(string(p[:n]), "\r\n")
	}
}

// find gives the lines for a target.
func (b *backend) find(target string) []string {
	if i := strings.Index(target, "://"); i >= 0 { // as proxies are asked
		rest := target[i+3:]
		if j := strings.IndexByte(rest, '/'); j >= 0 {
			target = rest[j:]
		}
	}
	best, found := "", []string(nil)
	for path, lines := range b.answers {
		if path != "" && strings.HasPrefix(target, path) && len(path) > len(best) {
			best, found = path, lines
		}
	}
	return found
}

// answer sends what the lines say; false ends the connection.
func (b *backend) answer(conn net.Conn, in *bufio.Reader, q *seen, lines []string, served int) bool {
	if has(lines, "!again") && served > 0 {
		b.record(q)
		return false
	}
	if len(lines) == 0 {
		b.record(q)
		body := strings.ReplaceAll(q.head, "\r\n", "\n") + "\n" + q.body
		fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		return true
	}
	recorded := false
	record := func() {
		if !recorded {
			b.record(q)
		}
		recorded = true
	}
	if q.left == 0 && !q.chunked {
		record()
	}
	keep := true
	for _, l := range lines {
		word, arg, _ := strings.Cut(l, " ")
		switch word {
		case "!early", "!again":
		case "!body":
			q.readBody(in)
			record()
		case "!pause":
			d, _ := time.ParseDuration(arg)
			time.Sleep(d)
		case "!close":
			keep = false
		case "!reset":
			record()
			return false
		case "!echo":
			record()
			io.Copy(conn, in)
			return false
		default:
			io.WriteString(conn, b.expand(strings.ReplaceAll(l, "{accept}", webSocketAccept(q.head))))
		}
	}
	record()
	return keep
}

// webSocketAccept proves that a WebSocket's head was read (RFC 6455 section 4.2.2).
func webSocketAccept(head string) string {
	for l := range strings.SplitSeq(head, "\n") {
		if name, key, _ := strings.Cut(strings.TrimSpace(l), ": "); strings.EqualFold(name, "Sec-WebSocket-Key") {
			sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
			return base64.StdEncoding.EncodeToString(sum[:])
		}
	}
	return ""
}

func (b *backend) expand(line string) string {
	s, err := strconv.Unquote(`"` + strings.ReplaceAll(line, `"`, `\"`) + `"`)
	if err != nil {
		s = line
	}
	return strings.NewReplacer("${PORT}", fmt.Sprint(b.ports[0]), "${PORT2}", fmt.Sprint(b.ports[1]), "${DIR}", b.dir).Replace(s)
}

func (b *backend) record(q *seen) {
	b.mu.Lock()
	defer b.mu.Unlock()
	fmt.Fprintf(b.log, "%s", strings.ReplaceAll(q.head, "\r\n", "\n"))
	if q.body != "" {
		fmt.Fprintf(b.log, "\n%s", q.body)
		if !strings.HasSuffix(q.body, "\n") {
			fmt.Fprintln(b.log)
		}
	}
	fmt.Fprintln(b.log, "--")
}

// hidePort2 takes the backend's port out of a text.
func (c *testCase) hidePort2(s string) string {
	if c.port2 == 0 || c.backend == nil && c.slapd == "" && c.ocsp == nil {
		return s
	}
	return strings.ReplaceAll(s, fmt.Sprint(c.port2), "${PORT2}")
}

// expand puts ports and the directory into a request of a case with a backend. A
// body that changes by it has its length told anew.
func (c *testCase) expand(s, dir string, port int) string {
	if c.backend == nil {
		return s
	}
	put := strings.NewReplacer("${PORT}", fmt.Sprint(port), "${PORT2}", fmt.Sprint(c.port2), "${DIR}", dir)
	head, body, _ := strings.Cut(s, "\r\n\r\n")
	told := fmt.Sprintf("\r\nContent-Length: %d", len(body))
	if now := put.Replace(body); now != body && strings.HasSuffix(head, told) {
		head, body = strings.TrimSuffix(head, told)+fmt.Sprintf("\r\nContent-Length: %d", len(now)), now
		return put.Replace(head) + "\r\n\r\n" + body
	}
	return put.Replace(s)
}
