package main

import (
	"context"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestPercentile(t *testing.T) {
	ten := []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}
	for _, tc := range []struct {
		p    float64
		want int
	}{{0, 1}, {10, 1}, {50, 5}, {51, 6}, {90, 9}, {99, 10}, {100, 10}} {
		if got := percentile(ten, tc.p); got != tc.want {
			t.Errorf("%v %%: %d, want %d", tc.p, got, tc.want)
		}
	}
	if percentile([]int(nil), 50) != 0 {
		t.Error("a percentile of nothing")
	}
	if median([]float64{3, 1, 2}) != 2 || median([]float64{4, 1, 3, 2}) != 2.5 || !math.IsNaN(median(nil)) {
		t.Error("median")
	}
}

// TestAnswer feeds responses in pieces of every length.
func TestAnswer(t *testing.T) {
	for _, tc := range []struct {
		name, in string
		status   int
		body     int64
		close    bool
		rest     string
		bad      bool
	}{
		{name: "length", in: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP", status: 200, body: 5, rest: "HTTP"},
		{name: "none", in: "HTTP/1.1 304 Not Modified\r\nConnection: close\r\n\r\n", status: 304, close: true},
		{name: "chunks", in: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\nT: 1\r\n\r\nx", status: 200, body: 19, rest: "x"},
		{name: "until the end", in: "HTTP/1.0 200 OK\r\n\r\nabc", status: 200, body: 3, close: true},
		{name: "no response", in: "SSH-2.0-OpenSSH\r\n\r\n", bad: true},
		{name: "a bad chunk", in: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", status: 200, bad: true},
	} {
		for size := 1; size <= len(tc.in); size++ {
			var a answer
			var err error
			left, complete := tc.in, false
			for at := 0; at < len(tc.in) && err == nil && !complete; {
				piece := tc.in[at:min(at+size, len(tc.in))]
				var n int
				n, complete, err = a.feed([]byte(piece))
				at += n
				left = tc.in[at:]
			}
			if (err != nil) != tc.bad {
				t.Fatalf("%s in pieces of %d: %v", tc.name, size, err)
			}
			if tc.bad {
				continue
			}
			if !complete {
				err = a.eof()
			}
			got := []any{a.status, a.body, a.close, left, err}
			if d := cmp.Diff([]any{tc.status, tc.body, tc.close, tc.rest, error(nil)}, got); d != "" {
				t.Fatalf("%s in pieces of %d (-want +got):\n%s", tc.name, size, d)
			}
		}
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add([]byte("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"), 3)
	f.Fuzz(func(t *testing.T, data []byte, size int) {
		var a answer
		for len(data) > 0 {
			n, complete, err := a.feed(data[:min(max(size, 1), len(data))])
			if complete || err != nil {
				return
			}
			if n == 0 {
				t.Fatal("no progress")
			}
			data = data[n:]
		}
	})
}

var sampleResult = result{Workload: "small", Title: "1 KiB & more", Rows: []row{
	{Server: "donjon", Figures: []figure{{"cpu/request", "us", 8, 7.5, 9}, {"requests/s", "", 123456, 1, 2}}},
	{Server: "apache", Figures: []figure{{"cpu/request", "us", 64, 60, 70}, {"requests/s", "", 15000, 1, 2}}},
	{Server: "caddy", Without: "is not installed"},
}}

func TestReport(t *testing.T) {
	r := sampleResult
	r.compare()
	want := "| server | cpu/request us | requests/s | ratio to Donjon |\n|---|---|---|---|\n" +
		"| donjon | **8.00** (7.50–9.00) | 123456 | 1.00 |\n| apache | **64.0** (60.0–70.0) | 15000 | 8.00 |\n| caddy | | | is not installed |\n"
	if d := cmp.Diff(want, r.markdown()); d != "" {
		t.Errorf("markdown (-want +got):\n%s", d)
	}
	text := r.text()
	for _, part := range []string{"small: 1 KiB & more\n", "8.00", "is not installed", "7.50..9.00"} {
		if !strings.Contains(text, part) {
			t.Errorf("the table lacks %q:\n%s", part, text)
		}
	}
	svg := chart(&r)
	for _, part := range []string{"1 KiB &amp; more", `class="own"`, `width="440.0"`, `width="55.0"`, "prefers-color-scheme: dark", "</svg>\n"} {
		if !strings.Contains(svg, part) {
			t.Errorf("the chart lacks %q:\n%s", part, svg)
		}
	}
	if chart(&result{Rows: []row{{Server: "x", Without: "y"}}}) != "" {
		t.Error("a chart of nothing")
	}
}

func TestWriteDocs(t *testing.T) {
	dir := t.TempDir()
	page := filepath.Join(dir, "performance.md")
	os.WriteFile(page, []byte("above\n"+docsBegin+"old\n"+docsEnd+"below\n"), 0o644)
	if err := writeDocs(dir, []result{sampleResult}, "a machine"); err != nil {
		t.Fatal(err)
	}
	b, _ := os.ReadFile(page)
	for _, part := range []string{"above\n", "a machine", "### 1 KiB & more", "performance/small.svg", "below\n"} {
		if !strings.Contains(string(b), part) {
			t.Errorf("the page lacks %q:\n%s", part, b)
		}
	}
	if strings.Contains(string(b), "old") {
		t.Error("the old tables are still there")
	}
	if _, err := os.Stat(filepath.Join(dir, "performance/small.svg")); err != nil {
		t.Error(err)
	}
	os.WriteFile(page, []byte("no place\n"), 0o644)
	if writeDocs(dir, nil, "") == nil {
		t.Error("a page without a place for the tables")
	}
}

func TestGrowth(t *testing.T) {
	steady := []sample{{20000, 20, 3}, {60000, 90, 5}, {21000, 22, 3}, {21000, 20, 3}, {22000, 20, 3}, {50000, 60, 4}}
	if err := growth(steady); err != nil {
		t.Error(err)
	}
	for _, last := range []sample{{90000, 20, 3}, {20000, 200, 3}, {20000, 20, 30}} {
		if growth(append(steady[:4:4], last, last)) == nil {
			t.Errorf("%v is no growth", last)
		}
	}
	if growth(nil) == nil {
		t.Error("nothing to tell")
	}
}

// built is the program under test.
func built(t *testing.T) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "httpd")
	if out, err := exec.Command("go", "build", "-o", bin, "../cmd/httpd").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return bin
}

// place is a folder that the servers' account may enter.
func place(t *testing.T) string {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// TestWorkloads does every workload once, shortly, on Donjon and on what else is installed.
// Nothing is said about time: that each can be done is what is tested.
func TestWorkloads(t *testing.T) {
	s, err := makeSite(place(t), built(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := makeCertificate(s); err != nil {
		t.Fatal(err)
	}
	b := &bench{site: s, rounds: 1, duration: 50 * time.Millisecond}
	for i := range workloads {
		w := &workloads[i]
		r := b.measure(context.Background(), w, products)
		for _, row := range r.Rows {
			missing := strings.Contains(row.Without, "is not installed") || w.refuses(row.Server) != "" ||
				strings.Contains(row.Without, "has no virtual hosts of this kind") || strings.Contains(row.Without, "HTTP/2")
			switch {
			case row.Without == "" && (len(row.Figures) == 0 || row.Figures[0].Mid < 0):
				t.Errorf("%s, %s: no figures", w.Name, row.Server)
			case row.Without != "" && !missing && (row.Server != "donjon" || w.Needs != overTLS && w.Needs != overH2):
				t.Errorf("%s, %s: %s", w.Name, row.Server, row.Without)
			}
		}
	}
}

// TestSoak is the soak in its short form.
func TestSoak(t *testing.T) {
	var out strings.Builder
	if err := soakFor(context.Background(), built(t), place(t), 15*time.Second, &out); err != nil {
		t.Errorf("%v\n%s", err, out.String())
	}
}
