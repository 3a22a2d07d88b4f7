package server

import (
	"strconv"
	"strings"
)

// Cookies as modules of Apache's core write and read them (util_cookies.c).

// defaultCookieAttributes are those of a cookie whose directive gives none.
const defaultCookieAttributes = "HttpOnly;Secure;Version=1"

// CookieName is a cookie that a directive names, with the attributes that
// follow it.
type CookieName struct{ Name, Attributes string }

// ParseCookieName takes the arguments of a directive apart.
func ParseCookieName(args string) CookieName {
	args = strings.TrimLeft(args, " \t")
	name, rest := args, ""
	if i := strings.IndexAny(args, " \t"); i >= 0 {
		name, rest = args[:i], args[i+1:]
	}
	return CookieName{name, strings.TrimLeft(rest, " \t\n\v\f\r")}
}

// WriteCookie adds a cookie to fields of the response. field is Set-Cookie or
// Set-Cookie2; maxAge is in seconds, 0 for none.
func (r *Request) WriteCookie(field string, c CookieName, value string, maxAge int64, to ...*Fields) {
	text := c.Name + "=" + value + ";"
	if maxAge != 0 {
		text += "Max-Age=" + strconv.FormatInt(maxAge, 10) + ";"
	}
	if c.Attributes != "" {
		text += c.Attributes
	} else {
		text += defaultCookieAttributes
	}
	if field == "Set-Cookie2" {
		corelog.Debug(r).Msgf("AH00008: ap_cookie: user '%s' set cookie2: '%s'", r.userOrNull(), text)
	} else {
		corelog.Debug(r).Msgf("AH00007: ap_cookie: user '%s' set cookie: '%s'", r.userOrNull(), text)
	}
	for _, t := range to {
		t.Add(field, text)
	}
}

// RemoveCookie tells the client to forget a cookie.
func (r *Request) RemoveCookie(field string, c CookieName) {
	text := c.Name + "=;Max-Age=0;" + c.Attributes
	if field == "Set-Cookie2" {
		corelog.Debug(r).Msgf("AH00010: ap_cookie: user '%s' removed cookie2: '%s'", r.userOrNull(), text)
	} else {
		corelog.Debug(r).Msgf("AH00009: ap_cookie: user '%s' removed cookie: '%s'", r.userOrNull(), text)
	}
	r.ErrOut.Add(field, text)
	r.Out.Add(field, text) // so that a success has it twice, observed on 2.4.71
}

// userOrNull is the user as Apache's log prints it.
func (r *Request) userOrNull() string {
	if r.User == "" && !r.UserSet {
		return "(null)"
	}
	return r.User
}

// ReadCookie finds a cookie of the request, and takes it out of the request's
// fields when remove is on. It is an error of the client's to give it twice with
// different values: then there is none, and nothing is removed.
func (r *Request) ReadCookie(name string, remove bool) (value string, ok bool) {
	fields := [...]string{"Cookie", "Cookie2"}
	var rest [len(fields)]string
	var keep [len(fields)]bool
	search := cookieSearch{prefix: name + "="}
	for i, f := range fields {
		if v, there := r.FieldIn(f); there {
			rest[i], keep[i] = search.line(v)
		}
	}
	if search.differ {
		corelog.Error(r).Msgf("AH00011: ap_cookie: client submitted cookie '%s' more than once: %s", name, r.URI)
		return "", false
	}
	if remove {
		for i, f := range fields {
			if keep[i] {
				r.SetFieldIn(f, rest[i])
			} else if _, there := r.FieldIn(f); there {
				r.UnsetFieldIn(f)
			}
		}
	}
	return search.value, search.found
}

// cookieSearch looks for one cookie in lines of them.
type cookieSearch struct {
	prefix string // name=
	value  string
	found  bool
	differ bool // it is there with different values
}

// line looks through one field. rest is the field without the cookie and what
// belongs to it, keep whether other cookies are in it.
func (s *cookieSearch) line(field string) (rest string, keep bool) {
	var b strings.Builder
	eaten, sep := false, ""
	for part := range words(field, ',') {
		for c := range words(part, ';') {
			trimmed := strings.TrimLeft(c, " \t\n\v\f\r")
			if v, ok := strings.CutPrefix(trimmed, s.prefix); ok {
				s.differ = s.differ || s.found && v != s.value
				s.value, s.found, eaten = v, true, true
			} else {
				if !strings.HasPrefix(trimmed, "$") {
					keep, eaten = true, false
				}
				if !eaten {
					b.WriteString(sep)
					b.WriteString(c)
				}
			}
			sep = ";"
		}
		sep = ","
	}
	return b.String(), keep
}

// words are the pieces of s between separators, without empty ones (apr_strtok).
func words(s string, sep byte) func(func(string) bool) {
	return func(yield func(string) bool) {
		for s != "" {
			w := s
			if i := strings.IndexByte(s, sep); i >= 0 {
				w, s = s[:i], s[i+1:]
			} else {
				s = ""
			}
			if w != "" && !yield(w) {
				return
			}
		}
	}
}
