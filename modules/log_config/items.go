package log_config

import (
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/donjon-httpd/donjon/server"
)

// items are mod_log_config's own. Orig is Apache's want_orig_default.
var items = []server.LogItem{
	{Name: "h", Append: func(b []byte, r *server.Request, arg string) ([]byte, bool) {
		if arg == "c" {
			return escaped(b, r.ConnHost())
		}
		return escaped(b, r.ClientHost())
	}},
	{Name: "a", Append: func(b []byte, r *server.Request, arg string) ([]byte, bool) {
		if arg == "c" {
			return append(b, r.Conn.ClientIP...), true
		}
		return append(b, r.ClientIP...), true
	}},
	{Name: "A", Append: func(b []byte, r *server.Request, _ string) ([]byte, bool) { return append(b, r.Conn.LocalIP...), true }},
	{Name: "l", Append: func(b []byte, r *server.Request, _ string) ([]byte, bool) {
		if name, ok := r.RemoteLogname(); ok {
			return escaped(b, name)
		}
		return b, false
	}},
	{Name: "u", Append: func(b []byte, r *server.Request, _ string) ([]byte, bool) {
		if r.User == "" {
			if r.UserSet {
				return append(b, `""`...), true
			}
			return b, false
		}
		return escaped(b, r.User)
	}},
	{Name: "t", Append: appendTime},
	{Name: "f", Append: func(b []byte, r *server.Request, _ string) ([]byte, bool) { return nonEmpty(b, r.Filename) }},
	{Name: "b", Append: func(b []byte, r *server.Request, _ string) ([]byte, bool) {
		if r.SentBody == 0 {
			return b, false
		}
		return strconv.AppendInt(b, r.SentBody, 10), true
	}},
	{Name: "B", Append: func(b []byte, r *server.Request, _ string) ([]byte, bool) {
		return strconv.AppendInt(b, r.SentBody, 10), true
	}},
	{Name: "i", Append: func(b []byte, r *server.Request, arg string) ([]byte, bool) {
		if v, ok := r.FieldIn(arg); ok {
			return escaped(b, v)
		}
		return b, false
	}},
	{Name: "o", Append: appendHeaderOut},
	{Name: "n", Append: func(b []byte, r *server.Request, arg string) ([]byte, bool) {
		if strings.EqualFold(arg, "proxy-source-port") {
			r.Unrepeatable() // the next request may go over another connection
		}
		return fromFields(b, &r.Notes, arg)
	}},
	{Name: "e", Append: func(b []byte, r *server.Request, arg string) ([]byte, bool) { return fromFields(b, &r.Env, arg) }},
	{Name: "L", Orig: true, Append: func(b []byte, r *server.Request, arg string) ([]byte, bool) {
		if arg == "c" {
			return nonEmpty(b, r.Conn.LogID)
		}
		return nonEmpty(b, r.LogID)
	}},
	{Name: "V", Append: func(b []byte, r *server.Request, _ string) ([]byte, bool) { return nonEmpty(b, r.ServerName()) }},
	{Name: "v", Append: func(b []byte, r *server.Request, _ string) ([]byte, bool) {
		return nonEmpty(b, server.CoreServer.Of(r.Server).ServerName)
	}},
	{Name: "p", Append: appendPort},
	{Name: "P", Append: appendPid},
	{Name: "H", Append: func(b []byte, r *server.Request, _ string) ([]byte, bool) { return escaped(b, r.Proto) }},
	{Name: "m", Append: func(b []byte, r *server.Request, _ string) ([]byte, bool) { return escaped(b, r.Method) }},
	{Name: "q", Append: func(b []byte, r *server.Request, _ string) ([]byte, bool) {
		if !r.HasArgs {
			return b, true
		}
		return escaped(append(b, '?'), r.Args)
	}},
	{Name: "X", Append: func(b []byte, r *server.Request, _ string) ([]byte, bool) {
		switch {
		case r.Conn.Aborted:
			return append(b, 'X'), true
		case r.Conn.Close:
			return append(b, '-'), true
		}
		return append(b, '+'), true
	}},
	{Name: "C", Append: appendCookie},
	{Name: "k", Append: func(b []byte, r *server.Request, _ string) ([]byte, bool) {
		return strconv.AppendInt(b, int64(r.Conn.KeepAlives), 10), true
	}},
	{Name: "r", Orig: true, Append: func(b []byte, r *server.Request, _ string) ([]byte, bool) { return nonEmpty(b, withoutPassword(r)) }},
	{Name: "D", Orig: true, Append: func(b []byte, r *server.Request, _ string) ([]byte, bool) {
		return strconv.AppendInt(b, ended(r).Sub(r.Received).Microseconds(), 10), true
	}},
	{Name: "T", Orig: true, Append: func(b []byte, r *server.Request, arg string) ([]byte, bool) {
		d := ended(r).Sub(r.Received)
		switch strings.ToLower(arg) {
		case "", "s":
			return strconv.AppendInt(b, int64(d/time.Second), 10), true
		case "ms":
			return strconv.AppendInt(b, d.Milliseconds(), 10), true
		case "us":
			return strconv.AppendInt(b, d.Microseconds(), 10), true
		}
		return append(b, arg...), true // an unknown unit is logged as it stands
	}},
	{Name: "U", Orig: true, Append: func(b []byte, r *server.Request, _ string) ([]byte, bool) { return nonEmpty(b, r.URI) }},
	{Name: "s", Orig: true, Append: func(b []byte, r *server.Request, _ string) ([]byte, bool) {
		return strconv.AppendInt(b, int64(r.Status), 10), true
	}},
	{Name: "R", Orig: true, Append: func(b []byte, r *server.Request, _ string) ([]byte, bool) { return nonEmpty(b, r.Handler) }},
	{Name: "^ti", Append: func(b []byte, r *server.Request, arg string) ([]byte, bool) {
		if v := r.Trailer.Values(arg); len(v) > 0 {
			return escaped(b, strings.Join(v, ", "))
		}
		return b, false
	}},
	{Name: "^to", Append: func(b []byte, r *server.Request, arg string) ([]byte, bool) {
		return fromFields(b, &r.TrailersOut, arg)
	}},
}

