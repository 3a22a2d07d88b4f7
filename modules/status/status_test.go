package status

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/donjon-httpd/donjon/server/scoreboard"
)

// board is a scoreboard with one child that has served a request and works on
// another, and one child of an older generation that finishes.
func board(t *testing.T) *scoreboard.Board {
	t.Helper()
	b, _, err := scoreboard.New(4, 3)
	if err != nil {
		t.Fatal(err)
	}
	b.Restart(0)
	b.Configs.Store(2)
	b.Generation.Store(1)
	b.Begin(0, 100, 1, 3)
	b.Begin(2, 200, 0, 3)
	now := time.Now()
	b.Child(0).Serving.Store(true)
	b.Child(0).Accesses.Store(1)
	b.Child(0).Bytes.Store(2048)
	b.Child(0).Duration.Store(5000)
	b.Child(0).Busy.Store(1)
	w := b.Worker(0, 0)
	w.Begin(&scoreboard.Request{Client: "192.0.2.1", Protocol: "http/1.1", VHost: "a:80", Request: "GET /<x>\x01 HTTP/1.1", Began: now.Add(-5 * time.Millisecond)})
	w.End(2048, now)
	b.Worker(0, 1).Begin(&scoreboard.Request{Client: "192.0.2.2", Request: "GET /long HTTP/1.1", Began: now.Add(-3 * time.Second)})
	b.Child(2).Serving.Store(true)
	b.Child(2).Quiescing.Store(true)
	b.Child(2).Busy.Store(1)
	b.Worker(2, 0).Begin(&scoreboard.Request{Client: "192.0.2.3", Request: "GET /old HTTP/1.1", Began: now})
	return b
}

func reportOf(b *scoreboard.Board) *report {
	rep := &report{Server: "www.example.com", LocalIP: "192.0.2.9", MPM: "event", Totals: b.Totals(), Extended: true, Details: true,
		Now: time.UnixMicro(b.Restarted.Load()).Add(3661 * time.Second), Footer: "<hr />\n<address>x</address>\n"}
	rep.read(b)
	return rep
}

func TestAuto(t *testing.T) {
	var out bytes.Buffer
	reportOf(board(t)).auto(&out)
	text := out.String()
	if !strings.HasPrefix(text, "www.example.com\nServerVersion: Apache/") {
		t.Errorf("it begins with %.60q", text)
	}
	last := -1
	for _, line := range []string{
		"ServerMPM: event", "ParentServerConfigGeneration: 2", "ParentServerMPMGeneration: 1", "ServerUptimeSeconds: 3661",
		"ServerUptime: 1 hour 1 minute 1 second", "Load1: 0.00", "Total Accesses: 1", "Total kBytes: 2", "Total Duration: 5",
		"CPUUser: 0", "Uptime: 3661", "ReqPerSec: 0.000273149", "BytesPerSec: 0.559410", "BytesPerReq: 2048", "DurationPerReq: 5",
		"BusyWorkers: 1", "GracefulWorkers: 1", "IdleWorkers: 2", "Processes: 2", "Stopping: 1", "ConnsTotal: 0",
		"ConnsAsyncWaitIO: 0", "ConnsAsyncWriting: 0", "ConnsAsyncKeepAlive: 0", "ConnsAsyncClosing: 0", "Scoreboard: _W_G..",
	} {
		line = strings.TrimSuffix(line, "0.559410")
		at := strings.Index(text, "\n"+line)
		if at < 0 {
			t.Errorf("no line %q in\n%s", line, text)
		} else if at < last {
			t.Errorf("%q is not where Apache has it", line)
		}
		last = at
	}
}

func TestPage(t *testing.T) {
	b := board(t)
	for _, tc := range []struct {
		name       string
		edit       func(*report)
		want, lack []string
	}{
		{name: "full", want: []string{"Apache Server Status for www.example.com (via 192.0.2.9)", "<td>yes (old gen)</td>",
			"1/1/1", `GET /&lt;x&gt;\x01 HTTP/1.1`, "<td><b>W</b></td>", "<pre>_W_G..</pre>", "<address>x</address>",
			"Total accesses: 1 - Total Traffic: 2 kB - Total Duration: 5", "Seconds since beginning"}, lack: []string{"PID Key"}},
		{name: "notable", edit: func(r *report) { r.Details = false }, want: []string{"Server Details", "<b>Server 0-1</b> (100): 1/1/1 [Ready]"},
			lack: []string{"Seconds since beginning"}},
		{name: "short", edit: func(r *report) { r.Extended = false }, want: []string{"PID Key", "100 in state: W ", "ExtendedStatus On"},
			lack: []string{"Total accesses", "192.0.2.1"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			rep := reportOf(b)
			if tc.edit != nil {
				tc.edit(rep)
			}
			var out bytes.Buffer
			rep.page(&out)
			for _, s := range tc.want {
				if !strings.Contains(out.String(), s) {
					t.Errorf("no %q in\n%s", s, out.String())
				}
			}
			for _, s := range tc.lack {
				if strings.Contains(out.String(), s) {
					t.Errorf("%q in\n%s", s, out.String())
				}
			}
		})
	}
}

func TestTexts(t *testing.T) {
	for n, want := range map[uint64]string{0: "0 B", 5119: "5119 B", 5120: "5.0 kB", 1 << 19: "0.5 MB", 1 << 29: "0.5 GB"} {
		if got := bytesText(n); got != want {
			t.Errorf("bytesText(%d) = %q, want %q", n, got, want)
		}
	}
	for n, want := range map[uint64]string{1023: "1023 kB", 1536: "1.5 MB", 1 << 20: "1.0 GB"} {
		if got := kBText(n); got != want {
			t.Errorf("kBText(%d) = %q, want %q", n, got, want)
		}
	}
	if got := spanText(26*time.Hour + 2*time.Second); got != " 1 day 2 hours 2 seconds" {
		t.Errorf("%q", got)
	}
	if got := leadingNumber("12x"); got != 12 {
		t.Errorf("%d", got)
	}
}
