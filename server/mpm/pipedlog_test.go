package mpm

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A program behind "|" that dies is replaced, and what was written meanwhile
// reaches its successor.
func TestPipedLogIsKept(t *testing.T) {
	file := filepath.Join(t.TempDir(), "log")
	// Reads one line, writes it down with its own process id, and ends.
	p, err := startPipedLog("|$read line && echo $$ $line >>"+file, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"one\n", "two\n"} {
		if _, err := p.write.WriteString(line); err != nil {
			t.Fatal(err)
		}
		waitFor(t, file, strings.TrimSpace(line))
	}
	text, _ := os.ReadFile(file)
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	if len(lines) != 2 {
		t.Fatalf("the log holds %q", lines)
	}
	first, _, _ := strings.Cut(lines[0], " ")
	second, _, _ := strings.Cut(lines[1], " ")
	if first == second {
		t.Errorf("both lines are from process %s", first)
	}
	p.close()
	select {
	case <-p.ended:
	case <-time.After(5 * time.Second):
		t.Error("the program is kept after the log was closed")
	}
}

func waitFor(t *testing.T, file, text string) {
	t.Helper()
	for range 250 {
		if b, _ := os.ReadFile(file); strings.Contains(string(b), text) {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	b, _ := os.ReadFile(file)
	t.Fatalf("%q does not appear: %q", text, b)
}

func TestPipedLogWithoutProgram(t *testing.T) {
	for _, spec := range []string{"|", "||", "|/nosuch/program"} {
		if p, err := startPipedLog(spec, nil, nil); err == nil {
			p.close()
			t.Errorf("%q starts", spec)
		}
	}
}
