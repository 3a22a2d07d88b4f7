package authfile

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestLines(t *testing.T) {
	for _, tc := range []struct {
		text string
		want []string
	}{
		{"a:1\nb:2\n", []string{"a:1", "b:2"}},
		{" a:1 \r\n\n#x:1\n\t# y\nb:2", []string{"a:1", "b:2"}},
		{"a:\\\n1\nb:2\\\r\n3\nc:\\", []string{"a:1", "b:23", `c:\`}},
		{"a:1\n0123456789012345678901234567890\nb:2\n", []string{"a:1"}},
		{"a\\\n\\\n", []string{"a"}},
		{"a\x00b\nc\n", []string{"a", "c"}},
		{"", nil},
	} {
		if diff := cmp.Diff(tc.want, slices.Collect(Lines(tc.text, 30))); diff != "" {
			t.Errorf("%q: %s", tc.text, diff)
		}
	}
}

func FuzzLines(f *testing.F) {
	f.Add("a:1\\\n2\n#\n")
	f.Fuzz(func(t *testing.T, text string) {
		for l := range Lines(text, 100) {
			if l == "" || len(l) >= 100 || strings.ContainsAny(l, "\n\x00") {
				t.Errorf("line %q", l)
			}
		}
	})
}

func TestWord(t *testing.T) {
	for _, tc := range []struct{ in, word, rest string }{
		{"a:b:c", "a", "b:c"}, {"a::b", "a", "b"}, {":a", "", "a"}, {"a", "a", ""}, {"", "", ""}, {"a:", "a", ""},
	} {
		if w, r := Word(tc.in, ':'); w != tc.word || r != tc.rest {
			t.Errorf("%q: %q %q", tc.in, w, r)
		}
	}
}

func TestGet(t *testing.T) {
	path := filepath.Join(t.TempDir(), "users")
	parsed := 0
	c := NewCache(func(text string) string { parsed++; return text })
	get := func() string {
		t.Helper()
		s, err := c.Get(path)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	if _, err := c.Get(path); !errors.Is(err, syscall.ENOENT) {
		t.Errorf("no file: %v", err)
	}
	if err := os.WriteFile(path, []byte("one"), 0o600); err != nil {
		t.Fatal(err)
	}
	if first, second := get(), get(); first != "one" || second != "one" || parsed != 2 {
		t.Errorf("a file just written was remembered: %q, %q, read %d times", first, second, parsed)
	}
	time.Sleep(2 * unsettled)
	if get(); get() != "one" || parsed != 3 {
		t.Errorf("read %d times, want 3", parsed)
	}
	if err := os.WriteFile(path, []byte("two"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := get(); got != "two" {
		t.Errorf("%q after a change", got)
	}
	if _, err := c.Get(t.TempDir()); !errors.Is(err, syscall.EBADF) {
		t.Errorf("a folder: %v", err)
	}
	if s, err := c.Get(os.DevNull); s != "" || err != nil {
		t.Errorf("/dev/null: %q %v", s, err)
	}
}
