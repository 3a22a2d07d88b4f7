package mpm

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/donjon-httpd/donjon/server"
)

func TestSyslogSpecs(t *testing.T) {
	for spec, want := range map[string]string{
		"syslog": "23 httpd", "syslog:": "23 httpd", "syslog:daemon": "3 httpd", "syslog:LOCAL0:site": "16 site", "syslog::site": "23 site",
		"syslog:user:": "1 httpd", "syslog:local1:a:b": "17 a:b",
	} {
		facility, tag, err := parseSyslog(spec)
		if got := fmt.Sprint(facility, " ", tag); err != nil || got != want {
			t.Errorf("%s: %q, %v; want %q", spec, got, err, want)
		}
	}
	if _, _, err := parseSyslog("syslog:nosuch"); err == nil {
		t.Error("syslog:nosuch was accepted")
	}
}

// TestRelay passes lines on, also to a daemon that was started anew.
func TestRelay(t *testing.T) {
	defer func(old string) { syslogSocket = old }(syslogSocket)
	syslogSocket = filepath.Join(t.TempDir(), "log")
	listen := func() *net.UnixConn {
		os.Remove(syslogSocket)
		c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: syslogSocket, Net: "unixgram"})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	expect := func(c *net.UnixConn, pattern string) {
		t.Helper()
		buf := make([]byte, 1024)
		c.SetReadDeadline(time.Now().Add(5 * time.Second))
		n, err := c.Read(buf)
		if err != nil || !regexp.MustCompile(pattern).Match(buf[:n]) {
			t.Fatalf("%q, %v; want %s", buf[:n], err, pattern)
		}
	}
	relay, write, err := startRelay("syslog:local0:site")
	if err != nil {
		t.Fatal(err)
	}
	defer write.Close()
	defer relay.close()
	w := logWriter("syslog:local0:site", write).(server.LevelWriter)
	say := func(level server.Level, text string) {
		if err := w.WriteLevel(level, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	say(server.LevelError, "lost") // no daemon yet
	time.Sleep(50 * time.Millisecond)
	daemon := listen()
	say(server.LevelError, "one")
	expect(daemon, fmt.Sprintf(`^<131>\w{3} [ \d]\d \d\d:\d\d:\d\d site\[%d\]: one$`, os.Getpid()))
	expect(daemon, `^<131>.*: 1 lines before this one did not reach syslog$`)
	daemon.Close()
	daemon = listen()
	defer daemon.Close()
	say(server.LevelTrace1, "two")
	expect(daemon, `^<135>.*: two$`)
}
