package applications

import (
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// dokuwiki is the wiki in a folder of a site, as its manual has it, with the
// addresses that mod_rewrite makes.
const dokuwiki = `DocumentRoot "${DIR}/jail/srv"
Alias /wiki "${DIR}/jail/srv/dokuwiki"
<Directory "${DIR}/jail/srv/dokuwiki">
    Options +FollowSymLinks -Indexes
    AllowOverride All
    Require all granted
    DirectoryIndex doku.php
</Directory>
`

// dokuwikiAccess is DokuWiki's own .htaccess file with its rules in force.
const dokuwikiAccess = `RewriteEngine on
RewriteBase /wiki
RewriteRule ^_media/(.*)              lib/exe/fetch.php?media=$1  [QSA,L]
RewriteRule ^_detail/(.*)             lib/exe/detail.php?media=$1  [QSA,L]
RewriteRule ^_export/([^/]+)/(.*)     doku.php?do=export_$1&id=$2  [QSA,L]
RewriteRule ^$                        doku.php  [L]
RewriteCond %{REQUEST_FILENAME}       !-f
RewriteCond %{REQUEST_FILENAME}       !-d
RewriteRule (.*)                      doku.php?id=$1  [QSA,L]
RewriteRule ^index.php$               doku.php
`

// TestDokuWiki writes a page and uploads a picture through a jailed Donjon, and
// then has all servers serve the wiki.
func TestDokuWiki(t *testing.T) {
	needs(t, "/usr/share/dokuwiki/doku.php", "/usr/sbin/php-fpm8.2")
	s := newStack(t)
	s.layDokuWiki()
	s.startPHP()
	sv := s.start(place{name: "donjon in its jail", jailed: true}, dokuwiki)
	questions := dokuwikiQuestions(s.writePage())
	for _, q := range questions { // fills caches, whose times are told to clients
		s.ask(q)
	}
	sv.checkJail()
	sv.stop()
	s.reset = s.keep("jail/srv/dokuwiki/data", "sessions")
	s.compare(dokuwiki, places[:3], questions, dokuwikiVary)
}

// layDokuWiki puts the package's files into one folder, as DokuWiki's own archive
// has them. Debian spreads them over three, of which the jail would see one.
func (s *stack) layDokuWiki() {
	const root = "jail/srv/dokuwiki"
	s.copyTree("/usr/share/dokuwiki", root)
	s.copyTree("/etc/dokuwiki", root+"/conf")
	s.copyTree("/var/lib/dokuwiki/data", root+"/data")
	s.must(os.Remove(s.file(root + "/inc/preload.php"))) // says that they are elsewhere
	s.write(root+"/.htaccess", dokuwikiAccess+s.read(root+"/.htaccess"))
	s.write(root+"/conf/local.php", `<?php
$conf['title'] = 'Keep';
$conf['useacl'] = 1;
$conf['superuser'] = '@admin';
$conf['savedir'] = './data';
$conf['userewrite'] = 1;
$conf['basedir'] = '/wiki/';
$conf['updatecheck'] = 0;
`)
	// Password secret, as DokuWiki hashes it unless it is told otherwise.
	s.write(root+"/conf/users.auth.php", "# <?php exit()?>\nwarden:5ebe2294ecd0e0f08eab7690d2a6ee69:The Warden:warden@localhost.example:admin,user\n")
	s.write(root+"/conf/acl.auth.php", "# <?php exit()?>\n*  @ALL  1\n*  @user  8\n")
	s.give(root)
}

// keep remembers folders, and gives a function that makes them anew as they are
// now.
func (s *stack) keep(names ...string) func() {
	run := func(args ...string) {
		s.t.Helper()
		if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
			s.t.Fatalf("%q: %v\n%s", args, err, out)
		}
	}
	copyOf := func(name string) string { return s.file("kept/" + strings.ReplaceAll(name, "/", "-")) }
	s.must(os.MkdirAll(s.file("kept"), 0o700))
	for _, name := range names {
		run("cp", "-a", s.file(name), copyOf(name))
	}
	return func() {
		for _, name := range names {
			s.must(os.RemoveAll(s.file(name)))
			run("cp", "-a", copyOf(name), s.file(name))
		}
	}
}

func (s *stack) read(name string) string {
	s.t.Helper()
	b, err := os.ReadFile(s.file(name))
	s.must(err)
	return string(b)
}

var token = regexp.MustCompile(`name="sectok" value="([0-9a-f]+)"`)

