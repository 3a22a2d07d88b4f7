package server

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// StatAt says of a file what os.Lstat and os.Stat say.
func TestStatAt(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file"), []byte("12345"), 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "dir"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(dir, "dir"), 0o755|fs.ModeSticky|fs.ModeSetgid); err != nil {
		t.Fatal(err)
	}
	for name, target := range map[string]string{"link": "file", "broken": "nosuch"} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	d, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for _, name := range []string{"file", "dir", "link", "broken", "nosuch"} {
		for _, follow := range []bool{false, true} {
			stat := os.Lstat
			if follow {
				stat = os.Stat
			}
			st, err := stat(filepath.Join(dir, name))
			want := Finfo{}
			if err == nil {
				want = FinfoOf(st)
			}
			got, gotErr := StatAt(d, name, follow)
			if diff := cmp.Diff(want, got); diff != "" || (err == nil) != (gotErr == nil) {
				t.Errorf("%s, follow %v: %v, %v (-want +got):\n%s", name, follow, err, gotErr, diff)
			}
		}
	}
}

func TestEscapeSegment(t *testing.T) {
	for in, want := range map[string]string{"a b/c;d?e": "a%20b%2fc%3bd%3fe", "$-_.+!*'(),:@&=~": "$-_.+!*'(),:@&=~", "\xe4": "%e4"} {
		if got := EscapeSegment(in); got != want {
			t.Errorf("EscapeSegment(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestUnescapeURL(t *testing.T) {
	for _, tc := range []struct {
		in, want string
		ok       bool
	}{{"a%20b", "a b", true}, {"a%2fb", "a/b", false}, {"%zz", "%zz", false}, {"%00", "\x00", false}} {
		if got, ok := UnescapeURL(tc.in); got != tc.want || ok != tc.ok {
			t.Errorf("UnescapeURL(%q) = %q, %v", tc.in, got, ok)
		}
	}
}

func TestLowerASCII(t *testing.T) {
	for in, want := range map[string]string{"aBC": "abc", "x": "x", "\xc4Ä": "\xc4Ä", "": ""} {
		if got := LowerASCII(in); got != want {
			t.Errorf("LowerASCII(%q) = %q", in, got)
		}
	}
}
