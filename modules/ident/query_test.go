package ident

import (
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/donjon-httpd/donjon/directives"
)

func TestParse(t *testing.T) {
	for in, want := range map[string]string{
		"6193,23:USERID:UNIX:ann\r\n": "ann", " 6193 , 23 : USERID : UNIX : ann \r\n": "ann", "6193\t,\n23:USERID\t:UNIX , US-ASCII:ann\n": "ann",
		"6193,23:USERID:UNIX:a b\r\n": "a", "6193,23:USERID:UNIX:  ann": "ann", "6193,23:USERID:UNIX:a:b\r\n": "a:b", "+6193,+23:USERID:O:x": "x",
		"71729,65559:USERID:O:x": "x", "-59343,23:USERID:O:x": "x", "6193,23:USERID: :x": "x",
		"6193,24:USERID:UNIX:ann": "", "6194,23:USERID:UNIX:ann": "", "6193,23:userid:UNIX:ann": "", "6193,23:ERROR:NO-USER": "", "6193,23:USERID::ann": "",
		"6193,23:USERID:UNIX:": "", "6193,23:USERID:UNIX: \r\n": "", "": "", "x": "", ",": "", "6193 23": "", "6193,23:USERID:UNIX": "", "6193,23:USERID:UNIX:a\x00b": "a",
		"99999999999999999999999,23:USERID:O:x":           "",
		"6193,23:USERID:UNIX:" + strings.Repeat("a", 600): strings.Repeat("a", 512),
	} {
		got, err := parse(in, 6193, 23)
		if got != want || (err != nil) != (want == "") {
			t.Errorf("%q: %q, %v; want %q", in, got, err, want)
		}
	}
}

func TestQuery(t *testing.T) {
	for answer, want := range map[string]string{"7,8:USERID:O:x\r\n": "x", "": "", "7,8:USERID:O:x": "", strings.Repeat(" ", 900) + "7,8:USERID:O:" + strings.Repeat("y", 200): strings.Repeat("y", 87)} {
		own, other := net.Pipe()
		go func() {
			p := make([]byte, 64)
			n, _ := other.Read(p)
			if string(p[:n]) != "7,8\r\n" {
				t.Errorf("asked %q", p[:n])
			}
			for s := answer; s != ""; {
				n, err := other.Write([]byte(s[:min(len(s), 100)]))
				if s = s[n:]; err != nil {
					break
				}
			}
			other.Close()
		}()
		got, err := query(own, 7, 8, 5*time.Second)
		var f failure
		if got != want || want == "" && !errors.As(err, &f) {
			t.Errorf("%.30q: %q, %v", answer, got, err)
		}
		own.Close()
	}
	own, other := net.Pipe()
	go other.Read(make([]byte, 64))
	if _, err := query(own, 7, 8, 20*time.Millisecond); err == nil {
		t.Error("an answer that does not come is one")
	}
	own.Close()
	other.Close()
}

func TestMerge(t *testing.T) {
	sec := directives.Given(time.Second)
	none := config{}
	if m := merge(config{timeout: sec}, none); m.timeout != sec {
		t.Errorf("%v", m.timeout)
	}
	if m := merge(config{timeout: sec}, merge(none, none)); m.timeout.Else(0) != standardTimeout {
		t.Errorf("two sections that say nothing: %v", m.timeout)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("6193, 23 : USERID : UNIX : ann\r\n")
	f.Add("6193, 23 : ERROR : NO-USER\r\n")
	f.Fuzz(func(t *testing.T, in string) {
		user, err := parse(in, 6193, 23)
		if err == nil && (user == "" || len(user) > maxUser || strings.ContainsAny(user, blanks+"\x00")) || err != nil && user != "" {
			t.Errorf("%q: %q, %v", in, user, err)
		}
	})
}
