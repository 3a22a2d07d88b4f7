package server

import (
	"errors"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/ncruces/go-strftime"
)

// ErrorFormat is a compiled ErrorLogFormat: the main form, or one of those that
// are written once for a connection or a request.
type ErrorFormat struct {
	items []errorItem
	json  bool // our own form "json"
}

// errorItem is a piece of a form. Items between two field separators vanish
// together when one of them is empty.
type errorItem struct {
	separator bool // a field begins here
	hyphen    bool // "-" flag: an empty value is shown so
	required  bool // "+" flag: an empty value drops the line
	message   bool // %M
	min       Level
	arg       string
	value     func(b []byte, e *Event, arg string) []byte // appends nothing when there is none
}

// errorItems are the letters of ErrorLogFormat.
var errorItems = map[byte]func(b []byte, e *Event, arg string) []byte{
	'a': remoteAddress,
	'A': func(b []byte, e *Event, _ string) []byte {
		if e.c == nil {
			return b
		}
		return append(b, addressAndPort(e.c.Local)...)
	},
	'e': ofRequest(func(r *Request, name string) (string, bool) { return r.Env.Get(name), r.Env.Has(name) }),
	'E': func(b []byte, e *Event, _ string) []byte { return append(b, e.cause()...) },
	'F': func(b []byte, e *Event, _ string) []byte {
		if e.file == "" {
			return b
		}
		b = append(append(b, e.file...), '(')
		return append(strconv.AppendInt(b, int64(e.line), 10), ')')
	},
	'i': ofRequest(func(r *Request, name string) (string, bool) { return r.FieldIn(name) }),
	'k': func(b []byte, e *Event, _ string) []byte {
		if e.c == nil {
			return b
		}
		return strconv.AppendInt(b, int64(e.c.KeepAlives), 10)
	},
	'l': func(b []byte, e *Event, _ string) []byte {
		if e.level < 0 {
			return b
		}
		return append(b, e.level.String()...)
	},
	'L': logID,
	'm': func(b []byte, e *Event, _ string) []byte { return append(b, e.module...) },
	'n': ofRequest(func(r *Request, name string) (string, bool) { return r.Notes.Get(name), r.Notes.Has(name) }),
	'P': func(b []byte, _ *Event, _ string) []byte { return strconv.AppendInt(b, int64(os.Getpid()), 10) },
	't': appendErrorTime,
	'T': func(b []byte, _ *Event, _ string) []byte { return strconv.AppendInt(b, int64(syscall.Gettid()), 10) },
	'v': func(b []byte, e *Event, _ string) []byte {
		if e.s == nil {
			return b
		}
		return append(b, CoreServer.Of(e.s).ServerName...)
	},
	'V': func(b []byte, e *Event, _ string) []byte {
		if e.r == nil {
			return b
		}
		return append(b, e.r.ServerName()...)
	},
}

// ofRequest gives what a client may have sent, as text of one line.
func ofRequest(get func(r *Request, name string) (string, bool)) func([]byte, *Event, string) []byte {
	return func(b []byte, e *Event, name string) []byte {
		if e.r == nil {
			return b
		}
		if v, ok := get(e.r, name); ok {
			b = appendEscaped(b, v)
		}
		return b
	}
}

func remoteAddress(b []byte, e *Event, arg string) []byte {
	switch {
	case e.r != nil && !strings.HasPrefix(arg, "c"):
		return append(b, addressAndPort(netip.AddrPortFrom(e.r.Client, e.r.Conn.Remote.Port()))...)
	case e.c != nil:
		return append(b, addressAndPort(e.c.Remote)...)
	}
	return b
}

// addressAndPort is "192.0.2.1:80"; Apache writes no brackets around IPv6.
func addressAndPort(a netip.AddrPort) string {
	return a.Addr().Unmap().String() + ":" + strconv.Itoa(int(a.Port()))
}

// logID is %L (the request's), %{c}L (the connection's) and %{C}L (the
// connection's, in lines about the connection alone).
func logID(b []byte, e *Event, arg string) []byte {
	if strings.EqualFold(arg, "c") {
		if e.c != nil && (arg != "C" || e.r == nil) {
			return append(b, e.c.LogID...)
		}
		return b
	}
	if e.r != nil {
		b = append(b, e.r.first().LogID...)
	}
	return b
}

// appendErrorTime is %t and its options: u microseconds, m milliseconds, c
// compact (ISO 8601), z the offset from UTC, or a strftime pattern.
func appendErrorTime(b []byte, e *Event, arg string) []byte {
	if strings.Contains(arg, "%") {
		return append(b, strftime.Format(arg, e.at)...)
	}
	fraction := ""
	switch {
	case strings.Contains(arg, "u"):
		fraction = ".000000"
	case strings.Contains(arg, "m"):
		fraction = ".000"
	}
	if strings.Contains(arg, "c") {
		b = e.at.AppendFormat(b, "2006-01-02 15:04:05"+fraction)
	} else {
		b = e.at.AppendFormat(b, "Mon Jan 02 15:04:05"+fraction+" 2006")
	}
	if strings.Contains(arg, "z") {
		b = e.at.AppendFormat(b, " -0700")
	}
	return b
}

