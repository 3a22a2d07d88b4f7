package pattern

import (
	"strings"
	"unicode/utf8"
)

// MatchAt is [Regexp.Match] that also tells at which byte of s the match starts.
func (re *Regexp) MatchAt(dst []string, s string) (captures []string, start int) {
	if captures = re.Match(dst, s); captures == nil {
		return nil, 0
	}
	wide := latin1(s)
	if re.std != nil {
		at := re.std.FindStringIndex(wide)[0]
		if len(wide) != len(s) {
			at = utf8.RuneCountInString(wide[:at]) // one character for each byte of s
		}
		return captures, at
	}
	m, err := re.back.FindStringMatch(wide)
	if err != nil || m == nil {
		return nil, 0
	}
	return captures, m.Index
}

// MatchIndex appends where the leftmost match in s and its groups stand, as
// pairs of bytes' numbers; -1 for a group that took no part. It gives nil when s
// does not match.
func (re *Regexp) MatchIndex(dst []int, s string) []int {
	if re.pre != "" && !strings.HasPrefix(s, re.pre) {
		return nil
	}
	wide := latin1(s)
	if re.std != nil {
		loc := re.std.FindStringSubmatchIndex(wide)
		if loc == nil {
			return nil
		}
		for _, at := range loc {
			if at > 0 && len(wide) != len(s) {
				at = utf8.RuneCountInString(wide[:at]) // one character for each byte of s
			}
			dst = append(dst, at)
		}
		return dst
	}
	m, err := re.back.FindStringMatch(wide)
	if err != nil || m == nil {
		return nil
	}
	for _, g := range m.Groups() {
		if len(g.Captures) == 0 {
			dst = append(dst, -1, -1)
			continue
		}
		dst = append(dst, g.Index, g.Index+g.Length)
	}
	return dst
}
