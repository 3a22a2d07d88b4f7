package pattern

import "unicode/utf8"

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
