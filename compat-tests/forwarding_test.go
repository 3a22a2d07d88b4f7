package compattests

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/donjon-httpd/donjon/internal/freeport"
)

// TestForwardedHasOneMeaning sends requests that two readers could read
// differently through the proxy, in all ways in which a request gets there:
// whatever reaches the backend is strictly written, readers of all habits find
// the same end of it, and there are not more requests than were answered.
func TestForwardedHasOneMeaning(t *testing.T) {
	if *only != "" {
		t.Skip("-case names others")
	}
	dir := place(t)
	b := newWitness(t, dir)
	ways := startForwarder(t, dir, b)
	requests := ambiguous(t)
	t.Logf("%d requests in %d ways", len(requests), len(ways))
	for name, addr := range ways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := b.through(t, name, 0, addr, "POST /first HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabcGET /second HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"); got != 2 {
				t.Fatalf("%d of two plain requests come through", got)
			}
			came := 0
			for i, q := range requests {
				came += b.through(t, name, i+1, addr, q)
			}
			if came == 0 || came == 2*len(requests) {
				t.Errorf("%d requests came through: the test shows nothing", came)
			}
		})
	}
}

// through sends a request and says how many came to the backend.
func (b *witness) through(t *testing.T, way string, i int, addr, q string) int {
	t.Helper()
	id := fmt.Sprintf("-%s-%d", way, i)
	sent := strings.NewReplacer("/first", "/first"+id, "/second", "/second"+id, "/third", "/third"+id).Replace(q)
	answer := ""
	if c, err := net.Dial("tcp", addr); err != nil {
		t.Fatal(err)
	} else {
		c.SetDeadline(time.Now().Add(10 * time.Second))
		io.WriteString(c, sent)
		c.(*net.TCPConn).CloseWrite()
		got, _ := io.ReadAll(c)
		c.Close()
		answer = string(got)
	}
	targets, faults := b.saw(id)
	for _, f := range faults {
		t.Errorf("%q\nreaches the backend so that %s", q, f)
	}
	answers := len(statusLine.FindAllString(answer, -1))
	if answers == 0 && answer != "" {
		answers = 1 // HTTP/0.9
	}
	if len(targets) > answers {
		t.Errorf("%q\nhas %d answers, and %q at the backend", q, answers, targets)
	}
	return len(targets)
}

var statusLine = regexp.MustCompile(`HTTP/1\.[01] [2-5]\d\d `)

