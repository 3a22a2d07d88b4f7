package server

import "strings"

// Paths of URLs: how they are cleaned and decoded before they are matched with
// anything (ap_normalize_path, ap_unescape_url), and written back.

func hexValue(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

func isUnreserved(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '.' || c == '_' || c == '~'
}

// NormalizedPath is a path of a URL, still encoded, as the request's own would be
// treated: without "." and ".." segments, and without repeated slashes where
// MergeSlashes says so. It is false for a path that climbs above the root.
func (r *Request) NormalizedPath(path string) (string, bool) {
	return normalizePath(path, CoreServer.Of(r.Server).MergeSlashes.Else(true), true, false)
}

// normalizePath removes "." and ".." segments, and, when merge is set,
// repeated slashes; with decode it first turns %xx of unreserved characters
// into themselves. ok is false for a path that climbs above the root, or does
// not start with a slash.
func normalizePath(p string, merge, decode, relative bool) (out string, ok bool) {
	if p == "" {
		return "", relative
	}
	if p[0] != '/' && !relative && p != "*" {
		return p, false
	}
	if !needsNormalizing(p, merge, decode) {
		return p, true
	}
	if decode {
		p = decodeUnreserved(p)
	}
	b := make([]byte, 0, len(p))
	ok = true
	for i := 0; i < len(p); {
		if len(b) == 0 || b[len(b)-1] == '/' {
			switch {
			case merge && p[i] == '/' && len(b) > 0:
				i++
				continue
			case p[i] == '.' && (i+1 == len(p) || p[i+1] == '/'):
				i++
				if i < len(p) {
					i++
				}
				continue
			case p[i] == '.' && i+1 < len(p) && p[i+1] == '.' && (i+2 == len(p) || p[i+2] == '/'):
				if len(b) <= 1 {
					ok = false
				} else {
					b = b[:len(b)-1]
					for len(b) > 0 && b[len(b)-1] != '/' {
						b = b[:len(b)-1]
					}
				}
				i += 2
				if i < len(p) {
					i++
				}
				continue
			}
		}
		b = append(b, p[i])
		i++
	}
	return string(b), ok
}

// needsNormalizing is the common case's quick answer: no.
func needsNormalizing(p string, merge, decode bool) bool {
	for i := 0; i < len(p); i++ {
		switch p[i] {
		case '%':
			if decode {
				return true
			}
		case '/':
			if i+1 < len(p) && (p[i+1] == '.' || p[i+1] == '/' && merge) {
				return true
			}
		case '.':
			if i == 0 {
				return true
			}
		}
	}
	return false
}

func decodeUnreserved(p string) string {
	if strings.IndexByte(p, '%') < 0 {
		return p
	}
	b := make([]byte, 0, len(p))
	for i := 0; i < len(p); i++ {
		if p[i] == '%' && i+2 < len(p) {
			hi, lo := hexValue(p[i+1]), hexValue(p[i+2])
			if hi >= 0 && lo >= 0 && isUnreserved(byte(hi<<4|lo)) {
				b = append(b, byte(hi<<4|lo))
				i += 2
				continue
			}
		}
		b = append(b, p[i])
	}
	return string(b)
}

type slashRule uint8

const (
	slashForbid slashRule = iota // %2f is 404
	slashKeep                    // %2f stays as it is written
	slashDecode
)

// unescapePath decodes %xx. A bad escape is 400, %00 is 404, and so is %2f
// where it is forbidden.
func unescapePath(p string, slash slashRule) (string, Status) {
	if strings.IndexByte(p, '%') < 0 {
		return p, OK
	}
	b := make([]byte, 0, len(p))
	bad, missing := false, false
	for i := 0; i < len(p); i++ {
		if p[i] != '%' {
			b = append(b, p[i])
			continue
		}
		if i+2 >= len(p) || hexValue(p[i+1]) < 0 || hexValue(p[i+2]) < 0 {
			bad = true
			b = append(b, '%')
			continue
		}
		c := byte(hexValue(p[i+1])<<4 | hexValue(p[i+2]))
		switch {
		case c == 0 || c == '/' && slash == slashForbid:
			missing = true
			b = append(b, c)
		case c == '/' && slash == slashKeep:
			b = append(b, p[i:i+3]...)
		default:
			b = append(b, c)
		}
		i += 2
	}
	switch {
	case bad:
		return string(b), 400
	case missing:
		return string(b), 404
	}
	return string(b), OK
}

// UnescapeURL decodes %xx (ap_unescape_url); false for a bad escape, %00 or %2f.
func UnescapeURL(s string) (string, bool) {
	out, status := unescapePath(s, slashForbid)
	return out, status == OK
}

// UnescapeForm decodes a value as forms have it (ap_unescape_urlencoded); false
// for a bad escape or %00.
func UnescapeForm(s string) (string, bool) {
	out, status := unescapePath(strings.ReplaceAll(s, "+", " "), slashDecode)
	return out, status == OK
}

// EscapeForm writes a value as forms do (ap_escape_urlencoded).
func EscapeForm(s string) string {
	return strings.ReplaceAll(escape(s, func(c byte) bool {
		return c == ' ' || c != '~' && isUnreserved(c) || c == '*'
	}), " ", "+")
}

// EscapePath writes a path for a URL (ap_os_escape_path without its "./").
func EscapePath(s string) string {
	return escape(s, func(c byte) bool {
		return isUnreserved(c) || strings.IndexByte("$!*'(),:@&=/+;", c) >= 0
	})
}

// EscapeSegment writes one segment of a path for a URL (ap_escape_path_segment).
func EscapeSegment(s string) string {
	return escape(s, func(c byte) bool { return isUnreserved(c) || strings.IndexByte("$+!*'(),:@&=", c) >= 0 })
}

// EscapeURIPath is [EscapePath] for a file's path, to which "./" is added when
// its first segment has a colon.
func EscapeURIPath(s string) string {
	first, _, _ := strings.Cut(s, "/")
	if strings.Contains(first, ":") {
		return "./" + EscapePath(s)
	}
	return EscapePath(s)
}

func escape(s string, keep func(byte) bool) string {
	n := 0
	for i := 0; i < len(s); i++ {
		if !keep(s[i]) {
			n++
		}
	}
	if n == 0 {
		return s
	}
	b := make([]byte, 0, len(s)+2*n)
	for i := 0; i < len(s); i++ {
		if keep(s[i]) {
			b = append(b, s[i])
			continue
		}
		b = append(b, '%', hexDigits[s[i]>>4], hexDigits[s[i]&15])
	}
	return string(b)
}

var htmlEscaper = strings.NewReplacer("<", "&lt;", ">", "&gt;", "&", "&amp;", `"`, "&quot;")

// EscapeHTML writes text for a page (ap_escape_html).
func EscapeHTML(s string) string { return htmlEscaper.Replace(s) }

var xmlEscaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// EscapeXML writes text as the content of an XML element (apr_xml_quote_string
// without quotes).
func EscapeXML(s string) string { return xmlEscaper.Replace(s) }

// EscapeShell puts a backslash before what means something to a shell (ap_escape_shell_cmd).
func EscapeShell(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if strings.IndexByte("&;`'\"|*?~<>^()[]{}$\\\n", s[i]) >= 0 {
			b.WriteByte('\\')
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
