package mime

import (
	"strings"

	"github.com/donjon-httpd/donjon/server"
)

// mediaType is a Content-Type taken apart.
type mediaType struct {
	base   string // "text/html"
	params []param
}

type param struct{ name, value string }

// withCharset writes a type anew with a charset, "" for none. Parameters keep
// their order; a charset that the type had is replaced in its place, and further
// ones are left out.
func withCharset(r *server.Request, text, charset string) string {
	if charset == "" && strings.IndexByte(text, ';') < 0 && strings.IndexByte(text, '/') > 0 && !strings.ContainsAny(text, " \t\n\v\f\r") {
		return text
	}
	t, problem := parseMediaType(text)
	if problem != "" {
		elog.Warn(server.ServerSubject(r.Gen, r.Server)).Msg(problem)
		return text
	}
	var b strings.Builder
	b.WriteString(t.base)
	put := func(name, value string) { b.WriteString("; " + name + "=" + value) }
	done := false
	for _, p := range t.params {
		switch {
		case charset == "" || p.name != "charset":
			put(p.name, p.value)
		case !done:
			put(p.name, charset)
			done = true
		}
	}
	if charset != "" && !done {
		put("charset", charset)
	}
	return b.String()
}

const noParameter = "Cannot get media parameter."

// parseMediaType is analyze_ct of mod_mime.c; problem is its message.
func parseMediaType(text string) (t mediaType, problem string) {
	s := strings.TrimLeft(text, space)
	if s == "" {
		return t, "AH01598: mod_mime: analyze_ct: cannot get media type from '" + text + "'"
	}
	i := 1
	for i < len(s) && s[i] != '/' && s[i] != ';' && !isSpace(s[i]) {
		i++
	}
	if i == len(s) || s[i] == ';' {
		return t, "AH01599: Cannot get media type from '" + text + "'"
	}
	for i < len(s) && isSpace(s[i]) {
		i++
	}
	if i == len(s) || s[i] != '/' {
		return t, "AH01600: mod_mime: analyze_ct: cannot get media type from '" + text + "'"
	}
	kind := s[:i]
	s = strings.TrimLeft(s[i+1:], space)
	if s == "" {
		return t, "AH01601: Cannot get media subtype."
	}
	for i = 1; i < len(s) && s[i] != ';' && !isSpace(s[i]); {
		i++
	}
	t.base = kind + "/" + s[:i]
	s = strings.TrimLeft(s[i:], space)
	if s == "" {
		return t, ""
	}
	if s = strings.TrimLeft(s[1:], " \t\n"); s == "" {
		return t, "AH01602: " + noParameter
	}
	for s != "" {
		var p param
		if p, s, problem = cutParam(s); problem != "" {
			return t, problem
		}
		if p.name != "" {
			t.params = append(t.params, p)
		}
	}
	return t, ""
}

// cutParam reads one "name=value" and the ';' behind it. A last name without a
// value is dropped, as Apache does.
func cutParam(s string) (p param, rest, problem string) {
	i := 0
	for i < len(s) && (isToken(s[i]) || s[i] == ' ' || s[i] == '\t' || s[i] == '\n') {
		i++
	}
	if i == len(s) {
		return p, "", ""
	}
	if s[i] != '=' {
		return p, "", "AH01605: " + noParameter
	}
	if p.name = strings.Trim(s[:i], space); p.name == "" {
		return p, "", "AH01603: " + noParameter
	}
	if s = strings.TrimLeft(s[i+1:], " \t\n"); s == "" {
		return p, "", "AH01604: " + noParameter
	}
	i = 0
	if s[0] == '"' {
		if i, problem = quotedEnd(s); problem != "" {
			return p, "", problem
		}
	}
	for ; i < len(s) && s[i] != ';'; i++ {
		if !isToken(s[i]) {
			return p, "", "AH01608: " + noParameter
		}
	}
	if p.value = strings.Trim(s[:i], space); p.value == "" {
		return p, "", "AH01609: " + noParameter
	}
	if i < len(s) {
		i++
	}
	return p, s[i:], ""
}

// quotedEnd finds the end of the quoted string that s starts with. One that is
// not closed reaches to the end of s.
func quotedEnd(s string) (end int, problem string) {
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && i+1 < len(s) && s[i+1] < 0x80:
			i++
		case c == '"':
			i++
			for i < len(s) && (s[i] == ' ' || s[i] == '\t' || s[i] == '\n') {
				i++
			}
			if i < len(s) && s[i] != ';' {
				return 0, "AH01606: " + noParameter
			}
			return i, ""
		case c >= 0x80 || c == '\n' || c == '\\':
			return 0, "AH01607: " + noParameter
		}
	}
	return len(s), ""
}

const space = " \t\n\v\f\r"

func isSpace(c byte) bool { return strings.IndexByte(space, c) >= 0 }

func isToken(c byte) bool {
	return c > ' ' && c < 0x7f && strings.IndexByte(`()<>@,;:\"/[]?=`, c) < 0
}
