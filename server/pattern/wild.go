package pattern

// Wild matches all of s with a pattern of '*' for any bytes, slashes too, and
// '?' for any one byte (ap_strcmp_match). With fold ASCII letters are the same
// in any case (ap_strcasecmp_match).
func Wild(p, s string, fold bool) bool {
	star, mark := -1, 0
	i, j := 0, 0
	for j < len(s) {
		switch {
		case i < len(p) && p[i] == '*':
			star, mark = i, j
			i++
		case i < len(p) && (p[i] == '?' || p[i] == s[j] || fold && lowerByte(p[i]) == lowerByte(s[j])):
			i++
			j++
		case star >= 0:
			mark++
			i, j = star+1, mark
		default:
			return false
		}
	}
	for i < len(p) && p[i] == '*' {
		i++
	}
	return i == len(p)
}

func lowerByte(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
