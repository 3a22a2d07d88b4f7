package server

// LowerASCII is s with A to Z in lower case and all other bytes as they are
// (ap_str_tolower): what a client or a file says need not be UTF-8.
func LowerASCII(s string) string {
	for i := 0; i < len(s); i++ {
		if s[i] < 'A' || s[i] > 'Z' {
			continue
		}
		b := []byte(s)
		for ; i < len(b); i++ {
			if b[i] >= 'A' && b[i] <= 'Z' {
				b[i] += 'a' - 'A'
			}
		}
		return string(b)
	}
	return s
}
