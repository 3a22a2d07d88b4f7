package server

import (
	"bufio"
	"errors"
	"path"
	"strconv"
	"strings"

	"github.com/donjon-httpd/donjon/server/backend"
)

// maxScriptLine is how much of a line a script's header may have
// (MAX_STRING_LEN less its terminator); what is longer goes on as another line.
const maxScriptLine = 8190

// ErrScriptTimeout is what a reader of [Request.ScanScriptHeader] gives when
// the script did not answer in time.
var ErrScriptTimeout = errors.New("script timed out")

// ScanScriptHeader reads the fields that a script or a file writes ahead of its
// body into the response (ap_scan_script_header_err_core). It answers OK, an
// error, or what the request's conditions come to. read is how many bytes the
// fields took; the body follows. Log lines are the module's that log belongs to.
// With soak a script whose fields are wrong is read to its end first, and the
// message does not show the wrong line any more (as with no buffer in Apache).
func (r *Request) ScanScriptHeader(log *Log, in *bufio.Reader, soak bool) (s Status, read int64) {
	show := showNothing
	if !soak {
		show = showLine
	}
	s, read, _ = r.scanScriptHeader(log, in, show)
	return s, read
}

// ScanScript is [Request.ScanScriptHeader] for a program, and gives the line
// that made it fail. With soak the program is read to its end first, and it is
// the line that its output ends in, if that has no end itself.
func (r *Request) ScanScript(log *Log, in *bufio.Reader, soak bool) (s Status, bad string) {
	show := showLine
	if soak {
		show = showRest
	}
	s, _, bad = r.scanScriptHeader(log, in, show)
	return s, bad
}

// shown is what the log shows where a field should be and none is.
type shown uint8

const (
	showLine    shown = iota // it
	showRest                 // what is left in the buffer when all was read
	showNothing              // a file's buffer is empty then
)

func (r *Request) scanScriptHeader(log *Log, in *bufio.Reader, show shown) (s Status, read int64, bad string) {
	h := scriptHeader{r: r, log: log, script: path.Base(r.Filename)}
	for _, f := range r.ErrOut.All() {
		if equalFold(f.Name, "Set-Cookie") {
			h.cookies.Add(f.Name, f.Value)
		}
	}
	for first := true; ; first = false {
		line, err := scriptLine(in)
		read += int64(len(line))
		switch {
		case errors.Is(err, ErrScriptTimeout), errors.Is(err, backend.ErrTimeout):
			h.fail("Script timed out before returning headers: " + h.script)
			return 504, read, ""
		case line == "" && first:
			h.fail("End of script output before headers: " + h.script)
			return 500, read, ""
		case line == "":
			h.fail("Premature end of script headers: " + h.script)
			return 500, read, ""
		}
		if whole, ok := strings.CutSuffix(line, "\n"); ok {
			line = strings.TrimSuffix(whole, "\r")
		}
		if show != showNothing {
			line = strings.ReplaceAll(line, "\r", "") // of a program's, wherever it stands (getsfunc_BRIGADE)
		}
		if line == "" {
			return h.finish(), read, ""
		}
		if first {
			log.Trace(4, r).Msgf("Headers from script '%s':", h.script)
		}
		log.Trace(4, r).Msgf("  %s", line)
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			if show != showLine {
				rest, n := soak(in)
				read, line = read+n, ""
				if show == showRest {
					line = rest
				}
			}
			h.fail("malformed header from script '" + h.script + "': Bad header: " + cut30(line))
			return 500, read, line
		}
		h.field(name, strings.TrimLeft(value, " \t\n\v\f\r"))
	}
}

// soak reads a program's output to its end, and gives its last line if that has
// no end.
func soak(in *bufio.Reader) (last string, n int64) {
	for {
		line, err := scriptLine(in)
		n += int64(len(line))
		if err != nil || line == "" {
			return line, n
		}
	}
}

// scriptLine is apr_file_gets: a line with its end, "" when there is none.
func scriptLine(in *bufio.Reader) (string, error) {
	var b strings.Builder
	for b.Len() < maxScriptLine {
		c, err := in.ReadByte()
		if err != nil {
			return b.String(), err
		}
		b.WriteByte(c)
		if c == '\n' {
			break
		}
	}
	return b.String(), nil
}

// scriptHeader is one header being read.
type scriptHeader struct {
	r         *Request
	log       *Log
	script    string
	fields    Fields // laid over ErrOut at the end
	cookies   Fields
	hasStatus bool
}

func (h *scriptHeader) field(name, value string) {
	r := h.r
	switch LowerASCII(name) {
	case "content-type":
		r.ContentType = lowerType(strings.TrimRight(value, " \t\n\v\f\r"))
	case "status":
		h.hasStatus = true
		r.Status, r.StatusLine = leadingInt(value), value
		if r.Status < 100 || r.Status > 599 {
			h.fail("Invalid status line from script '" + h.script + "': " + cut30(value))
		} else {
			h.log.Trace(1, r).Msgf("Status line from script '%s': %s", h.script, cut30(value))
		}
	case "location", "content-length", "content-range", "transfer-encoding", "etag":
		r.Out.Set(name, value)
	case "last-modified":
		t, ok := parseDate(value)
		if !ok {
			h.log.Info(r).Msgf("AH10247: Ignored invalid header value: Last-Modified: '%s'", value)
			return
		}
		if t.After(r.Mtime) {
			r.Mtime = t
		}
		r.SetLastModified()
	case "set-cookie":
		h.cookies.Add(name, value)
	default:
		h.fields.Add(name, value)
	}
}

// finish gives the fields to the response. A script that says its status has
// looked at the conditions itself.
func (h *scriptHeader) finish() Status {
	r, s := h.r, OK
	if !h.hasStatus && r.isGet() {
		s = r.MeetsConditions()
	}
	for _, f := range h.fields.All() {
		r.ErrOut.Merge(f.Name, f.Value)
	}
	if h.cookies.Len() > 0 {
		r.ErrOut.Unset("Set-Cookie")
		r.ErrOut = Overlay(&r.ErrOut, &h.cookies)
	}
	return s
}

// fail logs what is wrong; the client is told too, if there is nothing else to
// tell it (APLOG_TOCLIENT).
func (h *scriptHeader) fail(text string) {
	h.log.Error(h.r).Msg(text)
	if !h.r.Notes.Has("error-notes") {
		h.r.Notes.Set("error-notes", EscapeHTML(text))
	}
}

// lowerType writes a media type in lower case and leaves its parameters.
func lowerType(t string) string {
	base, params, ok := strings.Cut(t, ";")
	if !ok {
		return LowerASCII(t)
	}
	return LowerASCII(base) + ";" + params
}

func cut30(s string) string { return s[:min(len(s), 30)] }

// leadingInt is the number that s begins with, 0 for none.
func leadingInt(s string) int {
	n, _ := strconv.Atoi(s[:len(s)-len(strings.TrimLeft(s, "0123456789"))])
	return n
}
