package proxy_ftp

import "strings"

// unescape decodes what is well escaped and leaves the rest as it is (decodeenc).
// What stands behind a decoded NUL is not seen, as in C.
func unescape(s string) string {
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '%' && i+2 < len(s) && hex(s[i+1]) >= 0 && hex(s[i+2]) >= 0 {
			c = byte(hex(s[i+1])<<4 | hex(s[i+2]))
			i += 2
		}
		b = append(b, c)
	}
	out, _, _ := strings.Cut(string(b), "\x00")
	return out
}

func hex(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}

// sendable tells whether an escaped text may stand in a command: neither an end
// of line nor a byte that is not ASCII is in it (ftp_check_string).
func sendable(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '%' && i+2 < len(s) && hex(s[i+1]) >= 0 && hex(s[i+2]) >= 0 {
			c = byte(hex(s[i+1])<<4 | hex(s[i+2]))
			i += 2
		}
		if c == '\r' || c == '\n' || c >= 0x80 {
			return false
		}
	}
	return true
}

// globbing are the characters that FTP servers take for patterns.
const globbing = "*?[{~"

// escapeGlobbing puts a backslash before them (ftp_escape_globbingchars).
func escapeGlobbing(path string) string {
	if !strings.ContainsAny(path, globbing) {
		return path
	}
	var b strings.Builder
	for i := 0; i < len(path); i++ {
		if strings.IndexByte(globbing, path[i]) >= 0 {
			b.WriteByte('\\')
		}
		b.WriteByte(path[i])
	}
	return b.String()
}

// hasGlobbing tells whether there is one of them. A backslash before it changes
// nothing, whatever ftp_check_globbingchars means to do (observed on 2.4.71).
func hasGlobbing(path string) bool { return strings.ContainsAny(path, globbing) }
