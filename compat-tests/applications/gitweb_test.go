package applications

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"golang.org/x/sys/unix"
)

// gitweb is a CGI program in Perl that starts git. In the jail its names are
// those of the jail.
const gitweb = `DocumentRoot "${DIR}/jail/srv"
<IfDefine JAILED>
    Define INSIDE ""
</IfDefine>
<IfDefine !JAILED>
    Define INSIDE "${DIR}/jail"
</IfDefine>
LoadModule cgi_module modules/mod_cgi.so
ScriptAlias /git "${DIR}/jail/usr/share/gitweb/gitweb.cgi"
Alias /static "${DIR}/jail/usr/share/gitweb/static"
SetEnv GITWEB_CONFIG "${INSIDE}/srv/gitweb.conf"
SetEnv GITWEB_PROJECTROOT "${INSIDE}/srv/git"
SetEnv HOME "${INSIDE}/srv"
SetEnv PATH /usr/bin:/bin
<Directory "${DIR}/jail/usr/share/gitweb">
    Require all granted
</Directory>
`

// TestGitweb fills a jail with jailctl, so that a program of a distribution runs
// in it, and has gitweb show a repository there, unjailed, and on Apache.
func TestGitweb(t *testing.T) {
	needs(t, "/usr/share/gitweb/gitweb.cgi", "/usr/share/perl5/CGI.pm", "/usr/bin/git", "/usr/bin/perl")
	s := newStack(t)
	jailctl := filepath.Join(built, "jailctl")
	if out, err := exec.Command("go", "build", "-o", jailctl, "../../cmd/jailctl").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	cmd := exec.Command(jailctl, "provision", "-jail", s.file("jail"), "-with", "dev", "/usr/share/gitweb/gitweb.cgi", "/usr/bin/git", "/usr/bin/gzip", "/bin/sh")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("jailctl: %v\n%s", err, out)
	}
	// What Perl asks for only at run time, which no look at its files tells.
	for _, dir := range []string{"/usr/lib/x86_64-linux-gnu/perl-base", "/usr/lib/aarch64-linux-gnu/perl-base", "/usr/share/perl5/CGI"} {
		if _, err := os.Stat(dir); err == nil {
			s.must(os.MkdirAll(s.file("jail"+filepath.Dir(dir)), 0o755))
			s.copyTree(dir, "jail"+filepath.Dir(dir)+"/")
		}
	}
	// Git opens /dev/null, and gitweb asks for the name of a repository's owner.
	s.must(os.MkdirAll(s.file("jail/dev"), 0o755))
	if err := unix.Mknod(s.file("jail/dev/null"), unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))); err != nil && !errors.Is(err, os.ErrExist) {
		t.Skipf("no device can be made: %v", err)
	}
	s.must(os.Chmod(s.file("jail/dev/null"), 0o666))
	s.must(os.MkdirAll(s.file("jail/etc"), 0o755))
	s.write("jail/etc/passwd", "www-data:x:33:33:www-data:/srv:/usr/sbin/nologin\n")
	s.copyTree("/usr/share/gitweb/static", "jail/usr/share/gitweb/")
	s.must(os.MkdirAll(s.file("jail/srv/git"), 0o755))
	s.write("jail/srv/gitweb.conf", "our $projectroot = $ENV{GITWEB_PROJECTROOT};\nour $git_temp = '/tmp';\n1;\n")
	s.makeRepository("jail/srv/git/x.git")
	s.give("jail/srv")
	s.compare(gitweb, places[:3], []question{
		{line: "GET /git"}, {line: "GET /git?p=x.git;a=summary"}, {line: "GET /git/x.git/tree"}, {line: "GET /git?p=x.git;a=blob_plain;f=a%20file.txt;hb=HEAD"}, {line: "GET /git?p=x.git;a=blob;f=a%20file.txt;hb=HEAD"},
		{line: "GET /git?p=x.git;a=commit"}, {line: "GET /git?p=x.git;a=commitdiff"}, {line: "GET /git?p=x.git;a=atom"}, {line: "GET /git?p=x.git;a=snapshot;h=HEAD;sf=tgz"}, {line: "GET /git?a=opml"}, {line: "GET /git?p=x.git;a=log;x=%3Cscript%3E"},
		{line: "GET /git?p=nothing.git"}, {line: "GET /git?p=../../etc"}, {line: "HEAD /git?p=x.git;a=summary"}, {line: "GET /static/gitweb.css", fields: "Accept-Encoding: gzip\r\n"},
	}, []*regexp.Regexp{regexp.MustCompile(`(?m)<meta name="generator" content="(.*)"/>`), regexp.MustCompile(`<generator version='(.*)'>`), regexp.MustCompile(`<!-- (.*) -->`), regexp.MustCompile(`<updated>(.*)</updated>`)})
}

func (s *stack) makeRepository(name string) {
	s.t.Helper()
	work := s.file("work")
	run := func(args ...string) {
		s.t.Helper()
		cmd := exec.Command("git", args...)
		cmd.Env = append(os.Environ(), "GIT_AUTHOR_DATE=2020-01-02T03:04:05Z", "GIT_COMMITTER_DATE=2020-01-02T03:04:05Z", "HOME="+s.dir,
			"GIT_AUTHOR_NAME=A", "GIT_AUTHOR_EMAIL=a@example.org", "GIT_COMMITTER_NAME=A", "GIT_COMMITTER_EMAIL=a@example.org")
		if out, err := cmd.CombinedOutput(); err != nil {
			s.t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	run("init", "-q", "-b", "main", work)
	for i, text := range []string{"<text> & more\n", "<text> & less\n"} {
		s.must(os.WriteFile(filepath.Join(work, "a file.txt"), bytes.Repeat([]byte(text), 50), 0o644))
		run("-C", work, "add", ".")
		run("-C", work, "commit", "-q", "-m", fmt.Sprintf("change <%d>", i))
	}
	run("clone", "-q", "--bare", work, s.file(name))
}
