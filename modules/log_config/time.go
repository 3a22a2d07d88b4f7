package log_config

import (
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/ncruces/go-strftime"

	"github.com/donjon-httpd/donjon/server"
)

// clfTime is the Common Log Format's: "[10/Oct/2000:13:55:36 -0700]".
const clfTime = "[02/Jan/2006:15:04:05 -0700]"

// clfCache is the last second that was formatted; all lines of a second share it.
var clfCache atomic.Pointer[clfSecond]

type clfSecond struct {
	sec  int64
	text string
}

func appendCLF(b []byte, t time.Time) []byte {
	sec := t.Unix()
	if c := clfCache.Load(); c != nil && c.sec == sec {
		return append(b, c.text...)
	}
	text := t.Local().Format(clfTime)
	clfCache.Store(&clfSecond{sec, text})
	return append(b, text...)
}

// appendTime is %t: without argument the Common Log Format, else begin: or
// end: (begin by default) and sec, msec, usec, msec_frac, usec_frac, or a
// strftime format.
func appendTime(b []byte, r *server.Request, arg string) ([]byte, bool) {
	if arg == "" {
		return appendCLF(b, r.Received), true
	}
	t, format := r.Received, arg
	if rest, ok := strings.CutPrefix(arg, "begin"); ok {
		if rest == "" {
			return appendCLF(b, t), true
		}
		if rest[0] == ':' {
			format = rest[1:]
		}
	} else if rest, ok := strings.CutPrefix(arg, "end"); ok {
		if rest == "" {
			return appendCLF(b, ended(r)), true
		}
		if rest[0] == ':' {
			t, format = ended(r), rest[1:]
		}
	}
	switch format {
	case "":
		return appendCLF(b, t), true
	case "sec":
		return strconv.AppendInt(b, t.Unix(), 10), true
	case "msec":
		return strconv.AppendInt(b, t.UnixMilli(), 10), true
	case "usec":
		return strconv.AppendInt(b, t.UnixMicro(), 10), true
	case "msec_frac":
		return pad(b, t.Nanosecond()/1e6, 3), true
	case "usec_frac":
		return pad(b, t.Nanosecond()/1e3, 6), true
	}
	return strftime.AppendFormat(b, format, t.Local()), true
}

func pad(b []byte, n, width int) []byte {
	s := strconv.Itoa(n)
	for range width - len(s) {
		b = append(b, '0')
	}
	return append(b, s...)
}