// ambiguous are all requests of the cases about smuggling, and combinations of
// everything that was ever used for it.
func ambiguous(t *testing.T) []string {
	t.Helper()
	var list []string
	files, _ := filepath.Glob("cases/*smuggle-*.txtar")
	for _, f := range files {
		c, err := parseCase(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, q := range c.requests {
			list = append(list, q.bytes)
		}
	}
	const second = "GET /second HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
	body := "3\r\nabc\r\n0\r\n\r\n"
	hidden := "0\r\n\r\nGET /third HTTP/1.1\r\nHost: localhost\r\n\r\n"
	framing := []string{
		"Content-Length: 3", "Content-Length: 3\r\nContent-Length: 3", "Content-Length: 3\r\nContent-Length: 13", "Content-Length: 3, 3", "Content-Length: 3,13", "Content-Length: +3", "Content-Length: -3",
		"Content-Length: 0x3", "Content-Length: 3 3", "Content-Length: 03", "Content-Length: 3;q", "Content-Length:", "Content-Length: \"3\"", "Content-Length: 99999999999999999999", "Content-Length: 18446744073709551619",
		"Content-Length : 3", "Content_Length: 3", " Content-Length: 3", "Content-Length:\t3", "Content-Length:\v3", "Content-Length: 3\v", "Content-Length: 3\x00", "Content-Length: 3\rX: y", "Content-Length: 3\nX: y", "Content-Length: \r\n 3",
		"Transfer-Encoding: chunked", "Transfer-Encoding: Chunked", "Transfer-Encoding: xchunked", "Transfer-Encoding: chunkedx", "Transfer-Encoding: x, chunked", "Transfer-Encoding: chunked, x", "Transfer-Encoding: chunked, chunked",
		"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked", "Transfer-Encoding: identity", "Transfer-Encoding: gzip", "Transfer-Encoding: gzip, chunked", "Transfer-Encoding:",
		"Transfer-Encoding: ,chunked", "Transfer-Encoding: chunked;q=1", "Transfer-Encoding: \"chunked\"", "Transfer-Encoding : chunked", "Transfer_Encoding: chunked", "transfer-encoding:chunked", "Transfer-Encoding:\vchunked",
		"Transfer-Encoding: chunked\v", "Transfer-Encoding: \x00chunked", "Transfer-Encoding: \x85chunked", "Transfer-Encoding:\xa0chunked", "Transfer-Encoding: chu\r\n nked", "Transfer-Encoding:\r\n chunked", " Transfer-Encoding: chunked",
		"X: y\rTransfer-Encoding: chunked", "X: y\nTransfer-Encoding: chunked", "X: y\n\rTransfer-Encoding: chunked", "Foo\r\nTransfer-Encoding: chunked", ": x\r\nTransfer-Encoding: chunked", "Trailer: Content-Length\r\nTransfer-Encoding: chunked",
		"Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked", "Connection: Content-Length\r\nContent-Length: 3", "Connection: Host\r\nContent-Length: 3", "Upgrade: websocket\r\nConnection: upgrade", "Upgrade: h2c\r\nConnection: upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAA\r\nContent-Length: 3",
		"Expect: 100-continue\r\nTransfer-Encoding: chunked", "Expect: 100-continue\r\nContent-Length: 3", "Max-Forwards: 0", "TE: trailers, chunked\r\nContent-Length: 3",
	}
	for _, a := range framing {
		for _, also := range []string{"", "Content-Length: 13\r\n", "Transfer-Encoding: chunked\r\n"} {
			for _, method := range []string{"POST", "GET"} {
				list = append(list, method+" /first HTTP/1.1\r\nHost: localhost\r\n"+a+"\r\n"+also+"\r\n"+body+second)
			}
			list = append(list, "POST /first HTTP/1.1\r\nHost: localhost\r\n"+also+a+"\r\n\r\n"+hidden+second)
		}
		list = append(list, "POST /first HTTP/1.0\r\nConnection: keep-alive\r\nHost: localhost\r\n"+a+"\r\n\r\n"+body+second)
	}
	for _, chunks := range []string{
		"3\r\nabc\r\n0\r\n\r\n", "03\r\nabc\r\n0\r\n\r\n", "0x3\r\nabc\r\n0\r\n\r\n", "+3\r\nabc\r\n0\r\n\r\n", "-3\r\nabc\r\n0\r\n\r\n", "3 \r\nabc\r\n0\r\n\r\n", " 3\r\nabc\r\n0\r\n\r\n", "3;x\r\nabc\r\n0\r\n\r\n", "3;x=\"\r\n\"\r\nabc\r\n0\r\n\r\n",
		"3;\nabc\r\n0\r\n\r\n", "3\nabc\r\n0\r\n\r\n", "3\r\nabc\n0\r\n\r\n", "3\r\nabc0\r\n\r\n", "3\r\nabcX\r\n0\r\n\r\n", "3\rabc\r\n0\r\n\r\n", "3\r\nabc\r\n0\n\n", "3\r\nabc\r\n0\r\n\n", "3\r\nabc\r\n0\r\nX: y\r\n\r\n",
		"3\r\nabc\r\n0\r\nContent-Length: 50\r\n\r\n", "3\r\nabc\r\n0\r\nTransfer-Encoding: chunked\r\nHost: other\r\n\r\n", "3\r\nabc\r\n0\r\nX\r\n\r\n", "3\r\nabc\r\n0\r\n X: y\r\n\r\n", "3\r\nabc\r\n00000000000000000000\r\n\r\n",
		"fffffffffffffffff\r\nabc\r\n0\r\n\r\n", "ffffffffffffffff\r\nabc\r\n0\r\n\r\n", "8000000000000000\r\nabc\r\n0\r\n\r\n", "100000000\r\nabc\r\n0\r\n\r\n", "10000000000000003\r\nabc\r\n0\r\n\r\n", "3_\r\nabc\r\n0\r\n\r\n", "3\x00\r\nabc\r\n0\r\n\r\n",
		"3;" + strings.Repeat("x", 9000) + "\r\nabc\r\n0\r\n\r\n", "\r\n3\r\nabc\r\n0\r\n\r\n", "3\r\nab", "", "0\r\n", "g\r\nabc\r\n0\r\n\r\n", "3\r\n\r\nabc\r\n0\r\n\r\n", "3;\rx\r\nabc\r\n0\r\n\r\n", "3\t;x\r\nabc\r\n0\r\n\r\n",
	} {
		list = append(list, "POST /first HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"+chunks+second)
	}
	for _, head := range []string{
		"\r\nGET /first HTTP/1.1\r\nHost: localhost", "\r\n\r\n\nGET /first HTTP/1.1\r\nHost: localhost", " GET /first HTTP/1.1\r\nHost: localhost", "GET  /first  HTTP/1.1\r\nHost: localhost", "GET\t/first\tHTTP/1.1\r\nHost: localhost", "GET /first HTTP/1.1 \r\nHost: localhost",
		"GET /first HTTP/1.1\nHost: localhost", "GET /first\rX HTTP/1.1\r\nHost: localhost", "GET /first\x00x HTTP/1.1\r\nHost: localhost", "GET /first\x0bx HTTP/1.1\r\nHost: localhost", "GET /first\xa0x HTTP/1.1\r\nHost: localhost", "GET /first\xc3\xbc HTTP/1.1\r\nHost: localhost",
		"GET /first%0d%0aX:%20y HTTP/1.1\r\nHost: localhost", "GET /first%20HTTP/1.1%0d%0aHost:%20x%0d%0a%0d%0aGET%20/third HTTP/1.1\r\nHost: localhost", "GET /first?a%0d%0ab HTTP/1.1\r\nHost: localhost", "GET /first?a=\x01 HTTP/1.1\r\nHost: localhost", "GET /first?\"<>|^` HTTP/1.1\r\nHost: localhost", "GET /first#x HTTP/1.1\r\nHost: localhost",
		"GET /first%00 HTTP/1.1\r\nHost: localhost", "GET /first%2f..%2fx HTTP/1.1\r\nHost: localhost", "GET /first/../../x HTTP/1.1\r\nHost: localhost", "GET //first HTTP/1.1\r\nHost: localhost", "GET first HTTP/1.1\r\nHost: localhost",
		"GET http://other/first HTTP/1.1\r\nHost: localhost", "GET http://other:0/first HTTP/1.1\r\nHost: localhost", "GET http://a b/first HTTP/1.1\r\nHost: localhost", "GET http://u@localhost/first HTTP/1.1\r\nHost: localhost", "GET http:///first HTTP/1.1\r\nHost: localhost", "GET http://localhost\\@other/first HTTP/1.1\r\nHost: localhost", "GET https://localhost/first HTTP/1.1\r\nHost: localhost",
		"GET /first HTTP/1.1\r\nHost: localhost\r\nHost: other", "GET /first HTTP/1.1\r\nHost: localhost, other", "GET /first HTTP/1.1\r\nHost : localhost", "GET /first HTTP/1.1\r\n Host: localhost", "GET /first HTTP/1.1\r\nHost: localhost\r\n other", "GET /first HTTP/1.1\r\nHost: localhost\x00", "GET /first HTTP/1.1\r\nHost: local\rhost", "GET /first HTTP/1.1\r\nHost:", "GET /first HTTP/1.1",
		"GET /first HTTP/1.1\r\nHost: localhost:99999999999", "GET /first HTTP/1.1\r\nHost: localhost/x", "GET /first HTTP/1.1\r\nHost: [::1", "GET /first HTTP/1.1\r\nHost: \"x\"", "GET /first HTTP/1.1\r\nHost: localhost\r\nX-A: b\r\n\tc", "GET /first HTTP/1.1\r\nHost: localhost\r\nX A: b", "GET /first HTTP/1.1\r\nHost: localhost\r\nX(A): b", "GET /first HTTP/1.1\r\nHost: localhost\r\nX-A: \x7f", "GET /first HTTP/1.1\r\nHost: localhost\r\nX-A: b\x00c", "GET /first HTTP/1.1\r\nHost: localhost\r\nX-A: b\rX-B: c",
		"GET /first HTTP/1.1\r\nHost: localhost\r\nX_A: b", "GET /first HTTP/1.1\r\nHost: localhost\r\nX-\xfc: b", "GET /first HTTP/1.1\r\nHost: localhost\r\nCookie: a=\xff\x85", "GET /first HTTP/1.1\r\nHost: localhost\r\nConnection: close, X-A, Cookie\r\nX-A: b", "GET /first HTTP/0.9\r\nHost: localhost", "GET /first HTTP/2.0\r\nHost: localhost", "GET /first HTTP/1.2\r\nHost: localhost", "GET /first HTTP/01.1\r\nHost: localhost", "GET /first http/1.1\r\nHost: localhost", "GET /first HTTP/1.10\r\nHost: localhost", "GET /first HTTP/1.1x\r\nHost: localhost", "GET /first", "GET\x00 /first HTTP/1.1\r\nHost: localhost", "G(T /first HTTP/1.1\r\nHost: localhost", "PRI * HTTP/2.0", "CONNECT localhost:1 HTTP/1.1\r\nHost: localhost:1", "OPTIONS * HTTP/1.1\r\nHost: localhost",
	} {
		list = append(list, head+"\r\n\r\n"+second, head+"\n\n"+second, head+"\r\n\n"+second, head+"\r\n\r\r\n\r\n"+second)
	}
	return list
}

// witness is a backend that keeps what it gets as it came.
type witness struct {
	tcp, unix string

	mu   sync.Mutex
	seen map[string]*testimony // by what stands behind /first, /second or /third
}

type testimony struct {
	targets []string
	faults  []string
}

var idRx = regexp.MustCompile(`/(?:first|second|third)(-[a-z]+-\d+)\b`)

func newWitness(t *testing.T, dir string) *witness {
	t.Helper()
	b := &witness{seen: map[string]*testimony{}}
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "backend.sock")
	unix, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	os.Chmod(path, 0o777)
	b.tcp, b.unix = tcp.Addr().String(), path
	for _, l := range []net.Listener{tcp, unix} {
		t.Cleanup(func() { l.Close() })
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				go b.serve(c)
			}
		}()
	}
	return b
}

