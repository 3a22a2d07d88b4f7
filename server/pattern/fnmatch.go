package pattern

import "strings"

// FnFlags are apr_fnmatch's.
type FnFlags uint8

const (
	FnPathname FnFlags = 1 << iota // a slash is matched by a slash only
	FnPeriod                       // a leading period is matched by a period only
	FnFold                         // letters are the same in any case
	FnNoEscape                     // a backslash is itself
)

// Fnmatch tells whether all of s matches a shell pattern with *, ? and […]
// (apr_fnmatch). It takes time proportional to the product of the lengths at most.
func Fnmatch(pattern, s string, flags FnFlags) bool {
	if flags&FnFold != 0 {
		pattern, s = lowerASCII(pattern), lowerASCII(s)
	}
	if flags&FnPathname == 0 {
		return segment(pattern, s, flags)
	}
	for {
		p, restP, moreP := strings.Cut(pattern, "/")
		t, restS, moreS := strings.Cut(s, "/")
		if !segment(p, t, flags) || moreP != moreS {
			return false
		}
		if !moreP {
			return true
		}
		pattern, s = restP, restS
	}
}

// segment matches without regard to slashes; on a mismatch it goes back to the
// last star only, which is enough.
func segment(p, s string, flags FnFlags) bool {
	if flags&FnPeriod != 0 && strings.HasPrefix(s, ".") && !strings.HasPrefix(p, ".") && !strings.HasPrefix(p, `\.`) {
		return false
	}
	starP, starS := -1, 0
	i, j := 0, 0
	for j < len(s) {
		if i < len(p) && p[i] == '*' {
			starP, starS = i, j
			i++
			continue
		}
		if n := one(p[i:], s[j], flags); n > 0 {
			i += n
			j++
			continue
		}
		if starP < 0 {
			return false
		}
		starS++
		i, j = starP+1, starS
	}
	return strings.Trim(p[i:], "*") == ""
}

// one matches a single character and gives how much of p it used; 0 is a mismatch.
func one(p string, c byte, flags FnFlags) int {
	if p == "" {
		return 0
	}
	switch p[0] {
	case '?':
		return 1
	case '[':
		if n, in := bracket(p, c, flags); n > 0 {
			if in {
				return n
			}
			return 0
		}
	case '\\':
		if flags&FnNoEscape == 0 && len(p) > 1 {
			if p[1] == c {
				return 2
			}
			return 0
		}
	}
	if p[0] == c {
		return 1
	}
	return 0
}

// bracket matches […]; n is 0 when the bracket is not closed, and then stands for itself.
func bracket(p string, c byte, flags FnFlags) (n int, in bool) {
	i := 1
	not := i < len(p) && (p[i] == '!' || p[i] == '^')
	if not {
		i++
	}
	for first := true; ; first = false {
		if i >= len(p) {
			return 0, false
		}
		if p[i] == ']' && !first {
			return i + 1, in != not
		}
		lo, k := char(p, i, flags)
		hi := lo
		i = k
		if i+1 < len(p) && p[i] == '-' && p[i+1] != ']' {
			hi, i = char(p, i+1, flags)
		}
		in = in || lo <= c && c <= hi
	}
}

func char(p string, i int, flags FnFlags) (c byte, next int) {
	if p[i] == '\\' && flags&FnNoEscape == 0 && i+1 < len(p) {
		return p[i+1], i + 2
	}
	return p[i], i + 1
}

// HasGlob tells whether s has characters that Fnmatch reads specially (apr_fnmatch_test).
func HasGlob(s string) bool {
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '?', '*':
			return true
		case '\\':
			i++
		case '[':
			if strings.IndexByte(s[i+1:], ']') >= 0 {
				return true
			}
		}
	}
	return false
}

func lowerASCII(s string) string {
	for i := 0; i < len(s); i++ {
		if s[i] >= 'A' && s[i] <= 'Z' {
			b := []byte(s)
			for ; i < len(b); i++ {
				if b[i] >= 'A' && b[i] <= 'Z' {
					b[i] += 'a' - 'A'
				}
			}
			return string(b)
		}
	}
	return s
}
