package server

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/donjon-httpd/donjon/directives"
)

// ErrorLog is an open error log of a server. Lines are written whole, one
// write each, so that processes sharing the file do not mix them.
type ErrorLog struct {
	w       io.Writer
	repeats repeats
	lost    atomic.Uint64 // lines that could not be written since one could
}

// LevelWriter is a log that wants each line's severity and sets the time
// itself, as syslog does. The line has no newline.
type LevelWriter interface {
	WriteLevel(level Level, line []byte) error
}

// NewErrorLog makes a log that writes to w, which may be a LevelWriter.
func NewErrorLog(w io.Writer) *ErrorLog { return &ErrorLog{w: w} }

var levelNames = [...]string{"emerg", "alert", "crit", "error", "warn", "notice", "info", "debug",
	"trace1", "trace2", "trace3", "trace4", "trace5", "trace6", "trace7", "trace8"}

func (l Level) String() string { return levelNames[l] }

// Enabled tells whether lines of a level about s are written.
func (l *Log) Enabled(level Level, s Subject) bool { return level <= s.logLevels().Of(l.module) }

// At starts a line of a level about s, or gives nil when LogLevel leaves it out.
func (l *Log) At(level Level, s Subject) *Event {
	to, conf := processLog, processConfig
	levels := processLevels
	if s != nil {
		levels = s.logLevels()
	}
	if level > levels.Of(l.module) && level != LevelNotice || to == nil {
		return nil
	}
	if r, ok := s.(*Request); ok {
		r.Unrepeatable() // a line for each request
	}
	e := &Event{level: level, module: l.module, at: time.Now()}
	if s != nil {
		var g *Generation
		g, e.s, e.c, e.r = s.logParties()
		conf = CoreServer.Of(e.s)
		if t := g.ErrorLogOf(e.s); t != nil {
			to = t
		}
	}
	e.log, e.conf = to, conf
	if level >= LevelDebug || conf != nil && conf.ErrorLogFormat != nil {
		e.file, e.line = caller()
	}
	return e
}

// caller is who speaks to the log: the first function outside of the log's own files.
func caller() (file string, line int) {
	var pcs [8]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs[:])])
	for {
		f, more := frames.Next()
		if base := filepath.Base(f.File); base != "log.go" && base != "errorlog.go" {
			return base, f.Line
		}
		if !more {
			return "", 0
		}
	}
}

// The log of the process: standard error until the main server's is open.
var (
	processLog    = NewErrorLog(os.Stderr)
	processLevels *LogLevels
	processConfig *ServerConfig
)

// SetProcessLog says where lines without a subject go, and how, once the main
// server's log is open; a nil server keeps the defaults.
func SetProcessLog(l *ErrorLog, main *directives.Server) {
	processLog, processLevels, processConfig = l, nil, nil
	if main != nil {
		processConfig = CoreServer.Of(main)
		processLevels = processConfig.LogLevel
	}
}

// ErrorTime is the layout of a line's time: Apache's %{u}t: "Mon Nov 23 17:01:03.676704 2026".
const ErrorTime = "Mon Jan 02 15:04:05.000000 2006"

// write writes a line, behind those that are due once for its connection and
// its request.
func (el *ErrorLog) write(e *Event, text string) {
	if !el.repeats.pass(el, e, text) {
		return
	}
	el.writeInfo(e)
	el.writeLine(e, text)
}

// writeInfo names the connection and the request, and writes the lines that
// are due with the first message about them.
func (el *ErrorLog) writeInfo(e *Event) {
	if e.c != nil && e.c.LogID == "" {
		e.c.LogID = newLogID(e.at, e.c.ID)
		if e.conf != nil {
			el.writeForms(&Event{conf: e.conf, level: -1, at: e.at, c: e.c, s: e.s}, e.conf.ErrorLogConn)
		}
	}
	if e.r == nil {
		return
	}
	if r := e.r.first(); r.LogID == "" {
		r.LogID = r.newLogID(e.c)
		if e.conf != nil {
			el.writeForms(&Event{conf: e.conf, level: -1, at: e.at, c: e.c, s: e.s, r: r}, e.conf.ErrorLogReq)
		}
	}
}

// newLogID names the request as a module does, or the core.
func (r *Request) newLogID(c *Conn) string {
	for _, m := range r.Gen.Modules {
		if m.LogID != nil {
			if id := m.LogID(r); id != "" {
				return id
			}
		}
	}
	return newLogID(r.Received, c.ID+uint64(c.KeepAlives)+1)
}

