package server

import (
	"errors"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// ErrorLog is an open error log of a server. Lines are written whole, one
// write each, so that processes sharing the file do not mix them.
type ErrorLog struct {
	w io.Writer
}

// NewErrorLog makes a log that writes to w.
func NewErrorLog(w io.Writer) *ErrorLog { return &ErrorLog{w: w} }

var levelNames = [...]string{"emerg", "alert", "crit", "error", "warn", "notice", "info", "debug",
	"trace1", "trace2", "trace3", "trace4", "trace5", "trace6", "trace7", "trace8"}

func (l Level) String() string { return levelNames[l] }

// At starts a line of a level about s, or gives nil when LogLevel leaves it out.
func (l *Log) At(level Level, s Subject) *Event {
	var levels *LogLevels
	to, client := processLog, ""
	if s != nil {
		levels = s.logLevels()
		if t := s.logTo(); t != nil {
			to = t
		}
		client = s.logClient()
	} else {
		levels = processLevels
	}
	if level > levels.Of(l.module) && level != LevelNotice || to == nil {
		return nil
	}
	return &Event{log: to, level: level, module: l.module, client: client, at: time.Now()}
}

// The log of the process: standard error until the main server's is open.
var (
	processLog    = NewErrorLog(os.Stderr)
	processLevels *LogLevels
)

// SetProcessLog says where lines without a subject go, once the main server's
// log is open.
func SetProcessLog(l *ErrorLog, levels *LogLevels) { processLog, processLevels = l, levels }

// ErrorTime is the layout of a line's time: Apache's %{u}t: "Mon Nov 23 17:01:03.676704 2026".
const ErrorTime = "Mon Jan 02 15:04:05.000000 2006"

// write formats Apache's default line:
// "[%{u}t] [%-m:%l] [pid %P:tid %T] %7F: %E: [client\ %a] %M% ,\ referer\ %{Referer}i".
func (el *ErrorLog) write(e *Event, text string) {
	b := make([]byte, 0, 256)
	b = append(b, '[')
	b = e.at.AppendFormat(b, ErrorTime)
	b = append(b, "] ["...)
	b = append(b, e.module...)
	b = append(b, ':')
	b = append(b, e.level.String()...)
	b = append(b, "] [pid "...)
	b = strconv.AppendInt(b, int64(os.Getpid()), 10)
	b = append(b, ":tid "...)
	b = strconv.AppendInt(b, int64(syscall.Gettid()), 10)
	b = append(b, "] "...)
	var errno syscall.Errno
	if errors.As(e.err, &errno) {
		b = append(b, '(')
		b = strconv.AppendInt(b, int64(errno), 10)
		b = append(b, ')')
		b = append(b, capital(errno.Error())...)
		b = append(b, ": "...)
	} else if e.err != nil {
		b = append(b, e.err.Error()...)
		b = append(b, ": "...)
	}
	if e.client != "" {
		b = append(b, "[client "...)
		b = append(b, e.client...)
		b = append(b, "] "...)
	}
	b = appendEscaped(b, text)
	b = append(b, '\n')
	el.w.Write(b) //nolint:errcheck // there is nowhere left to say it
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
