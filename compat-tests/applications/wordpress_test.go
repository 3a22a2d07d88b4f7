package applications

import (
	"bytes"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

var screenshot = flag.String("screenshot", "", "file for a picture of the post that TestWordPress publishes")

// wordpress is what its administrator adds to the configuration. The .htaccess
// file that makes pretty permalinks is written by WordPress itself.
const wordpress = `DocumentRoot "${DIR}/jail/srv/wordpress"
<Directory "${DIR}/jail/srv/wordpress">
    Options FollowSymLinks
    AllowOverride All
    Require all granted
</Directory>
<Directory "${DIR}/jail/srv/wordpress/wp-content/uploads">
    <FilesMatch "\.php">
        Require all denied
    </FilesMatch>
</Directory>
`

const (
	user1, password1 = "warden", "Portcullis-7-Drawbridge-9"
	title1           = "A keep without a door"
)

// TestWordPress installs WordPress in a browser through a jailed Donjon, over
// HTTPS: its configuration file, its tables, an account, pretty permalinks, and a
// post with a picture. Then Apache, Donjon in its jail and outside, and Donjon
// with PHP in the same jail serve that site, and are compared.
func TestWordPress(t *testing.T) {
	needs(t, "/usr/share/wordpress/wp-login.php", "/usr/share/wordpress/wp-content/themes/twentytwentythree", "/usr/sbin/mariadbd", "/usr/sbin/php-fpm8.2", "/usr/lib/php/20220829/mysqli.so")
	chromium(t)
	s := newStack(t)
	s.layWordPress()
	s.startDatabase()
	s.startPHP()
	sv := s.start(place{name: "donjon in its jail", jailed: true}, wordpress)
	b := s.browser()
	b.setUpWordPress()
	b.permalinks()
	post, picture := b.publish()
	b.read(post, picture)
	sv.checkJail()
	cookie := s.logIn()
	sv.stop()
	for _, line := range lines(s.log()) {
		if (strings.Contains(line, ":error]") || strings.Contains(line, ":crit]")) && !strings.Contains(line, "'PHP message: PHP Warning") {
			t.Error(line)
		}
	}
	s.compareWordPress(post, picture, cookie)
}

// layWordPress copies the package's files into the jail, as they are distributed:
// without the configuration that Debian's administrators begin with.
func (s *stack) layWordPress() {
	s.copyTree("/usr/share/wordpress", "jail/srv/wordpress")
	root := s.file("jail/srv/wordpress")
	for _, name := range []string{"wp-config.php", ".htaccess"} {
		s.must(os.Remove(filepath.Join(root, name)))
	}
	// No question leaves this machine, and nothing happens beside the requests.
	const also = `define('WP_HTTP_BLOCK_EXTERNAL', true);
define('DISABLE_WP_CRON', true);
define('AUTOMATIC_UPDATER_DISABLED', true);
`
	sample := filepath.Join(root, "wp-config-sample.php")
	text, err := os.ReadFile(sample)
	s.must(err)
	const mark = "/* That's all, stop editing!"
	if !bytes.Contains(text, []byte(mark)) {
		s.t.Fatalf("%s has no line %q", sample, mark)
	}
	s.must(os.WriteFile(sample, bytes.Replace(text, []byte(mark), []byte(also+mark), 1), 0o644))
	s.give("jail/srv/wordpress")
	// The one thing that PHP lacks in a jail: Debian's has its time zones there.
	s.must(os.MkdirAll(s.file("jail/usr/share"), 0o755))
	s.copyTree("/usr/share/zoneinfo", "jail/usr/share/zoneinfo")
}

// setUpWordPress goes through WordPress's own installation.
func (b *tab) setUpWordPress() {
	b.t.Helper()
	b.do("configuration", b.visit("/wp-admin/setup-config.php?step=1&language=en_US"),
		fill("#dbname", "app"), fill("#uname", "app"), fill("#pwd", "secret"), fill("#dbhost", fmt.Sprintf("127.0.0.1:%d", b.database)),
		press("input[type=submit]", "a[href*='install.php']"))
	b.do("installation", press("a[href*='install.php']", "#weblog_title"),
		fill("#weblog_title", "The Donjon"), fill("#user_login", user1),
		// WordPress proposes a password as soon as it can judge one.
		chromedp.Poll[chromedp.Void](`document.getElementById("pass1").value != ""`), fill("#pass1", password1), fill("#admin_email", "warden@localhost.example"),
		press("#submit", "a[href*='wp-login.php']"))
	b.do("log-in", b.visit("/wp-login.php"), fill("#user_login", user1), fill("#user_pass", password1), press("#wp-submit", "#wpadminbar"))
}

// permalinks chooses addresses with the post's name. WordPress writes a .htaccess
// file for it.
func (b *tab) permalinks() {
	b.t.Helper()
	b.do("permalinks", b.visit("/wp-admin/options-permalink.php"), chromedp.Click(chromedp.CSS("input[value='/%postname%/']")), press("#submit", "#setting-error-settings_updated"))
	text, err := os.ReadFile(b.file("jail/srv/wordpress/.htaccess"))
	if err != nil || !strings.Contains(string(text), "RewriteRule . /index.php [L]") {
		b.t.Fatalf("WordPress has written %q, %v into .htaccess", text, err)
	}
}

// publish writes a post with a picture in the block editor and publishes it. It
// gives the paths of both.
func (b *tab) publish() (post, picture string) {
	b.t.Helper()
	file := b.file("keep.png")
	b.must(os.WriteFile(file, keep(), 0o644))
	const title, paragraph = ".editor-post-title__input", ".block-editor-default-block-appender__content"
	b.do("editor", b.visit("/wp-admin/post-new.php"), chromedp.WaitReady(chromedp.CSS(title)),
		script(`wp.data.dispatch("core/preferences").set("core/edit-post", "welcomeGuide", false); wp.data.dispatch("core/preferences").set("core/edit-post", "fullscreenMode", false)`),
		chromedp.WaitNotPresent(chromedp.CSS(".edit-post-welcome-guide")))
	b.do("text", chromedp.Click(chromedp.CSS(title)), chromedp.KeyEvent(title1), chromedp.KeyEvent("\r"),
		chromedp.KeyEvent("Every request of this page went through a process that sees one directory, and no more."), chromedp.KeyEvent("\r"), chromedp.KeyEvent("/image"),
		chromedp.WaitVisible(chromedp.CSS(".components-autocomplete__results button")), chromedp.KeyEvent("\r"))
	b.do("picture", chromedp.SetUploadFiles(chromedp.CSS(".wp-block-image input[type=file]"), []string{file}),
		chromedp.WaitReady(chromedp.CSS(".wp-block-image img[src^='https:']")))
	b.do("publication", chromedp.Click(chromedp.CSS(".editor-post-publish-panel__toggle:not([aria-disabled=true])")),
		chromedp.Click(chromedp.CSS(".editor-post-publish-panel .editor-post-publish-button:not([aria-disabled=true])")),
		chromedp.WaitVisible(chromedp.CSS(".post-publish-panel__postpublish")))
	post = strings.TrimPrefix(b.get(`wp.data.select("core/editor").getPermalink()`), b.origin())
	picture = strings.TrimPrefix(b.get(`document.querySelector(".wp-block-image img").src`), b.origin())
	return post, picture
}

// read opens the post as a reader does, and looks whether the picture shows.
func (b *tab) read(post, picture string) {
	b.t.Helper()
	if post != "/a-keep-without-a-door/" {
		b.t.Errorf("the post is at %q", post)
	}
	b.do("reading", b.visit(post), chromedp.WaitVisible(chromedp.CSS("figure.wp-block-image img")))
	if got := b.get(`(() => { const i = document.querySelector("figure.wp-block-image img"); return i.decode().then(() => i.naturalWidth + " " + document.querySelector("h1").textContent) })()`); got != "800 "+title1 {
		b.t.Errorf("the post shows a picture and a title as %q, want the width 800 and %q", got, title1)
	}
	if !strings.Contains(picture, "/wp-content/uploads/") {
		b.t.Errorf("the picture is at %q", picture)
	}
	if *screenshot == "" {
		return
	}
	b.do("window", script(`document.getElementById("wpadminbar").remove(); document.documentElement.style.setProperty("margin-top", "0", "important")`), chromedp.EmulateViewport(1000, 1060))
	shot, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	b.must(err)
	b.must(os.WriteFile(*screenshot, shot, 0o644))
}

// keep draws a picture: a tower before a sky.
func keep() []byte {
	const w, h = 800, 420
	m := image.NewPaletted(image.Rect(0, 0, w, h), nil)
	for i := range 24 {
		m.Palette = append(m.Palette, color.RGBA{uint8(250 - 6*i), uint8(190 - 3*i), uint8(120 + 4*i), 255})
	}
	tower, door := uint8(len(m.Palette)), uint8(len(m.Palette)+1)
	m.Palette = append(m.Palette, color.RGBA{50, 44, 58, 255}, color.RGBA{250, 214, 120, 255})
	for y := range h {
		for x := range w {
			c := uint8(23 - 23*y/h)
			switch {
			case x > 300 && x < 500 && y > 120, x > 280 && x < 520 && y > 90 && y <= 150 && (y > 115 || (x-280)/24%2 == 0), y > h-40:
				c = tower
			}
			if y > 190 && y < 230 && (x > 345 && x < 357 || x > 443 && x < 455) {
				c = door
			}
			m.SetColorIndex(x, y, c)
		}
	}
	var b bytes.Buffer
	png.Encode(&b, m)
	return b.Bytes()
}

var setCookie = regexp.MustCompile(`(?m)^Set-Cookie: ([^;\n]+)`)

// logIn gives the cookies of a session.
func (s *stack) logIn() string {
	s.t.Helper()
	answer := s.ask(question{line: "POST /wp-login.php", fields: "Cookie: wordpress_test_cookie=WP%20Cookie%20check\r\n",
		body: "log=" + user1 + "&pwd=" + password1 + "&testcookie=1&redirect_to=%2Fwp-admin%2F"})
	var cookies []string
	for _, m := range setCookie.FindAllStringSubmatch(answer, -1) {
		cookies = append(cookies, m[1])
	}
	if !strings.HasPrefix(answer, "HTTP/1.1 302 ") || len(cookies) < 3 {
		s.t.Fatalf("no session: %.2000s", answer)
	}
	return "Cookie: " + strings.Join(cookies, "; ") + "\r\n"
}

// compareWordPress has all servers serve the same site.
func (s *stack) compareWordPress(post, picture, cookie string) {
	const gzip = "Accept-Encoding: gzip, deflate, br\r\n"
	small := strings.TrimSuffix(picture, ".png") + "-300x158.png"
	questions := []question{
		{line: "GET /"}, {line: "GET /", fields: gzip}, {line: "HEAD /"}, {line: "GET /index.php"}, {line: "GET " + post}, {line: "HEAD " + post, fields: gzip},
		{line: "GET " + strings.TrimSuffix(post, "/")}, {line: "GET /?p=1"}, {line: "GET /hello-world/"}, {line: "GET /sample-page/"}, {line: "GET /?s=door%20%3Cx%3E"},
		{line: "GET /feed/"}, {line: "GET /comments/feed/"}, {line: "GET /category/uncategorized/"}, {line: "GET /author/" + user1 + "/"}, {line: "GET /page/2/"},
		{line: "GET /wp-sitemap.xml"}, {line: "GET /robots.txt"}, {line: "GET /favicon.ico"}, {line: "GET /nothing/at/all"}, {line: "GET /nothing.php"}, {line: "GET /nothing.png"},
		{line: "GET /wp-json/"}, {line: "GET /wp-json/wp/v2/posts"}, {line: "GET /wp-json/wp/v2/media"}, {line: "GET /wp-json/wp/v2/users/me"}, {line: "GET /wp-json/wp/v2/nothing"},
		{line: "POST /wp-json/wp/v2/posts", fields: "Content-Type: application/json\r\n", body: `{"title":"not allowed"}`}, {line: "DELETE /wp-json/wp/v2/posts/1"},
		{line: "OPTIONS /wp-json/wp/v2/posts"},
		{line: "GET /wp-login.php"}, {line: "POST /wp-login.php", body: "log=warden&pwd=wrong"}, {line: "GET /wp-login.php?action=lostpassword"}, {line: "GET /wp-admin/"}, {line: "GET /wp-admin"},
		{line: "GET /xmlrpc.php"}, {line: "POST /xmlrpc.php", fields: "Content-Type: text/xml\r\n", body: "<?xml version='1.0'?><methodCall><methodName>demo.sayHello</methodName></methodCall>"},
		{line: "POST /wp-comments-post.php", body: "comment=&comment_post_ID=1"}, {line: "GET /wp-comments-post.php"}, {line: "GET /wp-cron.php"}, {line: "GET /wp-admin/admin-ajax.php"},
		{line: "GET /.htaccess"}, {line: "GET /wp-config.php"}, {line: "GET /wp-content/"}, {line: "GET /wp-content/uploads/"}, {line: "GET /wp-content/uploads/x.php"}, {line: "GET /readme.html"},
		{line: "GET " + picture}, {line: "GET " + small}, {line: "GET " + picture, fields: "Range: bytes=1-7\r\n"}, {line: "GET " + picture, fields: "If-Modified-Since: Fri, 01 Jan 2038 00:00:00 GMT\r\n"},
		{line: "HEAD " + picture}, {line: "GET " + picture + "/"}, {line: "GET /wp-includes/css/dist/block-library/style.min.css?ver=6.1", fields: gzip}, {line: "GET /wp-includes/js/jquery/jquery.min.js", fields: gzip},
		{line: "GET /index.php/hello-world/"}, {line: "GET /wp-login.php/rest"}, {line: "GET /%2e%2e/wp-config.php"}, {line: "GET //hello-world//"}, {line: "GET /hello%2Fworld"}, {line: "GET /wp-login.php%00.png"},
		{line: "GET /wp-admin/edit.php", fields: cookie}, {line: "GET /wp-admin/upload.php?mode=list", fields: cookie}, {line: "GET /wp-admin/options-reading.php", fields: cookie + gzip},
		{line: "GET /wp-admin/options-permalink.php", fields: cookie}, {line: "GET /wp-admin/load-styles.php?c=0&dir=ltr&load%5Bchunk_0%5D=dashicons,admin-bar", fields: cookie}, {line: "GET " + post, fields: cookie},
		{line: "GET /wp-admin/nothing.php", fields: cookie},
	}
	s.compare(wordpress, places, questions, wordpressVary)
}

// wordpressVary is what no two pages have in common.
var wordpressVary = []*regexp.Regexp{
	regexp.MustCompile(`nonce["':= &;a-z#0-9]{0,30}(?:value="|=|":")([0-9a-f]{10})\b`),
	regexp.MustCompile(`(?m)^Set-Cookie: wp-settings-time-1=(.*)$`), regexp.MustCompile(`var userSettings = .*"time":"(\d+)"`),
	regexp.MustCompile(`>(\d+ (?:second|min)s?) ago<`), regexp.MustCompile(`(?m)^Expires: (.*)\nCache-Control: public`),
}
