package main

import (
	"path/filepath"
	"strings"
	"testing"
)

// FuzzParseTrace: every name of the result is absolute, and there once, whatever
// a traced program has made strace print.
func FuzzParseTrace(f *testing.F) {
	f.Add(`12 openat(AT_FDCWD, "/etc/a", O_RDONLY|O_CLOEXEC) = 3` + "\n")
	f.Add(`12 execve("/bin/\"x", ["x"], 0x7 /* 3 vars */) = 0` + "\n")
	f.Fuzz(func(t *testing.T, text string) {
		seen := map[string]bool{}
		for _, name := range parseTrace(text) {
			if !filepath.IsAbs(name) || seen[name] {
				t.Errorf("%q", name)
			}
			seen[name] = true
		}
	})
}

// FuzzPerlNames: no module's file lies above the directories that are searched.
func FuzzPerlNames(f *testing.F) {
	f.Add("use POSIX qw(strftime);\nuse parent -norequire, 'A::B';\nrequire \"x/y.pl\";\n__END__\nuse Nothing;\n")
	f.Add("require '../../../etc/shadow.pl';\n")
	f.Fuzz(func(t *testing.T, text string) {
		always, sometimes := perlNames(text)
		for _, name := range append(always, sometimes...) {
			if strings.HasPrefix(filepath.Clean("dir/"+name), "..") {
				t.Errorf("%q", name)
			}
		}
	})
}

// FuzzParseStatus: no line of /proc/PID/status makes it panic; a process can
// choose its Name, and the kernel escapes its line ends.
func FuzzParseStatus(f *testing.F) {
	f.Add("Name:\ta b\nState:\tS (sleeping)\nUid:\t33\t33\t33\t33\n")
	f.Fuzz(func(t *testing.T, text string) {
		for key, value := range parseStatus(text) {
			if strings.Contains(key, "\n") && strings.Contains(key, ":") || value != strings.TrimSpace(value) {
				t.Errorf("%q: %q", key, value)
			}
		}
	})
}
