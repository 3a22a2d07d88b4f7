package log_config

import (
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/donjon-httpd/donjon/server"
)

// lossy is a file on a disk with so much room left.
type lossy struct {
	room int
	got  []byte
	most int // bytes of the longest write
}

func (l *lossy) Write(p []byte) (int, error) {
	n := min(len(p), l.room)
	l.room -= n
	l.got = append(l.got, p[:n]...)
	l.most = max(l.most, len(p))
	if n < len(p) {
		return n, syscall.ENOSPC
	}
	return n, nil
}

const plenty = 1 << 30

func add(o *output, s string) { o.line(func(b []byte) []byte { return append(b, s...) }) }

func TestOutputKeepsLines(t *testing.T) {
	w := &lossy{room: 3}
	o := newOutput("log", w, server.NewLogBuffer(nil), false)
	add(o, "one\n")
	if !o.failing {
		t.Error("the failure was not noticed")
	}
	w.room = plenty
	add(o, "two\n")
	if got := string(w.got); got != "oneone\ntwo\n" {
		t.Errorf("%q", got)
	}
	if o.failing || o.dropped != 0 {
		t.Errorf("failing %v, %d dropped", o.failing, o.dropped)
	}
}

func TestOutputDropsTheOldest(t *testing.T) {
	w := &lossy{}
	o := newOutput("log", w, server.NewLogBuffer(nil), false)
	const lines = 2000
	for i := range lines {
		add(o, fmt.Sprintf("%04d %s\n", i, strings.Repeat("x", 94)))
	}
	dropped := o.dropped
	w.room = plenty
	o.flush()
	got := strings.Split(strings.TrimSuffix(string(w.got), "\n"), "\n")
	if len(got)+dropped != lines {
		t.Errorf("%d lines came out and %d were counted as lost, of %d", len(got), dropped, lines)
	}
	for i, l := range got {
		if want := fmt.Sprintf("%04d ", dropped+i); !strings.HasPrefix(l, want) || len(l) != 99 {
			t.Fatalf("line %d is %q", i, l)
		}
	}
}

func TestOutputWritesPipesInWholeLines(t *testing.T) {
	w := &lossy{room: plenty}
	o := newOutput("|log", w, server.NewLogBuffer(nil), true)
	o.flusher = &flusher{outs: []*output{o}, stop: make(chan struct{})}
	var want strings.Builder
	for i := range 500 {
		l := fmt.Sprintf("%d %s\n", i, strings.Repeat("y", i%200))
		want.WriteString(l)
		add(o, l)
	}
	long := strings.Repeat("z", 100<<10) + "\n"
	add(o, long)
	want.WriteString(long)
	o.flush()
	if string(w.got) != want.String() {
		t.Error("what was written differs from the lines")
	}
	w.most, w.got = 0, nil
	for range 500 {
		add(o, "short line\n")
	}
	o.flush()
	if w.most > pipeWrite {
		t.Errorf("a write of %d bytes", w.most)
	}
}
