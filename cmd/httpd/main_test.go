package main

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain makes the test binary the program, for the scripts and for the
// children that the program starts by executing itself.
func TestMain(m *testing.M) {
	if addr := os.Getenv(backendVariable); addr != "" {
		beBackend(addr)
	}
	testscript.Main(cleaning{m}, map[string]func(){"httpd": main})
}

// cleaning removes what tests built when all have run.
type cleaning struct{ *testing.M }

func (c cleaning) Run() int {
	defer removeBuilt()
	return c.M.Run()
}

// The words, the stream and the exit status of what the command line answers;
// the expected texts are those of Apache 2.4.71 but for the program's name and
// path.
func TestCommandLine(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata", RequireExplicitExec: true, RequireUniqueNames: true})
}

func TestParseArgs(t *testing.T) {
	for _, c := range []struct {
		argv []string
		mode mode
		err  string
		bad  bool
	}{
		{argv: nil, mode: serve},
		{argv: []string{"-t"}, mode: test},
		{argv: []string{"-tS"}, mode: dump},
		{argv: []string{"-S", "-t"}, mode: dump},
		{argv: []string{"-t", "-DDUMP_MODULES"}, mode: dump},
		{argv: []string{"-DDUMP_CONFIG"}, mode: dump},
		{argv: []string{"-t", "-v", "--nonsense"}, mode: version},
		{argv: []string{"-L"}, mode: directivesList},
		{argv: []string{"-f"}, bad: true, err: "httpd: option requires an argument -- f"},
		{argv: []string{"-q"}, bad: true, err: "httpd: illegal option -- q"},
		{argv: []string{"-k", "bogus"}, bad: true, err: "httpd: illegal option -- k"},
		{argv: []string{"start"}, bad: true},
		{argv: []string{"-e", "loud"}, bad: true},
		{argv: []string{"-h"}, bad: true},
	} {
		a, err := parseArgs(c.argv)
		if (err != nil) != c.bad || err != nil && err.Error() != c.err {
			t.Errorf("%q: %v, want %q", c.argv, err, c.err)
		} else if err == nil && a.mode != c.mode {
			t.Errorf("%q: mode %d, want %d", c.argv, a.mode, c.mode)
		}
	}
}
