package compattests

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/donjon-httpd/donjon/internal/freeport"
)

// program is a server under comparison.
type program struct {
	path   string
	apache bool
}

// preamble is what every case's configuration begins with; both servers read
// the same text.
func preamble(dir string, port, port2 int) string {
	s := fmt.Sprintf(`Define DIR %s
Define PORT %d
Define PORT2 %d
ServerRoot "${DIR}"
`, dir, port, port2)
	return s
}

const common = `LoadModule mpm_event_module modules/mod_mpm_event.so
LoadModule authz_core_module modules/mod_authz_core.so
ServerName localhost
PidFile "${DIR}/run/pid"
DefaultRuntimeDir "${DIR}/run"
Mutex file:${DIR}/run default
ErrorLog "${DIR}/error_log"
Listen 127.0.0.1:${PORT}
DocumentRoot "${DIR}/htdocs"
StartServers 1
ServerLimit 1
ThreadsPerChild 8
MaxRequestWorkers 8
MinSpareThreads 1
MaxSpareThreads 8
`

// modulesDir is where Debian's Apache keeps its modules.
const modulesDir = "/usr/lib/apache2/modules"

// lay makes the case's directory and configuration file.
func (c *testCase) lay(dir string, snippet string) (conf string, port int, err error) {
	if err := os.MkdirAll(filepath.Join(dir, "run"), 0o777); err != nil {
		return "", 0, err
	}
	if err := c.layOut(dir); err != nil {
		return "", 0, err
	}
	os.Symlink(modulesDir, filepath.Join(dir, "modules"))
	ports, err := freeport.Find(2)
	if err != nil {
		return "", 0, err
	}
	c.port2 = ports[1]
	text := preamble(dir, ports[0], ports[1])
	if !c.whole {
		text += common
		if os.Getuid() == 0 {
			text += "User www-data\nGroup www-data\n"
		}
		if strings.Contains(c.config+snippet, "mod_mime.so") && !strings.Contains(c.config+snippet, "TypesConfig") {
			text += "LoadModule mime_module modules/mod_mime.so\nTypesConfig /etc/mime.types\n"
		}
	}
	config := c.config + snippet
	if !c.whole && strings.Contains(text, "LoadModule mime_module") {
		config = strings.ReplaceAll(config, "LoadModule mime_module modules/mod_mime.so\n", "")
	}
	conf = filepath.Join(dir, "httpd.conf")
	return conf, ports[0], os.WriteFile(conf, []byte(text+config), 0o644)
}

// serve runs the case's requests on a server, each so many times, and gives
// the last answers as text.
func (c *testCase) serve(p program, dir string, times int) (answers string, logs map[string]string, err error) {
	conf, port, err := c.lay(dir, "")
	if err != nil {
		return "", nil, err
	}
	if c.backend != nil {
		b, err := c.startBackend(dir, port, c.port2)
		if err != nil {
			return "", nil, err
		}
		defer b.stop()
	}
	if c.ocsp != nil {
		stop, err := c.startOCSP(dir)
		if err != nil {
			return "", nil, err
		}
		defer stop()
	}
	if c.slapd != "" {
		stop, err := c.startSlapd(dir)
		if err != nil {
			return "", nil, err
		}
		defer stop()
	}
	cmd := exec.Command(p.path, "-f", conf, "-DFOREGROUND")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return "", nil, err
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	defer func() {
		cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-done:
		case <-time.After(10 * time.Second):
			syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
			<-done
		}
		if err == nil {
			logs, err = c.readLogs(dir, port, p.apache)
		}
	}()
	addr := fmt.Sprintf("127.0.0.1:%d", port)
	if err := waitFor(addr, done); err != nil {
		text, _ := os.ReadFile(filepath.Join(dir, "error_log"))
		return "", nil, fmt.Errorf("%s does not serve: %w\n%s%s", p.path, err, out.String(), text)
	}
	if p.apache && strings.Contains(c.config, "mod_cgid.so") {
		waitForCgid(dir)
	}
	var b strings.Builder
	var digest digestClient
	var cookies cookieClient
	var locks lockClient
	for i, r := range c.requests {
		time.Sleep(r.wait)
		var answer string
		if r.http2 != nil {
			for range times {
				text, pieces, err := r.http2.talk(addr, r.tls.in(dir), func(s string) string { return c.expand(s, dir, port) })
				if err != nil {
					return "", nil, fmt.Errorf("request %d: %w", i+1, err)
				}
				if len(c.logs) > 0 {
					time.Sleep(40 * time.Millisecond) // a stream is logged after its last frame
				}
				if answer = c.renderSession(pieces, dir, port); text != "" {
					answer = c.render(text, dir, port)
				}
			}
			if i > 0 {
				b.WriteString("\n")
			}
			b.WriteString(answer)
			continue
		}
		for range times {
			bytes, rspauth := digest.fill(locks.fill(cookies.fill(c.expand(r.bytes, dir, port))))
			raw, err := send(addr, c.from(), bytes, r.tls.in(dir))
			if err != nil {
				return "", nil, fmt.Errorf("request %d: %w", i+1, err)
			}
			cookies.learn(raw)
			locks.learn(raw)
			answer = digest.learn(raw, rspauth)
		}
		if i > 0 {
			b.WriteString("\n")
		}
		if r.tls != nil {
			b.WriteString(r.tls.stapled)
		}
		b.WriteString(c.render(answer, dir, port))
	}
	return b.String(), nil, nil
}

