package mpm

import (
	"errors"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// Kind is which of Apache's process managers a configuration was written for.
// Donjon serves all of them alike; they differ in the directives they declare
// and in the words of their warnings.
type Kind int

const (
	Event Kind = iota
	Worker
	Prefork
)

type config = server.MPMConfig

// Rows is the directives of a process manager, for the module of its name.
func Rows(k Kind) directives.Table {
	t := rows(k)
	for i := range t {
		t[i].NoOp = withoutEffect[t[i].Name]
	}
	return t
}

// withoutEffect says why directives of Apache's thread pools change nothing here.
var withoutEffect = map[string]string{
	"ThreadsPerChild":          "requests run on goroutines, which need no pool",
	"ThreadLimit":              "requests run on goroutines, which need no pool",
	"MaxRequestWorkers":        "the number of requests at once is not limited",
	"MaxClients":               "the number of requests at once is not limited",
	"MinSpareThreads":          "requests run on goroutines, which need no pool",
	"MaxSpareThreads":          "requests run on goroutines, which need no pool",
	"MinSpareServers":          "the number of children does not change with the load",
	"MaxSpareServers":          "the number of children does not change with the load",
	"AsyncRequestWorkerFactor": "waiting connections cost no worker",
}

func rows(k Kind) directives.Table {
	t := directives.Table{
		{Name: "ListenBacklog", In: directives.InServer, Forbid: directives.GlobalOnly,
			Usage: "Maximum length of the queue of pending connections, as used by listen(2)",
			Set: server.CoreServer.Take1(func(c *server.ServerConfig, cmd *directives.Cmd, arg string) error {
				return positive(cmd, arg, func(n int) { c.ListenBacklog = n })
			})},
		{Name: "ListenCoresBucketsRatio", In: directives.InServer, Forbid: directives.GlobalOnly,
			Usage: "Ratio between the number of CPU cores (online) and the number of listeners buckets",
			NoOp:  "each child has its own event loop on the shared sockets",
			Set: server.MPM.Take1(func(c *config, cmd *directives.Cmd, arg string) error {
				return positive(cmd, arg, func(n int) { c.BucketsRatio = directives.Given(n) })
			})},
		{Name: "Listen", In: directives.InServer, Forbid: directives.GlobalOnly,
			Usage: "A port number or a numeric IP address and a port number, and an optional protocol",
			Set:   server.CoreServer.TakeN(listen)},
		{Name: "SendBufferSize", In: directives.InServer, Forbid: directives.GlobalOnly, Usage: "Send buffer size in bytes",
			Set: server.MPM.Take1(func(c *config, cmd *directives.Cmd, arg string) error {
				return buffer(cmd, arg, &c.SendBuffer)
			})},
		{Name: "ReceiveBufferSize", In: directives.InServer, Forbid: directives.GlobalOnly, Usage: "Receive buffer size in bytes",
			Set: server.MPM.Take1(func(c *config, cmd *directives.Cmd, arg string) error {
				return buffer(cmd, arg, &c.ReceiveBuffer)
			})},
		{Name: "ListenTCPDeferAccept", In: directives.InServer, Forbid: directives.GlobalOnly,
			Usage: "Value set for the socket option TCP_DEFER_ACCEPT if it is set",
			Set: server.MPM.Take1(func(c *config, cmd *directives.Cmd, arg string) error {
				return positive(cmd, arg, func(n int) { c.DeferAccept = directives.Given(n) })
			})},
		number("StartServers", "Number of child processes launched at server startup",
			func(c *config) *directives.Opt[int] { return &c.StartServers }),
		number("MaxClients", "Deprecated name of MaxRequestWorkers",
			func(c *config) *directives.Opt[int] { return &c.MaxRequestWorkers }),
		{Name: "GracefulShutdownTimeout", In: directives.InServer, Forbid: directives.GlobalOnly,
			Usage: "Maximum time in seconds to wait for child processes to complete transactions during shutdown",
			Set: server.MPM.Take1(func(c *config, _ *directives.Cmd, arg string) error {
				c.GracefulShutdown = directives.Given(time.Duration(atoi(arg)) * time.Second)
				return nil
			})},
	}
	limit := func(c *config) *directives.Opt[int] { return &c.ServerLimit }
	workers := func(c *config) *directives.Opt[int] { return &c.MaxRequestWorkers }
	low := func(c *config) *directives.Opt[int] { return &c.MinSpare }
	high := func(c *config) *directives.Opt[int] { return &c.MaxSpare }
	if k == Prefork {
		return append(t,
			number("MinSpareServers", "Minimum number of idle children, to handle request spikes", low),
			number("MaxSpareServers", "Maximum number of idle children", high),
			number("MaxRequestWorkers", "Maximum number of children alive at the same time", workers),
			number("ServerLimit", "Maximum value of MaxRequestWorkers for this run of Apache", limit))
	}
	t = append(t,
		number("MinSpareThreads", "Minimum number of idle threads, to handle request spikes", low),
		number("MaxSpareThreads", "Maximum number of idle threads", high),
		number("MaxRequestWorkers", "Maximum number of threads alive at the same time", workers),
		number("ThreadsPerChild", "Number of threads each child creates",
			func(c *config) *directives.Opt[int] { return &c.ThreadsPerChild }),
		number("ServerLimit", "Maximum number of child processes for this run of Apache", limit),
		number("ThreadLimit", "Maximum number of worker threads per child process for this run of Apache - Upper limit for ThreadsPerChild",
			func(c *config) *directives.Opt[int] { return &c.ThreadLimit }))
	if k == Event {
		t = append(t, directives.Directive{Name: "AsyncRequestWorkerFactor", In: directives.InServer, Forbid: directives.GlobalOnly,
			Usage: "How many additional connects will be accepted per idle worker thread",
			Set:   server.MPM.Take1(asyncFactor)})
	}
	return t
}

// number is a directive whose argument Apache reads with atoi.
func number(name, usage string, field func(*config) *directives.Opt[int]) directives.Directive {
	return directives.Directive{Name: name, In: directives.InServer, Forbid: directives.GlobalOnly, Usage: usage,
		Set: server.MPM.Take1(func(c *config, _ *directives.Cmd, arg string) error {
			*field(c) = directives.Given(atoi(arg))
			return nil
		})}
}

// atoi is C's: leading digits count, anything else is 0.
func atoi(s string) int {
	s = strings.TrimLeft(s, " \t")
	end := 0
	for end < len(s) && (s[end] >= '0' && s[end] <= '9' || end == 0 && (s[0] == '-' || s[0] == '+')) {
		end++
	}
	n, _ := strconv.Atoi(s[:end])
	return n
}

func positive(cmd *directives.Cmd, arg string, set func(int)) error {
	n := atoi(arg)
	if n < 1 {
		return errors.New(cmd.Name + " must be > 0")
	}
	set(n)
	return nil
}

func buffer(cmd *directives.Cmd, arg string, size *directives.Opt[int]) error {
	n := atoi(arg)
	if n < 512 && n != 0 {
		return errors.New(cmd.Name + " must be >= 512 bytes, or 0 for system default.")
	}
	*size = directives.Given(n)
	return nil
}

func asyncFactor(c *config, _ *directives.Cmd, arg string) error {
	f, err := strconv.ParseFloat(arg, 64)
	if err != nil {
		return errors.New("error parsing value")
	}
	if f <= 0 {
		return errors.New("AsyncRequestWorkerFactor argument must be a positive number")
	}
	c.AsyncFactor = directives.Given(max(f, 1))
	return nil
}

// listen is Listen [address:]port [protocol]. An address with a scope
// ("[fe80::1%eth0]:80") keeps it as the zone.
func listen(c *server.ServerConfig, _ *directives.Cmd, args []string) error {
	if len(args) < 1 || len(args) > 2 {
		return errors.New("Listen requires 1 or 2 arguments.")
	}
	host, port, ok := parseAddrPort(args[0])
	if !ok {
		return errors.New("Invalid address or port")
	}
	if port == 0 {
		return errors.New("Port must be specified")
	}
	l := server.Listener{Port: port, Protocol: "http"}
	if port == 443 {
		l.Protocol = "https"
	}
	if len(args) == 2 {
		l.Protocol = strings.ToLower(args[1])
	}
	if host != "" && host != "*" {
		addr, err := netip.ParseAddr(host)
		if err != nil {
			if addr, err = lookup(host); err != nil {
				return errors.New("Listen setup failed")
			}
		}
		l.Addr = addr
	}
	for _, other := range c.Listen {
		if other.Addr == l.Addr && other.Port == l.Port {
			return errors.New("Cannot define multiple Listeners on the same IP:port")
		}
	}
	c.Listen = append(c.Listen, l)
	return nil
}

// parseAddrPort is apr_parse_addr_port: "80", "host", "host:80", "[::1]:80".
func parseAddrPort(s string) (host string, port int, ok bool) {
	digits := func(s string) (int, bool) {
		n, err := strconv.ParseUint(s, 10, 32)
		return int(n), err == nil && n >= 1 && n <= 65535
	}
	if strings.Trim(s, "0123456789") == "" {
		port, ok = digits(s)
		return "", port, ok
	}
	if strings.HasPrefix(s, "[") {
		end := strings.IndexByte(s, ']')
		if end < 0 {
			return "", 0, false
		}
		rest := s[end+1:]
		host = s[1:end]
		if a, err := netip.ParseAddr(host); err != nil || !a.Is6() {
			return "", 0, false
		}
		if rest == "" {
			return host, 0, true
		}
		if rest[0] != ':' {
			return "", 0, false
		}
		port, ok = digits(rest[1:])
		return host, port, ok
	}
	colon := strings.LastIndexByte(s, ':')
	if colon < 0 {
		return s, 0, true
	}
	if host = s[:colon]; host == "" {
		return "", 0, false
	}
	port, ok = digits(s[colon+1:])
	return host, port, ok
}
