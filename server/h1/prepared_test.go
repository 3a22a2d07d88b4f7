package h1

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/donjon-httpd/donjon/server"
)

func answerFor(name, body string, vary ...server.FieldDependency) *prepared {
	p := &prepared{rep: &server.Repetition{Fields: vary}, body: []byte(body), expires: 100}
	p.status = []byte(name)
	for _, f := range vary {
		p.vary = append(p.vary, varyOn{present: f.Class != "", value: f.Class, classes: f.Classes})
	}
	return p
}

func ask(a *answers, c *conn, head string, now int64) string {
	q := recognised{watch: a.watch.Load()}
	if !q.recognise([]byte(head), 0, &limits{}) {
		return "not recognised"
	}
	if p := a.find(&q, c, now); p != nil {
		if p.file != nil {
			p.file.drop()
		}
		return string(p.status)
	}
	return ""
}

func TestAnswers(t *testing.T) {
	a := newAnswers(time.Second, 1<<20)
	const key = "\x00\x00\x00\x00GET /a HTTP/1.1\nh"
	const get = "GET /a HTTP/1.1\r\nHost: h\r\n"
	one, two := &conn{}, &conn{}
	one.info.ClientIP, two.info.ClientIP = "192.0.2.1", "192.0.2.2"
	a.put(key, answerFor("none", "", server.FieldDependency{Name: "Cookie"}), 0)
	a.put(key, answerFor("a=1", "", server.FieldDependency{Name: "Cookie", Class: "a=1"}), 0)
	mine := answerFor("mine", "", server.FieldDependency{Name: "Cookie", Class: "mine"})
	mine.client = "192.0.2.1"
	a.put(key, mine, 0)
	for _, tc := range []struct {
		head string
		c    *conn
		now  int64
		want string
	}{
		{get + "\r\n", one, 50, "none"},
		{get + "Cookie: a=1\r\n\r\n", one, 50, "a=1"},
		{get + "Cookie: a=2\r\n\r\n", one, 50, ""},
		{get + "Cookie: mine\r\n\r\n", one, 50, "mine"},
		{get + "Cookie: mine\r\n\r\n", two, 50, ""},
		{get + "\r\n", one, 100, ""},
		{"GET /b HTTP/1.1\r\nHost: h\r\n\r\n", one, 50, ""},
		{"GET /a HTTP/1.1\r\nHost: i\r\n\r\n", one, 50, ""},
	} {
		if got := ask(a, tc.c, tc.head, tc.now); got != tc.want {
			t.Errorf("%q at %d: %q, want %q", tc.head, tc.now, got, tc.want)
		}
	}
	a.put(key, answerFor("again", "", server.FieldDependency{Name: "Cookie"}), 0)
	if got := ask(a, one, get+"\r\n", 50); got != "again" || len(a.m[key]) != 3 {
		t.Errorf("put again: %q, %d answers", got, len(a.m[key]))
	}
	a.sweep(100)
	if a.bytes != 0 || len(a.m) != 0 {
		t.Errorf("after the sweep: %d bytes, %d keys", a.bytes, len(a.m))
	}
}

// TestLateAnswer recognises a request before the first answer comes that looks
// at one of its fields: it must not be taken for a request without the field.
func TestLateAnswer(t *testing.T) {
	a := newAnswers(time.Second, 1<<20)
	const key = "\x00\x00\x00\x00GET /a HTTP/1.1\nh"
	q := recognised{watch: a.watch.Load()}
	if !q.recognise([]byte("GET /a HTTP/1.1\r\nHost: h\r\nCookie: a=1\r\n\r\n"), 0, &limits{}) {
		t.Fatal("not recognised")
	}
	a.put(key, answerFor("none", "", server.FieldDependency{Name: "Cookie"}), 0)
	if p := a.find(&q, &conn{}, 50); p != nil {
		t.Errorf("got the answer for requests without Cookie")
	}
	logged := answerFor("logged", "")
	logged.rep.Logged = []string{"X-Id"}
	a = newAnswers(time.Second, 1<<20)
	q.watch = a.watch.Load()
	a.put(key, logged, 0)
	if p := a.find(&q, &conn{}, 50); p != nil {
		t.Errorf("got an answer whose log line lacks a field")
	}
	q.watch = a.watch.Load()
	if p := a.find(&q, &conn{}, 50); p != logged {
		t.Errorf("the answer is not found when the field is watched")
	}
}

func TestAnswersAreBounded(t *testing.T) {
	a := newAnswers(time.Second, 100<<10)
	for i := range 100 {
		a.put(fmt.Sprint(i), answerFor("", string(make([]byte, 10<<10))), 0)
	}
	var bytes int64
	for _, list := range a.m {
		for _, p := range list {
			bytes += p.size()
		}
	}
	if bytes != a.bytes || bytes > a.most || len(a.m) < 5 {
		t.Errorf("%d bytes (counted %d) in %d answers", bytes, a.bytes, len(a.m))
	}
	a.put("large", answerFor("", string(make([]byte, 200<<10))), 0)
	if a.m["large"] != nil {
		t.Error("an answer larger than all may be was kept")
	}
	for i := range 3 * maxVariants {
		a.put("variants", answerFor("", "", server.FieldDependency{Name: "Cookie", Class: fmt.Sprint(i)}), 0)
	}
	if n := len(a.m["variants"]); n != maxVariants {
		t.Errorf("%d variants", n)
	}
	for i := range maxWatched + 9 {
		a.put("watched", answerFor("", "", server.FieldDependency{Name: fmt.Sprintf("X-%d", i)}), 0)
	}
	if n := len(a.watch.Load().names); n != maxWatched {
		t.Errorf("%d fields are watched", n)
	}
}

// TestHeldFile: a file stays open while anybody sends it, and no longer.
func TestHeldFile(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "f"))
	if err != nil {
		t.Fatal(err)
	}
	held := holdFile(int(f.Fd()))
	f.Close()
	open := func() bool {
		_, err := unix.FcntlInt(uintptr(held.fd), unix.F_GETFD, 0)
		return err == nil
	}
	if !held.hold() {
		t.Fatal("it is not held")
	}
	held.drop()
	if !open() {
		t.Error("closed while held")
	}
	held.drop()
	if open() || held.hold() {
		t.Error("still open when all have let go")
	}
}

func TestDateTexts(t *testing.T) {
	var d dateTexts
	at := time.Date(2026, 11, 24, 23, 59, 59, 5e8, time.UTC)
	for _, tc := range []struct {
		now   time.Time
		after time.Duration
		want  string
	}{
		{at, 0, "Tue, 24 Nov 2026 23:59:59 GMT"},
		{at, time.Minute, "Wed, 25 Nov 2026 00:00:59 GMT"},
		{at.Add(time.Second), time.Minute, "Wed, 25 Nov 2026 00:01:00 GMT"},
		{at.Add(time.Second), 0, "Wed, 25 Nov 2026 00:00:00 GMT"},
	} {
		if got := d.at(tc.now, tc.after); got != tc.want {
			t.Errorf("%v: %s, want %s", tc.after, got, tc.want)
		}
	}
}
