package proxy

import (
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// uri is a URL taken apart as apr_uri_parse does.
type uri struct {
	scheme, user, host string
	port               int
	hasPort            bool
	rest               string // path, query and fragment
}

func parseURI(s string) (u uri, ok bool) {
	i := strings.IndexByte(s, ':')
	if i <= 0 || strings.ContainsAny(s[:i], "/?#") {
		u.rest = s
		return u, true // no scheme
	}
	u.scheme = s[:i]
	if !strings.HasPrefix(s[i+1:], "//") {
		u.rest = s[i+1:]
		return u, true
	}
	authority := s[i+3:]
	if j := strings.IndexAny(authority, "/?#"); j >= 0 {
		authority, u.rest = authority[:j], authority[j:]
	}
	if j := strings.LastIndexByte(authority, '@'); j >= 0 {
		u.user, authority = authority[:j], authority[j+1:]
	}
	u.host = authority
	colon := strings.LastIndexByte(authority, ':')
	if strings.HasPrefix(authority, "[") {
		end := strings.IndexByte(authority, ']')
		if end < 0 {
			return u, false
		}
		if colon < end {
			colon = -1
		}
		u.host = authority[1:end]
	}
	if colon >= 0 {
		if !strings.HasPrefix(authority, "[") {
			u.host = authority[:colon]
		}
		if text := authority[colon+1:]; text != "" {
			n, err := strconv.ParseUint(text, 10, 16)
			if err != nil {
				return u, false
			}
			u.port, u.hasPort = int(n), true
		}
	}
	return u, true
}

func (u uri) String() string {
	host := u.host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if u.port != 0 {
		host += ":" + strconv.Itoa(u.port)
	}
	if u.user != "" {
		host = u.user + "@" + host
	}
	return u.scheme + "://" + host + u.rest
}

// withoutSocket takes the socket off a URL (ap_proxy_de_socketfy); false for one
// that has no scheme behind it.
func withoutSocket(url string) (string, bool) {
	socket, rest := server.SplitUnixURL(url)
	if socket == "" {
		return url, true
	}
	_, behind, ok := strings.Cut(rest, ":")
	if !ok {
		return "", false
	}
	if behind == "" {
		rest += "//localhost"
	}
	return rest, true
}

// maxSocketPath is the room that Apache has for the path of a socket (PROXY_WORKER_MAX_NAME_SIZE).
const maxSocketPath = 256

// newWorker makes a worker of a URL that a directive names. match says that it
// belongs to a pattern.
func newWorker(cmd *directives.Cmd, url string, match bool) (*server.ProxyWorker, error) {
	return defineWorker(func() string { return runtimeDir(cmd) }, url, match)
}

// addWorker makes a worker while serving.
func addWorker(g *server.Generation, url string) (*server.ProxyWorker, error) {
	return defineWorker(func() string { return server.RuntimeDir(g.Config.Tree) }, url, false)
}

// defineWorker makes a worker of a URL (ap_proxy_define_worker_ex). dir is where
// a socket lies whose path is relative.
func defineWorker(dir func() string, url string, match bool) (*server.ProxyWorker, error) {
	w := &server.ProxyWorker{}
	socket, text := server.SplitUnixURL(url)
	if socket != "" {
		if len(socket) >= maxSocketPath {
			return nil, fmt.Errorf("worker uds path (%s) too long", socket)
		}
		w.Socket = socketPath(dir, socket)
	}
	dollars := ""
	if match {
		text, dollars = cutReferences(text)
	}
	u, ok := parseURI(text)
	switch {
	case !ok:
		return nil, errors.New("Unable to parse URL: " + url)
	case u.scheme == "", u.host == "" && socket == "":
		return nil, errors.New("URL must be absolute!: " + url)
	case u.host == "":
		u.host = "localhost"
		u.rest = strings.TrimPrefix(u.rest, "//")
	}
	u.host, u.scheme = server.LowerASCII(u.host), server.LowerASCII(u.scheme)
	standard := server.ProxyPort(u.scheme)
	w.Port = standard
	if u.port != 0 {
		w.Port = u.port
	}
	if u.port == standard {
		u.port = 0
	}
	u.rest = dollars + u.rest
	w.Scheme, w.Hostname, w.Name, w.Glob = u.scheme, u.host, u.String(), match
	if match && strings.Contains(w.Name, "$") {
		w.Params.DisableReuse = directives.Given(true)
		w.NoReuse = true // lifted by an enablereuse=on
	}
	return w, nil
}

// cutReferences takes "$1" behind a port, which no parser would have there.
func cutReferences(url string) (without, references string) {
	at := strings.Index(url, "://")
	if at < 0 {
		return url, ""
	}
	at += 3
	end := strings.IndexByte(url[at:], '/')
	if end < 0 {
		end = len(url)
	} else {
		end += at
	}
	colon := strings.IndexByte(url[at:end], ':')
	if colon < 0 {
		return url, ""
	}
	for i := at + colon; i+1 < end; i++ {
		if url[i] == '$' && url[i+1] >= '0' && url[i+1] <= '9' {
			return url[:i] + url[end:], url[i:end]
		}
	}
	return url, ""
}

// socketPath makes the path of a socket absolute, below DefaultRuntimeDir
// (ap_runtime_dir_relative).
func socketPath(dir func() string, p string) string {
	if path.IsAbs(p) {
		return path.Clean(p)
	}
	return path.Join(dir(), p)
}

func runtimeDir(cmd *directives.Cmd) string {
	if dir := cmd.RuntimeDir(); dir != "" {
		return dir
	}
	return cmd.ServerRootRelative(server.DefaultRuntimeDir)
}

func isBalancer(url string) bool {
	const scheme = "balancer:"
	return len(url) >= len(scheme) && strings.EqualFold(url[:len(scheme)], scheme)
}

// newBalancer makes a balancer of a URL (ap_proxy_define_balancer).
func newBalancer(url, alias string) (*server.ProxyBalancer, error) {
	name := url
	i := strings.IndexByte(url, ':')
	if i < 0 || len(url) < i+4 || url[i+1:i+3] != "//" {
		return nil, fmt.Errorf("Bad syntax for a balancer name (%s)", url)
	}
	if j := strings.IndexByte(url[i+3:], '/'); j >= 0 {
		name = url[:i+3+j]
	}
	b := &server.ProxyBalancer{Name: server.LowerASCII(name)}
	updateBalancer(b, alias)
	return b, nil
}

// updateBalancer notes through which path the balancer is reached.
func updateBalancer(b *server.ProxyBalancer, alias string) {
	if u, ok := parseURI(alias); ok && alias != "" {
		b.VPath, _, _ = strings.Cut(u.rest, "?")
		if u.host != "" {
			b.VHost = u.host
		}
	}
}

// balancerFor gives the balancer of a name, and makes it if there is none yet.
func balancerFor(c *server.ProxyServerConfig, url, alias string) (*server.ProxyBalancer, error) {
	if b := c.FindBalancer(url); b != nil {
		return b, nil
	}
	b, err := newBalancer(url, alias)
	if err == nil {
		c.Balancers = append(c.Balancers, b)
	}
	return b, err
}

// param is key=value.
type param struct{ key, val string }

// words gives the words of a directive's line.
func words(args string, f func(word string) error) error {
	for args != "" {
		var w string
		w, args = getword(args)
		if err := f(w); err != nil {
			return err
		}
	}
	return nil
}