// ParseErrorLogFormat compiles the main form of the error log's lines.
func ParseErrorLogFormat(format string) (*ErrorFormat, error) {
	if format == "json" {
		return &ErrorFormat{json: true}, nil
	}
	return parseErrorFormat(format, true)
}

// ParseErrorLogInfo compiles a form that is written once for a connection or a request.
func ParseErrorLogInfo(format string) (*ErrorFormat, error) { return parseErrorFormat(format, false) }

// parseErrorFormat is parse_errorlog_string.
func parseErrorFormat(format string, main bool) (*ErrorFormat, error) {
	f := &ErrorFormat{}
	message := false
	for s := format; s != ""; {
		var it errorItem
		var err error
		if it, s, err = parseErrorItem(s); err != nil {
			return nil, err
		}
		switch {
		case it.message && !main:
			return nil, errors.New("%M cannot be used in once-per-request or once-per-connection formats")
		case main && it.required:
			return nil, errors.New("The '+' flag cannot be used in the main error log format")
		case !main && it.min != 0:
			return nil, errors.New("The loglevel cannot be used as a condition in once-per-request or once-per-connection formats")
		case it.min > LevelTrace8:
			return nil, errors.New("The specified loglevel modifier is out of range")
		}
		message = message || it.message
		f.items = append(f.items, it)
	}
	if main && !message {
		return nil, errors.New("main ErrorLogFormat must contain message format string '%M'")
	}
	return f, nil
}

func parseErrorItem(s string) (it errorItem, rest string, err error) {
	for strings.HasPrefix(s, "% ") {
		it.separator, s = true, s[2:]
	}
	if s == "" || s[0] != '%' {
		it.separator = it.separator || strings.HasPrefix(s, " ")
		it.arg, rest = errorText(s)
		it.value = constant
		return it, rest, nil
	}
	if s = s[1:]; strings.HasPrefix(s, "%") {
		it.arg, it.value = "%", constant
		return it, s[1:], nil
	}
	for s != "" {
		c := s[0]
		s = s[1:]
		switch {
		case c == '{':
			it.arg, s, _ = strings.Cut(s, "}")
		case c == '+':
			it.required = true
		case c == '-':
			it.hyphen = true
		case c >= '0' && c <= '9':
			n := int(c - '0')
			for ; s != "" && s[0] >= '0' && s[0] <= '9'; s = s[1:] {
				n = min(n*10+int(s[0]-'0'), 100)
			}
			it.min = Level(n)
		case c == 'M':
			it.message = true
			return it, s, nil
		default:
			if it.value = errorItems[c]; it.value == nil {
				return it, "", errors.New("Unrecognized error log format directive %" + string([]byte{c}))
			}
			return it, s, nil
		}
	}
	return it, "", errors.New("Ran off end of error log format parsing args to some directive")
}

func constant(b []byte, _ *Event, text string) []byte { return append(b, text...) }

// errorText takes text up to the next item or field: blanks end it unless it
// begins with them, a backslash protects what follows.
func errorText(s string) (text, rest string) {
	var b strings.Builder
	start := true
	for s != "" && s[0] != '%' && (s[0] != ' ' || start) {
		c := s[0]
		s = s[1:]
		if c != '\\' {
			start = start && c == ' '
			b.WriteByte(c)
			continue
		}
		if s == "" {
			b.WriteByte('\\')
			break
		}
		c, s = s[0], s[1:]
		switch c {
		case 'r':
			c = '\r'
		case 'n':
			c = '\n'
		case 't':
			c = '\t'
		}
		b.WriteByte(c)
	}
	return b.String(), s
}

// append writes the line (do_errorlog_format); nothing when a required item is empty.
func (f *ErrorFormat) append(b []byte, e *Event, text string) []byte {
	begin := len(b)
	field, skipping := begin, false
	for i := range f.items {
		it := &f.items[i]
		if it.separator {
			if skipping {
				skipping = false
			} else {
				field = len(b)
			}
		}
		switch {
		case it.message:
			b = appendEscaped(b, text)
		case skipping:
		case e.level >= 0 && it.min > e.level:
			b, skipping = b[:field], true
		default:
			before := len(b)
			if b = it.value(b, e, it.arg); len(b) > before {
				continue
			}
			switch {
			case it.required:
				return b[:begin]
			case it.hyphen:
				b = append(b, '-')
			default:
				b, skipping = b[:field], true
			}
		}
	}
	return b
}

// newLogID makes a name for a connection or a request that no other has on this
// machine: eleven letters of base 64, as Apache's.
func newLogID(at time.Time, n uint64) string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	id := uint64(at.UnixMicro()) ^ uint64(os.Getpid())<<40 ^ n<<52
	var b [11]byte
	for i := range b {
		b[i] = letters[id>>58]
		id <<= 6
	}
	return string(b[:])
}