// serve reads requests strictly, and answers those. A connection on which
// something else comes is told about and ended.
func (b *witness) serve(c net.Conn) {
	defer c.Close()
	var got []byte
	p := make([]byte, 65536)
	continued := false
	for {
		end, target, err := strictMessage(got)
		switch {
		case errors.Is(err, errShort) && !continued && bytes.Contains(got, []byte("\r\nExpect: 100-")) && bytes.Contains(got, []byte("\r\n\r\n")):
			continued = true
			io.WriteString(c, "HTTP/1.1 100 Continue\r\n\r\n")
			continue
		case len(got) == 0 || errors.Is(err, errShort):
			n, err := c.Read(p)
			if got = append(got, p[:n]...); err != nil {
				if len(got) > 0 && !bytes.Contains(got, []byte("\r\n\r\n")) {
					b.tell(got, "", "the head ends early")
				}
				return // a body that the client did not finish ends with its connection
			}
			continue
		case err != nil:
			b.tell(got, "", err.Error())
			return
		}
		message := got[:end]
		fault := ""
		for _, l := range looseReaders {
			if n, err := l.end(got); err != nil || n != end {
				fault = fmt.Sprintf("%q: the reader %q ends it at %d (%v), not at %d", message, l.name, n, err, end)
			}
		}
		b.tell(message, target, fault)
		if _, err := io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"); err != nil {
			return
		}
		got, continued = append([]byte(nil), got[end:]...), false
	}
}