func (el *ErrorLog) writeForms(e *Event, forms []*ErrorFormat) {
	for _, f := range forms {
		if b := f.append(make([]byte, 0, 256), e, ""); len(b) > 0 {
			el.out(LevelInfo, b)
		}
	}
}

func (el *ErrorLog) writeLine(e *Event, text string) {
	var f *ErrorFormat
	if e.conf != nil {
		f = e.conf.ErrorLogFormat
	}
	b := make([]byte, 0, 256)
	switch {
	case f == nil:
		b = el.appendDefault(b, e, text)
	case f.json:
		var line jsonLine
		e.writeJSON(&line, text)
		b = append(b, line...)
	default:
		b = f.append(b, e, text)
	}
	if len(b) > 0 {
		el.out(e.level, b)
	}
}

// jsonLine takes the encoder's line without its newline.
type jsonLine []byte

func (l *jsonLine) Write(b []byte) (int, error) {
	*l = append(*l, strings.TrimSuffix(string(b), "\n")...)
	return len(b), nil
}

// out writes one finished line. When that fails the line is lost, and how many
// were is said as soon as it works again.
func (el *ErrorLog) out(level Level, b []byte) {
	if lw, ok := el.w.(LevelWriter); ok {
		if lw.WriteLevel(level, b) != nil {
			el.lost.Add(1)
		}
		return
	}
	if _, err := el.w.Write(append(b, '\n')); err != nil {
		el.lost.Add(1)
		return
	}
	if n := el.lost.Swap(0); n > 0 {
		fmt.Fprintf(el.w, "[%s] [core:error] [pid %d:tid %d] %d lines before this one could not be written to the error log\n",
			time.Now().Format(ErrorTime), os.Getpid(), syscall.Gettid(), n)
	}
}

// appendDefault formats Apache's default line:
// "[%{u}t] [%-m:%l] [pid %P:tid %T] %7F: %E: [client\ %a] %M% ,\ referer\ %{Referer}i".
func (el *ErrorLog) appendDefault(b []byte, e *Event, text string) []byte {
	if _, ok := el.w.(LevelWriter); !ok {
		b = append(b, '[')
		b = e.at.AppendFormat(b, ErrorTime)
		b = append(b, "] "...)
	}
	b = append(b, '[')
	b = append(b, e.module...)
	b = append(b, ':')
	b = append(b, e.level.String()...)
	b = append(b, "] [pid "...)
	b = strconv.AppendInt(b, int64(os.Getpid()), 10)
	b = append(b, ":tid "...)
	b = strconv.AppendInt(b, int64(syscall.Gettid()), 10)
	b = append(b, "] "...)
	if e.level >= LevelDebug && e.file != "" {
		b = append(errorItems['F'](b, e, ""), ": "...)
	}
	if cause := e.cause(); cause != "" {
		b = append(append(b, cause...), ": "...)
	}
	if e.c != nil {
		who := "[client "
		if e.c.Stream != nil {
			who = "[remote " // observed on 2.4.71
		}
		b = append(remoteAddress(append(b, who...), e, ""), "] "...)
	}
	b = appendEscaped(b, text)
	if e.r != nil {
		if referer, ok := e.r.FieldIn("Referer"); ok && referer != "" {
			b = appendEscaped(append(b, ", referer: "...), referer)
		}
	}
	return b
}

// cause is the error behind the line: "(13)Permission denied" for an errno.
func (e *Event) cause() string {
	var errno syscall.Errno
	switch {
	case errors.As(e.err, &errno):
		return "(" + strconv.Itoa(int(errno)) + ")" + capital(errno.Error())
	case e.err != nil:
		return e.err.Error()
	}
	return ""
}

// capital spells an errno as strerror does: Go's text starts in lower case.
func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// EscapeLog makes one printable line of what came from a client, as in a log.
func EscapeLog(s string) string { return string(appendEscaped(nil, s)) }

// appendEscaped writes what came from a client so that a line stays a line
// (ap_escape_errorlog_item).
func appendEscaped(b []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\n':
			b = append(b, `\n`...)
		case c == '\r':
			b = append(b, `\r`...)
		case c == '\t':
			b = append(b, `\t`...)
		case c == '\\':
			b = append(b, `\\`...)
		case c < 0x20 || c >= 0x7f:
			const hex = "0123456789abcdef"
			b = append(b, '\\', 'x', hex[c>>4], hex[c&15])
		default:
			b = append(b, c)
		}
	}
	return b
}
