package mpm

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// What Listen makes of its arguments, and Apache's words where it refuses.
func TestListen(t *testing.T) {
	v4, v6 := netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("::1")
	for _, c := range []struct {
		args []string
		want server.Listener
		err  string
	}{
		{args: []string{"80"}, want: server.Listener{Port: 80, Protocol: "http"}},
		{args: []string{"443"}, want: server.Listener{Port: 443, Protocol: "https"}},
		{args: []string{"*:81"}, want: server.Listener{Port: 81, Protocol: "http"}},
		{args: []string{"127.0.0.1:8080"}, want: server.Listener{Addr: v4, Port: 8080, Protocol: "http"}},
		{args: []string{"[::1]:8080", "HTTPS"}, want: server.Listener{Addr: v6, Port: 8080, Protocol: "https"}},
		{args: nil, err: "Listen requires 1 or 2 arguments."},
		{args: []string{"80", "http", "x"}, err: "Listen requires 1 or 2 arguments."},
		{args: []string{"99999"}, err: "Invalid address or port"},
		{args: []string{"0"}, err: "Invalid address or port"},
		{args: []string{":80"}, err: "Invalid address or port"},
		{args: []string{"[::1"}, err: "Invalid address or port"},
		{args: []string{"[127.0.0.1]:80"}, err: "Invalid address or port"},
		{args: []string{"[::1]80"}, err: "Invalid address or port"},
		{args: []string{"127.0.0.1"}, err: "Port must be specified"},
		{args: []string{"[::1]"}, err: "Port must be specified"},
	} {
		var core server.ServerConfig
		err := listen(&core, nil, c.args)
		if got := fmt.Sprint(err); c.err != "" && got != c.err || c.err == "" && err != nil {
			t.Errorf("Listen %q: %v, want %q", c.args, err, c.err)
			continue
		}
		if c.err == "" {
			if diff := cmp.Diff([]server.Listener{c.want}, core.Listen, cmpopts.EquateComparable(netip.Addr{})); diff != "" {
				t.Errorf("Listen %q (-want +got):\n%s", c.args, diff)
			}
			if err := listen(&core, nil, c.args); fmt.Sprint(err) != "Cannot define multiple Listeners on the same IP:port" {
				t.Errorf("Listen %q twice: %v", c.args, err)
			}
		}
	}
}

func TestSettle(t *testing.T) {
	given := directives.Given[int]
	for _, c := range []struct {
		name string
		kind Kind
		in   config
		want []string
		max  int // MaxRequestWorkers after it
	}{
		{name: "nothing given", kind: Event, max: 400},
		{name: "ServerLimit 0", kind: Event, in: config{ServerLimit: given(0)}, max: 25,
			want: []string{"ServerLimit of 0 not allowed, increasing to 1.",
				"MaxRequestWorkers of 400 would require 16 servers and would exceed ServerLimit of 1, decreasing to 25. " +
					"To increase, please see the ServerLimit directive."}},
		{name: "too many threads", kind: Worker, in: config{ThreadsPerChild: given(100)}, max: 384,
			want: []string{"ThreadsPerChild of 100 exceeds ThreadLimit of 64 threads, decreasing to 64. " +
				"To increase, please see the ThreadLimit directive.",
				"MaxRequestWorkers of 400 is not an integer multiple of ThreadsPerChild of 64, " +
					"decreasing to nearest multiple 384, for a maximum of 6 servers."}},
		{name: "few workers", kind: Event, in: config{MaxRequestWorkers: given(10)}, max: 25,
			want: []string{"MaxRequestWorkers of 10 is less than ThreadsPerChild of 25, increasing to 25. " +
				"MaxRequestWorkers must be at least as large as the number of threads in a single server."}},
		{name: "starts", kind: Event, in: config{StartServers: given(0), MinSpare: given(-1)}, max: 400,
			want: []string{"StartServers of 0 not allowed, increasing to 1.",
				"MinSpareThreads of -1 not allowed, increasing to 1 to avoid almost certain server failure. Please read the documentation."}},
		{name: "prefork", kind: Prefork, in: config{MaxRequestWorkers: given(500), MinSpare: given(0)}, max: 256,
			want: []string{"MaxRequestWorkers of 500 exceeds ServerLimit value of 256 servers, decreasing MaxRequestWorkers to 256. " +
				"To increase, please see the ServerLimit directive.",
				"MinSpareServers of 0 not allowed, increasing to 1 to avoid almost certain server failure. Please read the documentation."}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			settle(c.kind, &c.in, func(what int, args ...any) { got = append(got, sprintf(words[what].start, args)) })
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if n := c.in.MaxRequestWorkers.Else(-1); n != c.max {
				t.Errorf("MaxRequestWorkers %d, want %d", n, c.max)
			}
		})
	}
}

func TestSplitCommand(t *testing.T) {
	for line, want := range map[string][]string{
		"/usr/bin/rotatelogs /var/log/a 86400": {"/usr/bin/rotatelogs", "/var/log/a", "86400"},
		`  prog "a b" 'c "d"' e\ f `:           {"prog", "a b", `c "d"`, "e f"},
		`prog "a\"b" ""`:                       {"prog", `a"b`, ""},
		"":                                     nil,
	} {
		if diff := cmp.Diff(want, splitCommand(line)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", line, diff)
		}
	}
}

func TestReadPid(t *testing.T) {
	for text, want := range map[string]int{
		"123\n": 123, "7": 7,
		"": -1, "x12\n": -1, "-5\n": -1, "1234567890123456789012345\n": -1,
	} {
		file := filepath.Join(t.TempDir(), "pid")
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		got, err := ReadPid(file)
		if err != nil {
			got = -1
		}
		if got != want {
			t.Errorf("ReadPid of %q = %d (%v), want %d", text, got, err, want)
		}
	}
}

func TestBackoff(t *testing.T) {
	g := &generation{}
	c := &child{}
	var last, got = g.backoff(c), g.backoff(c)
	if got <= last {
		t.Errorf("a second failure waits %v after %v", got, last)
	}
	for range 50 {
		got = g.backoff(c)
	}
	if got <= 0 || got.Seconds() > 10 {
		t.Errorf("after many failures it waits %v", got)
	}
}
