package proxy_ftp

import (
	"bufio"
	"strings"
	"testing"
)

func TestReadReply(t *testing.T) {
	long := strings.Repeat("x", 90)
	for _, c := range []struct {
		in   string
		code int
		text string
		bad  bool
	}{
		{"220 ready\r\n", 220, "ready", false}, {"220\r\n", 0, "", false}, {"22x ready\r\n", 0, "ready", false}, {"220_x\n", 0, "x", false},
		{"22\n", 0, "", true}, {"\r\n", 0, "", true}, {"", 0, "", true}, {"220", 0, "", true}, {"220-a\r\nb\r\n 220 c\r\n220 d\r\n", 220, "a", false},
		{"220-a\r\n\r\n220 d\r\n", 220, "a", false}, {"220-a\r\n221 d\r\n", 0, "", true},
		{"220 " + long + "\r\n", 220, long[:75], false}, {"220-" + long + "\r\n  y\r\n220 z\r\n", 220, long[:75] + " y", false},
		{"550 a\x00b\r\n", 550, "a", false}, {"550 a\rb\r\n", 550, "a", false},
	} {
		code, text, err := readReply(bufio.NewReader(strings.NewReader(c.in)))
		if code != c.code || text != c.text || (err != nil) != c.bad {
			t.Errorf("%q is %d %q, %v; want %d %q, %v", c.in, code, text, err, c.code, c.text, c.bad)
		}
	}
	if _, _, err := readReply(bufio.NewReader(strings.NewReader("220-" + strings.Repeat("\n", maxReply)))); err != errReplyTooLong {
		t.Errorf("a reply without an end: %v", err)
	}
}

func TestPassive(t *testing.T) {
	for in, want := range map[string]int{
		"ok (|||4711|)": 4711, "(!!!1!)": 1, "(||| 21|)": 21, "(|||+21|)": 21, "none": 0, "(|||x|)": 0, "(|||0|)": 0, "(|||70000|)": 0, "(|||-5|)": 0,
		"(||||)": 0, "(|| |1|)": 0, "(|||1": 0, "(|||1|": 0, "(|||1)": 0, "(": 0, "(|||": 0,
	} {
		if got := epsvPort(in); got != want {
			t.Errorf("EPSV %q: %d, want %d", in, got, want)
		}
	}
	// What is not ok makes Apache 2.4.71 go on with PORT.
	for in, want := range map[string]int{
		"Entering Passive Mode (127,0,0,1,1,2).": 258, "Ok =127,0,0,1,1,2": 258, "a x ( 127, 0,0,1,0,1)": 1, "a x (127,0,0,1,256,1": 1, "a x (127,0,0,1,0,7)": 7,
		"Entering Passive Mode 127,0,0,1,1,2": -1, "=127,0,0,1,1,2": -1, "(127,0,0,1,1,2)": -1, "a x (127,0,0,1,0)": -1, "a x (a,b,c,d,e,f)": -1, "": -1, "x": -1,
		"x (127,0,0,1,1,2)": -1, "a x (99999999999,0,0,1,1,2)": -1,
	} {
		host, port, ok := pasvTarget(in)
		if ok != (want >= 0) || ok && (port != want || host != [4]int{127, 0, 0, 1}) {
			t.Errorf("PASV %q: %v %d %v, want %d", in, host, port, ok, want)
		}
	}
}

func TestModified(t *testing.T) {
	for in, want := range map[string]string{
		"20260102030405": "2026-01-02T03:04:05Z", "20260102030405.678": "2026-01-02T03:04:05Z", "2026010203040": "2026-01-02T03:04:00Z", "202601020304": "", "x": "", "": "",
	} {
		got := ""
		if at := timeOf(in); !at.IsZero() {
			got = at.Format("2006-01-02T15:04:05Z")
		}
		if got != want {
			t.Errorf("%q is %s, want %s", in, got, want)
		}
	}
}

func FuzzReply(f *testing.F) {
	for _, s := range []string{"220-a\r\n220 b\r\n", "229 (|||1|)\r\n", "227 a (1,2,3,4,5,6)\r\n", "213 20260102030405\r\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		code, text, err := readReply(bufio.NewReaderSize(strings.NewReader(string(in)), 16))
		if code < 0 || code > 999 || len(text) > maxMessage || strings.ContainsAny(text, "\r\n\x00") || err != nil && text != "" {
			t.Errorf("%q is %d %q, %v", in, code, text, err)
		}
		if p := epsvPort(text); p < 0 || p > 65535 {
			t.Errorf("port %d", p)
		}
		if _, p, _ := pasvTarget(text); p < 0 || p > 65535 {
			t.Errorf("port %d", p)
		}
		timeOf(text)
	})
}
