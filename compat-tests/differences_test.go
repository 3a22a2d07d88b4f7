package compattests

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var write = flag.Bool("write", false, "write docs/differences.md")

// TestDifferences keeps docs/differences.md equal to what the cases say.
func TestDifferences(t *testing.T) {
	files, err := filepath.Glob("cases/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no cases", err)
	}
	var b strings.Builder
	b.WriteString("# Differences from Apache\n\nEvery difference from Apache 2.4.71 that a client, a log or `-t` shows and that is meant. Each line is a case of\n" +
		"compat-tests with Apache's answers and our own. This page is made from the cases:\n`go test ./compat-tests -run TestDifferences -write`.\n\n| case | what differs, and why |\n|---|---|\n")
	for _, file := range files {
		c, err := parseCase(file)
		if err != nil {
			t.Fatal(err)
		}
		if c.differs != "" {
			fmt.Fprintf(&b, "| [%s](../compat-tests/cases/%s) | %s |\n", c.name, filepath.Base(file), strings.ReplaceAll(c.differs, "|", "\\|"))
		}
	}
	const page = "../docs/differences.md"
	if *write {
		if err := os.WriteFile(page, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(b.String(), string(text)); d != "" {
		t.Errorf("docs/differences.md is stale; make it anew with -write: %s", d)
	}
}
