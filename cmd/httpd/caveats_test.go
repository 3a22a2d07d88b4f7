package main

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// TestCaveatsAreTested: each line of the table of caveats names tests that exist.
func TestCaveatsAreTested(t *testing.T) {
	text, err := os.ReadFile("../../docs/modules/chroot.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, ok := strings.Cut(string(text), "## Caveats of mod_chroot\n")
	if !ok {
		t.Fatal("no table")
	}
	rows := 0
	for line := range strings.Lines(table) {
		cells := strings.Split(line, " | ")
		if len(cells) != 3 || strings.HasPrefix(line, "| caveat") {
			continue
		}
		rows++
		names := regexp.MustCompile(`Test\w+`).FindAllString(cells[2], -1)
		if len(names) == 0 {
			t.Errorf("no test: %s", line)
		}
		for _, name := range names {
			if err := exec.Command("grep", "-rqE", "--include=*_test.go", "^func "+name+`\(`, "../..").Run(); err != nil {
				t.Errorf("%s does not exist: %s", name, line)
			}
		}
	}
	if rows < 15 {
		t.Errorf("only %d rows", rows)
	}
}