func waitFor(addr string, done chan error) error {
	for range 400 {
		select {
		case err := <-done:
			done <- err
			return fmt.Errorf("it ended: %v", err)
		default:
		}
		if c, err := net.DialTimeout("tcp", addr, time.Second); err == nil {
			c.Close()
			return nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	return fmt.Errorf("nothing listens on %s", addr)
}

// waitForCgid waits for the socket of Apache's daemon of mod_cgid, which begins
// beside the server: without it the first requests are answered with 503.
func waitForCgid(dir string) {
	for range 200 {
		if found, _ := filepath.Glob(filepath.Join(dir, "run/cgisock*")); len(found) > 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// send gives the answer to what is sent on a connection of its own. A server
// that closes with more to read may reset the connection, and the answer is lost
// on the way now and then: then it is asked again.
func send(addr, from, bytes string, over *tls.Config) (answer string, err error) {
	for range 5 {
		if answer, err = sendOnce(addr, from, bytes, over); answer != "" || !errors.Is(err, syscall.ECONNRESET) {
			break
		}
	}
	return answer, err
}

func sendOnce(addr, from, bytes string, over *tls.Config) (string, error) {
	d := net.Dialer{Timeout: 5 * time.Second}
	if from != "" {
		d.LocalAddr = &net.TCPAddr{IP: net.ParseIP(from)}
	}
	c, err := d.Dial("tcp", addr)
	if err != nil {
		return "", err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(10 * time.Second))
	if over != nil {
		t := tls.Client(c, over)
		if t.Handshake() != nil {
			return noTLS, nil
		}
		c = t
	}
	if _, err := io.WriteString(c, bytes); err != nil {
		return "", err
	}
	b, err := io.ReadAll(c)
	if over != nil && len(b) == 0 && err != nil {
		return noTLS, nil // what TLS 1.3 is refused with comes behind the handshake
	}
	var timeout net.Error
	if len(b) > 0 && (!errors.As(err, &timeout) || !timeout.Timeout()) {
		err = nil // a reset after the answer is a way to close
	}
	return string(b), err
}

var (
	dateRx     = regexp.MustCompile(`(?m)^Date: .*$`)
	serverRx   = regexp.MustCompile(`(?m)^Server: .*$`)
	boundaryRx = regexp.MustCompile(`(boundary=|--)[0-9a-f]{12,16}`)
	addressRx  = regexp.MustCompile(`<address>[^<]* Server at `)
	builtRx    = regexp.MustCompile(`(?m)((?:<dl>)?<dt>Server (?:Version|Built): ).*$`)
	allowRx    = regexp.MustCompile(`(?m)^Allow: .*$`)
	expiresRx  = regexp.MustCompile(`(?m)^Expires: .*$`)
	ctimeRx    = regexp.MustCompile(`\[\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}\]`)
	clfRx      = regexp.MustCompile(`\[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\]`)
)

// normal takes out what differs by nature: time, product, port, directory.
func normal(s, dir string, port int) string {
	s = strings.ReplaceAll(s, "\r", "")
	s = dateRx.ReplaceAllString(s, "Date: <now>")
	s = builtRx.ReplaceAllString(s, "${1}<server>")
	s = allowRx.ReplaceAllStringFunc(s, func(m string) string { // Apache's order is a hash table's
		methods := strings.Split(strings.TrimPrefix(m, "Allow: "), ",")
		slices.Sort(methods)
		return "Allow: " + strings.Join(methods, ",")
	})
	s = serverRx.ReplaceAllString(s, "Server: <server>")
	s = boundaryRx.ReplaceAllString(s, "${1}<boundary>")
	s = addressRx.ReplaceAllString(s, "<address><server> Server at ")
	s = clfRx.ReplaceAllString(s, "[<time>]")
	s = ctimeRx.ReplaceAllString(s, "[<time>]")
	s = normalSession(s)
	s = normalDAV(s)
	s = strings.ReplaceAll(s, dir, "${DIR}")
	s = strings.ReplaceAll(s, strings.TrimPrefix(dir, "/"), "${DIR:1}") // mod_rewrite's log takes the slash off
	return strings.ReplaceAll(s, fmt.Sprint(port), "${PORT}")
}

// render writes a response as a case has it: status, compared fields, body.
func (c *testCase) render(raw, dir string, port int) string {
	if head, _, _ := strings.Cut(raw, "\r\n\r\n"); strings.HasPrefix(raw, "HTTP/") && strings.Count(head, "\n") != strings.Count(head, "\r\n") {
		return "<a line of the head ends without CR>\n"
	}
	raw = decoded(raw)
	if slices.Contains(c.fields, "-chunks") {
		raw = unchunked(raw)
	}
	raw = c.hideDataPorts(c.hidePort2(normal(relativeExpires(raw), dir, port)))
	head, body, _ := strings.Cut(raw, "\n\n")
	ls := strings.Split(head, "\n")
	var b strings.Builder
	all := len(c.fields) == 0 || slices.Contains(c.fields, "*")
	if all {
		b.WriteString(head + "\n")
	} else {
		b.WriteString(ls[0] + "\n")
		for _, l := range ls[1:] {
			name, _, _ := strings.Cut(l, ":")
			if slices.ContainsFunc(c.fields, func(f string) bool { return strings.EqualFold(f, name) }) {
				b.WriteString(l + "\n")
			}
		}
	}
	if body != "" && !slices.Contains(c.fields, "-body") {
		for l := range strings.SplitSeq(strings.TrimSuffix(body, "\n"), "\n") {
			b.WriteString("| " + l + "\n")
		}
	}
	return b.String()
}

// relativeExpires writes an Expires field of the next ten years as its distance
// from Date. Both clocks tick by seconds, one after the other: the distance is
// one of full ten seconds where it nearly is.
func relativeExpires(raw string) string {
	head, body, found := strings.Cut(raw, "\r\n\r\n")
	date, err := time.Parse(http.TimeFormat, fieldOf(head, "Date"))
	expires, err2 := time.Parse(http.TimeFormat, fieldOf(head, "Expires"))
	if !found || err != nil || err2 != nil {
		return raw
	}
	const near = 2 * time.Second
	ahead := expires.Sub(date)
	if round := ahead.Round(10 * time.Second); (ahead - round).Abs() <= near {
		ahead = round
	}
	if ahead < 0 || ahead > 10*365*24*time.Hour {
		return raw
	}
	head = expiresRx.ReplaceAllLiteralString(head, fmt.Sprintf("Expires: <now+%d>\r", ahead/time.Second))
	return head + "\r\n\r\n" + body
}

func fieldOf(head, name string) string {
	for l := range strings.SplitSeq(head, "\r\n") {
		if n, v, _ := strings.Cut(l, ": "); n == name {
			return v
		}
	}
	return ""
}

// readLogs reads the logs that the case has. The error log of a module,
// "error_log alias", is its lines alone, without time and process. Apache's
// children crash now and then when they end, which is no matter of the case.
func (c *testCase) readLogs(dir string, port int, apache bool) (map[string]string, error) {
	logs := map[string]string{}
	for name := range c.logs {
		file, module, ofModule := strings.Cut(name, ":")
		b, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			return nil, err
		}
		text := string(b)
		if apache {
			text = crashRx.ReplaceAllString(text, "")
		}
		if ofModule {
			text = linesOf(module, text) // first: a process may have the port's number
		}
		text = stampRx.ReplaceAllString(c.hidePort2(normal(text, dir, port)), "")
		text = clientRx.ReplaceAllString(pidRx.ReplaceAllString(text, ""), "$1]")
		text = nonceLogRx.ReplaceAllString(text, "$1<nonce>")
		logs[name] = c.hideDataPorts(c.hidePort2(sourceRx.ReplaceAllString(text, "$1")))
	}
	return logs, nil
}

var (
	crashRx   = regexp.MustCompile(`(?m)^.*AH00052: child pid \d+ exit signal Segmentation fault.*\n`)
	logLineRx = regexp.MustCompile(`^\[[^\]]*\] (\[\w+:\w+\]) \[pid [^\]]*\] (?:\S+\.(?:c|go)\(\d+\): )?(\(\d+\)[^:]*: )?(?:\[(?:client|remote) [^\]]*\] )?(.*)$`)
	pointerRx = regexp.MustCompile(`([sr]id)#[0-9a-f]+`)
)

// linesOf is what a module wrote to an error log, without what differs by
// nature: time, process, place in the source, client, addresses of objects.
func linesOf(module, text string) string {
	var b strings.Builder
	for l := range strings.Lines(text) {
		m := logLineRx.FindStringSubmatch(strings.TrimSuffix(l, "\n"))
		if m == nil || !strings.HasPrefix(m[1], "["+module+":") || strings.HasPrefix(m[3], "AH00094: ") { // the command line
			continue
		}
		b.WriteString(m[1] + " " + m[2] + pointerRx.ReplaceAllString(m[3], "$1#<id>") + "\n")
	}
	return b.String()
}

var placeRx = regexp.MustCompile(`(line |/httpd\.conf:)(\d+)`)
var stampRx = regexp.MustCompile(`(?m)^\[[A-Z][a-z]{2} [A-Z][a-z]{2} [^\]]*\] `)
var clientRx = regexp.MustCompile(`(\[(?:client|remote) [^ \]]*):\d+\]`)

// sourceRx finds the place in Apache's source that lines of debug and below name.
var sourceRx = regexp.MustCompile(`(?m)^(\[\w+:\w+\] )\w+\.(?:c|go)\(\d+\): `)
var pidRx = regexp.MustCompile(`\[pid \d+(:tid \d+)?\] `)

// runCheck runs -t on a snippet and gives exit code and messages.
func (c *testCase) runCheck(p program, dir string, k check) (string, error) {
	conf, port, err := c.lay(dir, k.config)
	if err != nil {
		return "", err
	}
	text, err := os.ReadFile(conf)
	if err != nil {
		return "", err
	}
	before := strings.Count(strings.TrimSuffix(string(text), k.config), "\n")
	cmd := exec.Command(p.path, "-t", "-f", conf)
	out, _ := cmd.CombinedOutput()
	s := stampRx.ReplaceAllString(string(out), "")
	s = c.hidePort2(normal(pidRx.ReplaceAllString(s, ""), dir, port))
	s = strings.ReplaceAll(s, "apache2: ", "httpd: ")
	// Lines count from the snippet's first.
	s = placeRx.ReplaceAllStringFunc(s, func(m string) string {
		place := placeRx.FindStringSubmatch(m)
		if n, err := strconv.Atoi(place[2]); err == nil && n > before {
			return place[1] + strconv.Itoa(n-before)
		}
		return m
	})
	// The first diagnostic is Apache's; httpd goes on to tell more.
	return fmt.Sprintf("exit %d\n%s", cmd.ProcessState.ExitCode(), firstOf(s)), nil
}

// firstOf cuts what follows the first error: Apache stops there.
func firstOf(s string) string {
	ls := strings.SplitAfter(s, "\n")
	for i, l := range ls {
		if strings.HasPrefix(l, "AH00526: ") {
			return strings.Join(ls[:min(i+2, len(ls))], "")
		}
		if strings.HasPrefix(l, "httpd: Syntax error") {
			return strings.Join(ls[:i+1], "")
		}
	}
	return s
}
