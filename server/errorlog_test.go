package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/donjon-httpd/donjon/directives"
)

// logSubject is a server with a log in memory.
func logSubject(format string) (Subject, *bytes.Buffer) {
	main := &directives.Server{}
	c := CoreServer.EditServer(main)
	c.ServerName = "www.example.com"
	if format != "" {
		c.ErrorLogFormat, _ = ParseErrorLogFormat(format)
	}
	out := &bytes.Buffer{}
	g := &Generation{}
	g.SetErrorLog(main, NewErrorLog(out))
	return ServerSubject(g, main), out
}

func TestErrorLogForms(t *testing.T) {
	for _, tc := range []struct{ name, format, want string }{
		{"items", `%m %l %E %M %v`, "core error (2)No such file or directory text www.example.com"},
		{"a field with an empty item vanishes", `[%m] [client\ %a] %M`, "[core] text"},
		{"a hyphen for it", `[%m] [client\ %-a] %M`, "[core] [client -] text"},
		{"up to the next separator", `%m% ,\ id\ %L% , %M`, "core, text"},
		{"a blank that is protected separates nothing", `%m\ %a %M`, " text"},
		{"levels", `%7m %M`, " text"},
		{"percent and escapes", `%%\t%M\\`, "%\ttext\\"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, out := logSubject(tc.format)
			NewLog("core").Error(s).Err(&os.PathError{Op: "open", Path: "x", Err: syscall.ENOENT}).Msg("text")
			if got := strings.TrimSuffix(out.String(), "\n"); got != tc.want {
				t.Errorf("%q, want %q", got, tc.want)
			}
		})
	}
}

func TestErrorTime(t *testing.T) {
	e := &Event{at: time.Date(2026, 11, 3, 4, 5, 6, 789012000, time.FixedZone("", 3600))}
	for arg, want := range map[string]string{"": "Tue Nov 03 04:05:06 2026", "u": "Tue Nov 03 04:05:06.789012 2026",
		"m": "Tue Nov 03 04:05:06.789 2026", "uc": "2026-11-03 04:05:06.789012", "cz": "2026-11-03 04:05:06 +0100", "%d/%H": "03/04"} {
		if got := string(appendErrorTime(nil, e, arg)); got != want {
			t.Errorf("%%{%s}t is %q, want %q", arg, got, want)
		}
	}
}

func TestErrorLogJSON(t *testing.T) {
	s, out := logSubject("json")
	NewLog("core").Error(s).Err(errors.New("cause")).Msg("AH00037: a \"text\"\nof two lines")
	var line map[string]any
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatalf("%v in %q", err, out.String())
	}
	for key, want := range map[string]any{"level": "error", "module": "core", "code": "AH00037", "message": "a \"text\"\nof two lines",
		"host": "www.example.com", "error": "cause", "pid": float64(os.Getpid())} {
		if line[key] != want {
			t.Errorf("%s is %v, want %v", key, line[key], want)
		}
	}
	if _, err := time.Parse(jsonTime, line["time"].(string)); err != nil {
		t.Error(err)
	}
	if !strings.HasPrefix(line["file"].(string), "errorlog_test.go(") {
		t.Errorf("file is %v", line["file"])
	}
	if strings.Count(out.String(), "\n") != 1 {
		t.Errorf("%q is not one line", out.String())
	}
}

func TestRepeats(t *testing.T) {
	s, out := logSubject("%M")
	log, at := NewLog("core"), time.Now()
	say := func(text string, after time.Duration) {
		e := log.Error(s)
		e.at = at.Add(after)
		e.Msg(text)
	}
	for range 150 {
		say("flood", 0)
	}
	say("another", 0)
	if got := strings.Count(out.String(), "flood"); got != repeatsPerSecond {
		t.Errorf("%d copies were written", got)
	}
	say("later", 2*time.Second)
	want := "another\nflood (50 more of this message in the last second)\nlater\n"
	if !strings.HasSuffix(out.String(), want) {
		t.Errorf("it ends with %q", out.String()[max(0, out.Len()-120):])
	}
}

// failing is a log on a full disk.
type failing struct {
	bytes.Buffer
	full bool
}

func (f *failing) Write(b []byte) (int, error) {
	if f.full {
		return 0, syscall.ENOSPC
	}
	return f.Buffer.Write(b)
}

func TestErrorLogOnAFullDisk(t *testing.T) {
	s, _ := logSubject("%M")
	f := &failing{full: true}
	g, v, _, _ := s.logParties()
	g.SetErrorLog(v, NewErrorLog(f))
	NewLog("core").Error(s).Msg("lost")
	NewLog("core").Error(s).Msg("lost too")
	f.full = false
	NewLog("core").Error(s).Msg("written")
	NewLog("core").Error(s).Msg("as well")
	lines := strings.Split(f.String(), "\n")
	if len(lines) != 4 || lines[0] != "written" || !strings.HasSuffix(lines[1], "2 lines before this one could not be written to the error log") {
		t.Errorf("%q", lines)
	}
}

func FuzzErrorLogFormat(f *testing.F) {
	for _, s := range []string{`[%{u}t] [%-m:%l] [pid %P:tid %T] %7F: %E: [client\ %a] %M% ,\ referer\ %{Referer}i`, `%{c`, `% % %M`, `\`, `%12`, "json"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, format string) {
		for _, parse := range []func(string) (*ErrorFormat, error){ParseErrorLogFormat, ParseErrorLogInfo} {
			form, err := parse(format)
			if err != nil || form.json {
				continue
			}
			e := &Event{module: "core", level: LevelError, at: time.Unix(0, 0)}
			if out := form.append(nil, e, "message"); len(out) > 100*len(format)+1000 {
				t.Errorf("%d bytes from %q", len(out), format)
			}
		}
	})
}

func TestLogID(t *testing.T) {
	seen := map[string]bool{}
	at := time.Now()
	for n := range uint64(1000) {
		id := newLogID(at, n)
		if len(id) != 11 || seen[id] {
			t.Fatalf("%d: %q", n, id)
		}
		seen[id] = true
	}
	if fmt.Sprint(len(seen)) != "1000" {
		t.Error(len(seen))
	}
}