// writePage logs in, saves a page and uploads a picture; it gives the session's
// cookies.
func (s *stack) writePage() string {
	s.t.Helper()
	jar := map[string]string{}
	cookies := func() string {
		var list []string
		for k, v := range jar {
			list = append(list, k+"="+v)
		}
		return "Cookie: " + strings.Join(list, "; ") + "\r\n"
	}
	ask := func(q question, status string) string {
		s.t.Helper()
		q.fields += cookies()
		answer := s.ask(q)
		for _, m := range setCookie.FindAllStringSubmatch(answer, -1) {
			name, value, _ := strings.Cut(m[1], "=")
			jar[name] = value
		}
		if !strings.HasPrefix(answer, "HTTP/1.1 "+status) {
			s.t.Fatalf("%s: want %s: %.3000s\n%s", q.line, status, answer, s.log())
		}
		return answer
	}
	form := func(answer string, pairs ...string) string {
		v := url.Values{}
		if m := token.FindStringSubmatch(answer); m != nil {
			v.Set("sectok", m[1])
		}
		for i := 0; i < len(pairs); i += 2 {
			v.Set(pairs[i], pairs[i+1])
		}
		return v.Encode()
	}
	page := ask(question{line: "GET /wiki/start?do=login"}, "200")
	ask(question{line: "POST /wiki/start?do=login", body: form(page, "u", "warden", "p", "secret", "do", "login", "id", "start")}, "302")
	page = ask(question{line: "GET /wiki/start?do=edit"}, "200")
	if !strings.Contains(page, "The Warden") {
		s.t.Fatalf("nobody is logged in: %.3000s", page)
	}
	const boundary = "drawbridge"
	parts := ""
	for _, p := range [][2]string{{"sectok", token.FindStringSubmatch(page)[1]}, {"ns", ":"}, {"mediaid", "keep.png"}, {"do", "upload"}} {
		parts += fmt.Sprintf("--%s\r\nContent-Disposition: form-data; name=%q\r\n\r\n%s\r\n", boundary, p[0], p[1])
	}
	parts += fmt.Sprintf("--%s\r\nContent-Disposition: form-data; name=\"upload\"; filename=\"keep.png\"\r\nContent-Type: image/png\r\n\r\n%s\r\n--%[1]s--\r\n", boundary, keep())
	ask(question{line: "POST /wiki/lib/exe/mediamanager.php", fields: "Content-Type: multipart/form-data; boundary=" + boundary + "\r\n", body: parts}, "200")
	if got := ask(question{line: "GET /wiki/_media/keep.png"}, "200"); !strings.HasSuffix(got, string(keep())) {
		s.t.Errorf("the picture is another one than was sent: %.500q", got)
	}
	ask(question{line: "POST /wiki/start", body: form(page, "do[save]", "1", "id", "start", "rev", "0", "date", "", "prefix", "", "suffix", "", "summary", "first", "target", "section",
		"wikitext", "====== Start ======\n\nA **keep** with a {{:keep.png?300|tower}} and [[nowhere]].\n\n  * one\n  * two\n\n<code php>\n<?php echo 1;\n</code>\n")}, "302")
	return cookies()
}

func dokuwikiQuestions(cookie string) []question {
	const gzip = "Accept-Encoding: gzip\r\n"
	return []question{
		{line: "GET /wiki"}, {line: "GET /wiki/"}, {line: "GET /wiki/", fields: gzip}, {line: "GET /wiki/start"}, {line: "HEAD /wiki/start"}, {line: "GET /wiki/doku.php"}, {line: "GET /wiki/doku.php?id=start"},
		{line: "GET /wiki/nowhere"}, {line: "GET /wiki/a/b:c"}, {line: "GET /wiki/start?do=index"}, {line: "GET /wiki/start?do=revisions"}, {line: "GET /wiki/start?do=recent"}, {line: "GET /wiki/start?do=edit"},
		{line: "GET /wiki/start?do=search&q=keep"}, {line: "GET /wiki/_export/raw/start"}, {line: "GET /wiki/_export/xhtml/start"}, {line: "GET /wiki/_media/keep.png"}, {line: "HEAD /wiki/_media/keep.png"},
		{line: "GET /wiki/_media/keep.png?w=300"}, {line: "GET /wiki/_media/nothing.png"}, {line: "GET /wiki/_detail/keep.png?id=start"}, {line: "GET /wiki/feed.php"}, {line: "GET /wiki/lib/exe/css.php?t=dokuwiki", fields: gzip},
		{line: "GET /wiki/lib/exe/jquery.php"}, {line: "GET /wiki/lib/exe/js.php?t=dokuwiki"}, {line: "GET /wiki/lib/tpl/dokuwiki/images/logo.png"}, {line: "GET /wiki/lib/exe/xmlrpc.php"}, {line: "POST /wiki/lib/exe/ajax.php", body: "call=qsearch&q=start"},
		{line: "GET /wiki/data/"}, {line: "GET /wiki/data/pages/start.txt"}, {line: "GET /wiki/conf/users.auth.php"}, {line: "GET /wiki/conf/local.php"}, {line: "GET /wiki/inc/init.php"}, {line: "GET /wiki/bin/gittool.php"},
		{line: "GET /wiki/lib/"}, {line: "GET /wiki/.htaccess"}, {line: "GET /wiki/.git/config"}, {line: "GET /wiki/VERSION"}, {line: "GET /wiki/index.php"}, {line: "GET /wiki/install.php"}, {line: "GET /wiki/nothing.php"},
		{line: "GET /wiki/doku.php/start"}, {line: "GET /wiki/%C3%BCber%20alles?x=%3Cy%3E"}, {line: "GET /wiki/%2e%2e/x"}, {line: "GET /dokuwiki/"}, {line: "GET /"},
		{line: "GET /wiki/start", fields: cookie}, {line: "GET /wiki/start?do=edit", fields: cookie}, {line: "GET /wiki/start?do=admin", fields: cookie}, {line: "GET /wiki/start?do=media", fields: cookie},
		{line: "GET /wiki/start?do=profile", fields: cookie},
	}
}

// dokuwikiVary is what no two pages have in common.
var dokuwikiVary = []*regexp.Regexp{
	regexp.MustCompile(`(?m)^Set-Cookie: DokuWiki=(.*)$`), regexp.MustCompile(`(?m)^Set-Cookie: DW[0-9a-f]+=(.*)$`), regexp.MustCompile(`sectok(?:" value="|=|":")([0-9a-f]*)`),
	regexp.MustCompile(`taskrunner.php\?id=[^&]*&(?:amp;)?(\d+)`), regexp.MustCompile(`(?m)^Expires: (.*)$`), regexp.MustCompile(`(?m)^X-Thumbnail: (.*)$`), regexp.MustCompile(`<dc:date>(.*)</dc:date>`),
}
