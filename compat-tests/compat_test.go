package compattests

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

var (
	live    = flag.Bool("live", os.Getenv("COMPAT_LIVE") != "", "run the real Apache too")
	record  = flag.Bool("record", false, "write Apache's answers into the cases")
	only    = flag.String("case", "", "run the cases whose name matches")
	httpd   = flag.String("httpd", "", "the program to compare; default: build ./cmd/httpd")
	differs = flag.Bool("differences", false, "print the table of known differences and stop")
)

const apache = "/usr/sbin/apache2"

func TestCompat(t *testing.T) {
	files, err := filepath.Glob("cases/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no cases", err)
	}
	if *differs {
		fmt.Println("| case | what differs |\n|---|---|")
	}
	if (*live || *record) && !installed(apache) {
		t.Fatalf("%s is not installed", apache)
	}
	bin := *httpd
	if bin == "" && !*differs {
		bin = filepath.Join(t.TempDir(), "httpd")
		if out, err := exec.Command("go", "build", "-o", bin, "../cmd/httpd").CombinedOutput(); err != nil {
			t.Fatalf("go build: %v\n%s", err, out)
		}
	}
	slots := make(chan bool, 4)
	for _, file := range files {
		c, err := parseCase(file)
		if err != nil {
			t.Error(err)
			continue
		}
		if *differs {
			if c.differs != "" {
				fmt.Printf("| %s | %s |\n", c.name, c.differs)
			}
			continue
		}
		if ok, _ := regexp.MatchString(*only, c.name); !ok {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			slots <- true
			defer func() { <-slots }()
			runCase(t, c, bin)
		})
	}
}

func installed(path string) bool { _, err := os.Stat(path); return err == nil }

// place is a directory that the server's user may enter.
func place(t *testing.T) string {
	dir, err := os.MkdirTemp("", "compat")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func runCase(t *testing.T, c *testCase, bin string) {
	if c.slapd != "" && !installed(slapd) {
		t.Skip("Debian's package slapd is not installed")
	}
	if c.gateway == "ident" && os.Getuid() != 0 {
		t.Skip("only root may open port 113")
	}
	if len(c.requests) > 0 {
		if *live || *record {
			got, logs, err := c.serve(program{apache, true}, place(t), 1)
			// On a busy machine a member of Apache's balancers, or a child, is late now
			// and then: a recording is stale when Apache says so three times.
			for again := 0; !*record && again < 2 && (err != nil || got != c.answers || !sameLogs(c.logs, logs)); again++ {
				got, logs, err = c.serve(program{apache, true}, place(t), 1)
			}
			if err != nil {
				t.Fatal(err)
			}
			if *record {
				c.answers, c.logs = got, logs
			} else {
				compare(t, "the recording of Apache is stale", c.answers, got)
				compareLogs(t, "the recorded log is stale", c.logs, logs)
			}
		}
		want := c.answers
		if c.differs != "" {
			want = c.own
		}
		got, logs, err := c.serve(program{bin, false}, place(t), 1)
		if err != nil {
			t.Fatal(err)
		}
		if *record && c.differs != "" {
			c.own, want = got, got
		}
		compare(t, "httpd answers otherwise", want, got)
		compareLogs(t, "httpd logs otherwise", c.logs, logs)
		if *live && c.differs == "" && c.once == "" && !t.Failed() {
			repeat(t, c, bin)
		}
	}
	for i, k := range c.checks {
		if *live || *record {
			got, err := c.runCheck(program{apache, true}, place(t), k)
			if err != nil {
				t.Fatal(err)
			}
			if *record {
				c.checks[i].want, k.want = got, got
			} else {
				compare(t, "the recording of check "+k.name+" is stale", k.want, got)
			}
		}
		got, err := c.runCheck(program{bin, false}, place(t), k)
		if err != nil {
			t.Fatal(err)
		}
		compare(t, "httpd checks "+k.name+" otherwise", k.want, got)
	}
	if *record {
		c.write(t)
	}
}

// repeat compares what both servers answer to requests that they have just
// answered twice: it may have been kept from the second time. What differs once
// because one of them was late is asked again; what differs three times differs.
func repeat(t *testing.T, c *testCase, bin string) {
	for left := 2; ; left-- {
		want, wantLogs, err := c.serve(program{apache, true}, place(t), 3)
		if err != nil {
			t.Fatal(err)
		}
		got, gotLogs, err := c.serve(program{bin, false}, place(t), 3)
		if err != nil {
			t.Fatal(err)
		}
		if left > 0 && (got != want || !sameLogs(wantLogs, gotLogs)) {
			continue
		}
		compare(t, "httpd answers otherwise when asked again", want, got)
		compareLogs(t, "httpd logs otherwise when asked again", wantLogs, gotLogs)
		return
	}
}

// sameLogs tells whether compareLogs finds nothing.
func sameLogs(want, got map[string]string) bool {
	for name := range want {
		if want[name] != got[name] {
			return false
		}
	}
	return true
}

func compare(t *testing.T, what, want, got string) {
	t.Helper()
	if d := cmp.Diff(strings.Split(want, "\n"), strings.Split(got, "\n")); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

func compareLogs(t *testing.T, what string, want, got map[string]string) {
	t.Helper()
	for name := range want {
		compare(t, what+" ("+name+")", want[name], got[name])
	}
}

// write puts what was recorded back into the file.
func (c *testCase) write(t *testing.T) {
	var files []txtar.File
	put := false
	for _, f := range c.archive.Files {
		switch {
		case f.Name == "answers" || strings.HasPrefix(f.Name, "answers:"):
			f.Data, put = []byte(c.answers), true
		case strings.HasPrefix(f.Name, "differs: "):
			f.Data = []byte(c.own)
		case strings.HasPrefix(f.Name, "log "):
			f.Data = []byte(c.logs[strings.TrimPrefix(f.Name, "log ")])
		case strings.HasPrefix(f.Name, "check "):
			for _, k := range c.checks {
				if "check "+k.name == f.Name {
					f.Data = []byte(k.config + "=>\n" + k.want)
				}
			}
		}
		files = append(files, f)
	}
	if len(c.requests) > 0 && !put {
		files = append(files, txtar.File{Name: "answers: *", Data: []byte(c.answers)})
	}
	c.archive.Files = files
	if err := os.WriteFile(c.path, txtar.Format(c.archive), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestParseCaseRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"no title":        "-- requests --\nGET /\n",
		"unknown section": "x\n-- requets --\nGET /\n",
		"repeated":        "x\n-- requests --\nGET /\n-- requests --\nGET /\n",
		"nothing asked":   "x\n-- httpd.conf --\n",
	} {
		p := filepath.Join(t.TempDir(), "c.txtar")
		if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := parseCase(p); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
