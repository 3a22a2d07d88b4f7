package compattests

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestApplications asks real CGI programs of Debian's packages the same on both
// servers and compares the pages.
func TestApplications(t *testing.T) {
	switch {
	case !*live:
		t.Skip("only with -live: it needs the real Apache")
	case os.Getuid() != 0:
		t.Skip("the programs' files have to belong to the server's user")
	case *only != "":
		t.Skip("-case names others")
	}
	bin := *httpd
	if bin == "" {
		bin = filepath.Join(t.TempDir(), "httpd")
		if out, err := exec.Command("go", "build", "-o", bin, "../cmd/httpd").CombinedOutput(); err != nil {
			t.Fatalf("go build: %v\n%s", err, out)
		}
	}
	t.Run("gitweb", func(t *testing.T) { gitweb(t, bin) })
	t.Run("awstats", func(t *testing.T) { awstats(t, bin) })
}

// compareApplication runs a configuration with targets on both servers.
func compareApplication(t *testing.T, bin, config string, targets []string, hide *regexp.Regexp) {
	t.Helper()
	c := &testCase{name: "application", fields: []string{"-chunks", "Content-Type", "Content-Disposition", "ETag"}, config: "LoadModule cgi_module modules/mod_cgi.so\n" +
		"LoadModule alias_module modules/mod_alias.so\nLoadModule env_module modules/mod_env.so\n" + config}
	for _, target := range targets {
		c.requests = append(c.requests, request{bytes: "GET " + target + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"})
	}
	var pages [2]string
	for i, p := range []program{{apache, true}, {bin, false}} {
		answers, _, err := c.serve(p, place(t), 1)
		if err != nil {
			t.Fatal(err)
		}
		pages[i] = hide.ReplaceAllString(answers, "<hidden>")
	}
	if n := strings.Count(pages[0], "HTTP/1.1 200 OK"); n != len(targets) {
		t.Errorf("Apache answers %d of %d pages: %.3000s", n, len(targets), pages[0])
	}
	if d := cmp.Diff(strings.Split(pages[0], "\n"), strings.Split(pages[1], "\n")); d != "" {
		t.Error(d)
	}
}

// belongsToServer gives a directory to the user of the servers.
func belongsToServer(t *testing.T, dir string) {
	const www = 33 // www-data of Debian
	if err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err == nil {
			err = os.Lchown(path, www, www)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

func gitweb(t *testing.T, bin string) {
	const script = "/usr/share/gitweb/gitweb.cgi"
	if !installed(script) {
		t.Skip("gitweb is not installed")
	}
	dir := place(t)
	repo := filepath.Join(dir, "x.git")
	for _, args := range [][]string{{"init", "-q", "-b", "main", repo}, {"-C", repo, "add", "."}, {"-C", repo, "commit", "-q", "-m", "first <words>"}} {
		if args[0] == "-C" && args[2] == "add" {
			os.WriteFile(filepath.Join(repo, "a file.txt"), []byte("<text> & more\n"), 0o644)
		}
		cmd := exec.Command("git", args...)
		cmd.Env = append(os.Environ(), "GIT_AUTHOR_DATE=2020-01-02T03:04:05Z", "GIT_COMMITTER_DATE=2020-01-02T03:04:05Z", "HOME="+dir,
			"GIT_AUTHOR_NAME=A", "GIT_AUTHOR_EMAIL=a@example.org", "GIT_COMMITTER_NAME=A", "GIT_COMMITTER_EMAIL=a@example.org")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	conf := filepath.Join(dir, "gitweb.conf")
	if err := os.WriteFile(conf, fmt.Appendf(nil, "our $projectroot = '%s';\nour $git_temp = '/tmp';\n1;\n", dir), 0o644); err != nil {
		t.Fatal(err)
	}
	belongsToServer(t, dir)
	compareApplication(t, bin, fmt.Sprintf("ScriptAlias /gitweb %s\nSetEnv GITWEB_CONFIG %s\nSetEnv HOME %s\n", script, conf, dir), []string{
		"/gitweb", "/gitweb?p=x.git/.git;a=summary", "/gitweb/x.git/.git/tree", "/gitweb?p=x.git/.git;a=blob_plain;f=a%20file.txt;hb=HEAD",
		"/gitweb?p=x.git/.git;a=commit", "/gitweb?p=x.git/.git;a=atom", "/gitweb?a=opml", "/gitweb?p=x.git/.git;a=log&x=%3Cscript%3E",
	}, regexp.MustCompile(`(?i)<!-- .* -->|generator[^\n]*|[0-9.]+ seconds|Apache/[^<\n]*`))
}

func awstats(t *testing.T, bin string) {
	const script = "/usr/lib/cgi-bin/awstats.pl"
	if !installed(script) {
		t.Skip("awstats is not installed")
	}
	dir := place(t)
	log := filepath.Join(dir, "log")
	line := `192.0.2.%d - - [02/Jan/2020:03:04:%02d +0000] "GET /page%d.html HTTP/1.1" 200 1234 "-" "Mozilla/5.0 (X11; Linux x86_64)"` + "\n"
	var lines strings.Builder
	for i := range 50 {
		fmt.Fprintf(&lines, line, i%7+1, i, i%5)
	}
	if err := os.WriteFile(log, []byte(lines.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	conf := filepath.Join(dir, "awstats.x.conf")
	text := fmt.Sprintf("LogFile=\"%s\"\nLogType=W\nLogFormat=1\nSiteDomain=\"x\"\nHostAliases=\"localhost\"\nDirData=\"%s\"\nDirCgi=\"/cgi-bin\"\nDirIcons=\"/icon\"\nDNSLookup=0\nAllowFullYearView=3\n", log, dir)
	if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("perl", script, "-config=x", "-configdir="+dir, "-update").CombinedOutput(); err != nil {
		t.Fatalf("awstats: %v\n%s", err, out)
	}
	belongsToServer(t, dir)
	compareApplication(t, bin, fmt.Sprintf("ScriptAlias /cgi-bin/ /usr/lib/cgi-bin/\nSetEnv AWSTATS_ENABLE_CONFIG_DIR 1\nSetEnv AWSTATS_PATH %s\nSetEnv PERL_HASH_SEED 0\nSetEnv PERL_PERTURB_KEYS NO\n", dir), []string{
		"/cgi-bin/awstats.pl?config=x&configdir=" + dir + "&month=01&year=2020",
		"/cgi-bin/awstats.pl?config=x&configdir=" + dir + "&month=01&year=2020&output=allhosts",
		"/cgi-bin/awstats.pl?config=x&configdir=" + dir + "&month=01&year=2020&output=urldetail&lang=de",
	}, regexp.MustCompile(`(?i)(Last Update|Zuletzt aktualisiert)[^\n]*`))
}