// escaped appends what a client may have sent, so that a line stays a line.
func escaped(b []byte, s string) ([]byte, bool) { return server.AppendLogItem(b, s), true }

func nonEmpty(b []byte, s string) ([]byte, bool) {
	if s == "" {
		return b, false
	}
	return escaped(b, s)
}

func fromFields(b []byte, t *server.Fields, name string) ([]byte, bool) {
	v, ok := t.Lookup(name)
	if !ok {
		return b, false
	}
	return escaped(b, v)
}

// appendHeaderOut is %{Field}o. The type is logged without parameters, cookies
// all together; other fields by their first value.
func appendHeaderOut(b []byte, r *server.Request, name string) ([]byte, bool) {
	if strings.EqualFold(name, "Content-type") && r.ContentType != "" {
		t, _, _ := strings.Cut(r.ContentType, ";")
		return escaped(b, strings.TrimRight(t, " \t"))
	}
	if strings.EqualFold(name, "Set-Cookie") {
		var all []string
		for _, f := range r.Out.All() {
			if strings.EqualFold(f.Name, name) {
				all = append(all, f.Value)
			}
		}
		if all == nil {
			return b, false
		}
		return escaped(b, strings.Join(all, ", "))
	}
	return fromFields(b, &r.Out, name)
}

// appendCookie is %{name}C: version 0 cookies, names in any case.
func appendCookie(b []byte, r *server.Request, name string) ([]byte, bool) {
	field, ok := r.FieldIn("Cookie")
	if !ok {
		return b, false
	}
	for pair := range strings.SplitSeq(field, ";") {
		k, v, ok := strings.Cut(strings.TrimLeft(pair, "="), "=")
		if ok && v != "" && strings.EqualFold(strings.Trim(k, " \t"), name) {
			return escaped(b, strings.TrimRight(strings.TrimLeft(v, " \t"), " \t\r\n\v\f"))
		}
	}
	return b, false
}

func appendPort(b []byte, r *server.Request, arg string) ([]byte, bool) {
	var port int
	switch strings.ToLower(arg) {
	case "", "canonical":
		if port = server.CoreServer.Of(r.Server).ServerPort; port == 0 {
			port = 80
			if r.Conn.TLS {
				port = 443
			}
		}
	case "remote":
		port = int(r.Conn.Remote.Port())
	case "local":
		port = int(r.Conn.Local.Port())
	default:
		return append(b, arg...), true
	}
	return strconv.AppendInt(b, int64(port), 10), true
}

var pid = os.Getpid()

func appendPid(b []byte, _ *server.Request, arg string) ([]byte, bool) {
	switch strings.ToLower(arg) {
	case "", "pid":
		return strconv.AppendInt(b, int64(pid), 10), true
	case "tid":
		return strconv.AppendInt(b, int64(syscall.Gettid()), 10), true
	case "hextid":
		return strconv.AppendInt(append(b, "0x"...), int64(syscall.Gettid()), 16), true
	}
	return append(b, arg...), true
}

// withoutPassword is the request line; a password in an absolute target is
// written as XXXXXXXX, as apr_uri_unparse does.
func withoutPassword(r *server.Request) string {
	if r.URL == nil || r.URL.User == nil {
		return r.TheRequest
	}
	if _, has := r.URL.User.Password(); !has {
		return r.TheRequest
	}
	i := strings.Index(r.TheRequest, "://")
	at := strings.IndexByte(r.TheRequest, '@')
	if i < 0 || at < i {
		return r.TheRequest
	}
	colon := strings.IndexByte(r.TheRequest[i+3:at], ':')
	if colon < 0 {
		return r.TheRequest
	}
	return r.TheRequest[:i+3+colon+1] + "XXXXXXXX" + r.TheRequest[at:]
}

// ended is when the request's line was begun: every item of it sees one time.
func ended(r *server.Request) time.Time {
	top := r.Top()
	if top.Ended.IsZero() {
		top.Ended = time.Now()
	}
	return top.Ended
}
