package proxy

import "strings"

// aliasMatch gives how much of a URL-path the path of a ProxyPass matches, 0 for
// nothing: any number of slashes is one, %xx is what it stands for, and the last
// segment must match in full (alias_match).
func aliasMatch(uri, alias string) int {
	u, a := 0, 0
	slash := false // what was matched last is a slash, and not the end of an escape that is cut short
	for a < len(alias) && u < len(uri) {
		if slash = alias[a] == '/'; slash {
			if uri[u] != '/' {
				return 0
			}
			for a < len(alias) && alias[a] == '/' {
				a++
			}
			for u < len(uri) && uri[u] == '/' {
				u++
			}
			continue
		}
		var uc, ac byte
		uc, u = nextByte(uri, u)
		ac, a = nextByte(alias, a)
		if uc != ac {
			return 0
		}
	}
	if u == len(uri) && a < len(alias) {
		return 0
	}
	if a > 0 && !slash && u < len(uri) && uri[u] != '/' {
		return 0
	}
	return u
}

// nextByte decodes one character of a path; what is cut short counts as 0.
func nextByte(s string, i int) (byte, int) {
	if s[i] != '%' {
		return s[i], i + 1
	}
	var c byte
	for k := 1; k <= 2; k++ {
		c <<= 4
		if i+k < len(s) {
			c |= hexDigit(s[i+k])
		}
	}
	return c, min(i+3, len(s))
}

func hexDigit(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10
	}
	return 0
}

// servletMatch is aliasMatch for mapping=servlet: the path is normalized as a
// servlet container does, without the parameters of its segments ("/;x/.."). It
// gives the normalized path, and how much of uri the alias stands for; 0 for no
// match (alias_match_servlet).
func servletMatch(uri, alias string) (mapped string, end int) {
	type segment struct {
		text  string // without parameters
		param int    // where in uri its parameters begin
		end   int    // where in uri it ends, with them
	}
	if uri == "" || uri[0] != '/' || alias == "" || alias[0] != '/' {
		return uri, 0
	}
	var list []segment
	trailing := false
	for at := 0; at < len(uri); {
		for at < len(uri) && uri[at] == '/' {
			at++
		}
		if at == len(uri) {
			trailing = true
			break
		}
		stop := strings.IndexByte(uri[at:], '/')
		if stop < 0 {
			stop = len(uri)
		} else {
			stop += at
		}
		text, _, _ := strings.Cut(uri[at:stop], ";")
		s := segment{text, at + len(text), stop}
		trailing = stop < len(uri) && strings.Trim(uri[stop:], "/") == ""
		switch text {
		case "", ".":
			trailing = true
		case "..":
			if len(list) == 0 {
				return uri, 0
			}
			list = list[:len(list)-1]
			trailing = true
		default:
			list = append(list, s)
		}
		at = stop
	}
	var b strings.Builder
	for _, s := range list {
		b.WriteByte('/')
		b.WriteString(s.text)
	}
	if trailing || len(list) == 0 {
		b.WriteByte('/')
	}
	mapped = b.String()
	want := strings.FieldsFunc(alias, func(c rune) bool { return c == '/' })
	slash := strings.HasSuffix(alias, "/")
	if len(want) > len(list) || len(want) == len(list) && slash && len(want) > 0 && !trailing {
		return uri, 0
	}
	for i, w := range want {
		if list[i].text != w {
			return uri, 0
		}
	}
	switch {
	case len(want) == 0:
		end = 0
		for end < len(uri) && uri[end] == '/' {
			end++
		}
		if !slash {
			end--
		}
		return mapped, max(end, 1)
	case slash:
		end = list[len(want)-1].end
		for end < len(uri) && uri[end] == '/' {
			end++
		}
		return mapped, end
	}
	// The parameters of the last segment are sent on.
	return mapped, list[len(want)-1].param
}