func (b *witness) tell(message []byte, target, fault string) {
	id := ""
	if m := idRx.FindSubmatch(message); m != nil {
		id = string(m[1])
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.seen[id] == nil {
		b.seen[id] = new(testimony)
	}
	if fault != "" {
		b.seen[id].faults = append(b.seen[id].faults, fmt.Sprintf("%s: %.400q", fault, message))
	}
	if target != "" {
		b.seen[id].targets = append(b.seen[id].targets, target)
	}
}

func (b *witness) saw(id string) (targets, faults []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if s := b.seen[id]; s != nil {
		return s.targets, s.faults
	}
	return nil, nil
}

// startForwarder starts httpd with a port for each way to the backend.
func startForwarder(t *testing.T, dir string, b *witness) map[string]string {
	t.Helper()
	hosts := []struct{ name, config string }{
		{"plain", "ProxyPass / http://" + b.tcp + "/\n"},
		{"unsafe", "HttpProtocolOptions Unsafe\nProxyPass / http://" + b.tcp + "/\n"},
		{"lenient", "HttpProtocolOptions Unsafe LenientMethods Allow0.9\nProxyBadHeader Ignore\nProxyPass / http://" + b.tcp + "/ nocanon\n"},
		{"unix", "ProxyPass / unix:" + b.unix + "|http://localhost/\n"},
		{"sendchunked", "SetEnv proxy-sendchunked 1\nProxyPass / http://" + b.tcp + "/\n"},
		{"sendcl", "SetEnv proxy-sendcl 1\nProxyPass / http://" + b.tcp + "/\n"},
		{"old", "SetEnv force-proxy-request-1.0 1\nProxyPass / http://" + b.tcp + "/\n"},
		{"preserve", "ProxyPreserveHost On\nProxyPass / http://" + b.tcp + "/ disablereuse=on\n"},
		{"rewrite", "RewriteEngine On\nRewriteRule ^/?(.*)$ http://" + b.tcp + "/$1 [P]\n"},
		{"decoded", "RewriteEngine On\nRewriteRule ^/?(.*)$ http://" + b.tcp + "/$1 [P,NE]\n"},
		{"handler", "<Location />\nSetHandler \"proxy:http://" + b.tcp + "\"\n</Location>\n"},
		{"upgrade", "ProxyPass / http://" + b.tcp + "/ upgrade=ANY\n"},
		{"trailers", "MergeTrailers On\nProxyPass / http://" + b.tcp + "/\n"},
		{"inflate", "SetInputFilter DEFLATE\nProxyPass / http://" + b.tcp + "/\n"},
		{"balancer", "<Proxy balancer://x>\nBalancerMember http://" + b.tcp + "\n</Proxy>\nProxyPass / balancer://x/\n"},
	}
	ports, err := freeport.Find(len(hosts))
	if err != nil {
		t.Fatal(err)
	}
	os.MkdirAll(filepath.Join(dir, "run"), 0o777)
	conf := fmt.Sprintf("ServerRoot %s\nServerName localhost\nPidFile run/pid\nDefaultRuntimeDir run\nMutex file:%[1]s/run default\nErrorLog error_log\nTimeout 5\n", dir)
	if os.Getuid() == 0 {
		conf += "User www-data\nGroup www-data\n"
	}
	for _, m := range strings.Fields("mpm_event authz_core env deflate filter proxy proxy_http rewrite slotmem_shm proxy_balancer lbmethod_byrequests") {
		conf += fmt.Sprintf("LoadModule %s_module modules/mod_%[1]s.so\n", m)
	}
	ways := map[string]string{}
	for i, h := range hosts {
		ways[h.name] = fmt.Sprintf("127.0.0.1:%d", ports[i])
		conf += fmt.Sprintf("Listen %s\n<VirtualHost %[1]s>\n%s</VirtualHost>\n", ways[h.name], h.config)
	}
	file := filepath.Join(dir, "httpd.conf")
	if err := os.WriteFile(file, []byte(conf), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(theBinary(t), "-f", file, "-DFOREGROUND")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		<-done
	})
	for _, addr := range ways {
		if err := waitFor(addr, done); err != nil {
			log, _ := os.ReadFile(filepath.Join(dir, "error_log"))
			t.Fatalf("%v\n%s%s", err, out.String(), log)
		}
	}
	return ways
}
