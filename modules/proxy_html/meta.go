package proxy_html

import (
	"bytes"
	"strings"

	"github.com/donjon-httpd/donjon/server"
	"github.com/donjon-httpd/donjon/server/pattern"
)

var seekMeta = func() *pattern.Regexp {
	re, err := pattern.Compile(`<meta[^>]*(http-equiv)[^>]*>`, pattern.FoldCase)
	if err != nil {
		panic(err)
	}
	return re
}()

// parserStart is how much of a page Apache gives to the parser before it looks
// for meta elements.
const parserStart = 4

// fixMeta makes fields of the response out of meta elements with http-equiv,
// and finds the one that says the Content-Type, which is to be taken out.
//
// As in Apache, the place of one behind another meta element is counted from the
// end of that one, so that something else is taken out.
func fixMeta(r *server.Request, text []byte) (from, to int, found bool) {
	if len(text) < parserStart {
		return 0, 0, false
	}
	page := string(text[parserStart:])
	if nul := strings.IndexByte(page, 0); nul >= 0 {
		page = page[:nul]
	}
	for rest := page; ; {
		loc := seekMeta.MatchIndex(nil, rest)
		if loc == nil {
			return from, to, found
		}
		name := metaName(rest[loc[3]:])
		switch {
		case len(name) < len("Content-") || !strings.EqualFold(name[:len("Content-")], "Content-"):
			if content, ok := metaContent(rest[loc[0]:], loc[1]-loc[0]); ok && name != "" {
				elog.Trace(2, r).Msgf("Adding header [%s: %s] from HTML META", name, content)
				r.Out.Set(name, content)
			}
		case len(name) >= len("Content-Type") && strings.EqualFold(name[:len("Content-Type")], "Content-Type"):
			from, to, found = loc[0]+parserStart, loc[1]+parserStart, true
		}
		rest = rest[loc[1]:]
	}
}

// metaName is the first word behind http-equiv.
func metaName(s string) string {
	begin := 1
	for begin < len(s) && !isLetter(s[begin]) {
		begin++
	}
	end := min(begin, len(s))
	begin = end
	for end < len(s) && (isLetter(s[end]) || isDigit(s[end]) || s[end] == '-') {
		end++
	}
	return s[begin:end]
}

// metaContent is the value of content= in the element that s begins with, of n
// bytes; what is looked at after the word may lie behind it.
func metaContent(s string, n int) (string, bool) {
	const word = "content"
	at := strings.Index(server.LowerASCII(s[:n]), word)
	if at < 0 {
		return "", false
	}
	for at < len(s) {
		at += len(word)
		at = skipSpace(s, at)
		if at >= len(s) || s[at] != '=' {
			continue
		}
		at = skipSpace(s, at+1)
		if at >= len(s) {
			return "", true
		}
		end := 0
		if q := s[at]; q == '\'' || q == '"' {
			at++
			if end = strings.IndexByte(s[at:], q); end < 0 {
				return "", false
			}
		} else if end = strings.IndexAny(s[at:], " \t\n\v\f\r>"); end < 0 {
			end = len(s) - at
		}
		return s[at : at+end], true
	}
	return "", false
}

func skipSpace(s string, at int) int {
	for at < len(s) && bytes.IndexByte([]byte(" \t\n\v\f\r"), s[at]) >= 0 {
		at++
	}
	return at
}
