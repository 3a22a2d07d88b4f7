package server

import "strconv"

// ShortSize writes a size in four characters (apr_strfsize).
func ShortSize(n int64) string {
	if n < 0 {
		return "  - "
	}
	if n < 973 {
		return three(n) + " "
	}
	for unit := 0; ; unit++ {
		rest := n & 1023
		n >>= 10
		if n >= 973 {
			continue
		}
		letter := "KMGTPE"[unit : unit+1]
		if n < 9 || n == 9 && rest < 973 {
			tenths := (rest*5 + 256) / 512
			if tenths >= 10 {
				n, tenths = n+1, 0
			}
			return strconv.FormatInt(n, 10) + "." + strconv.FormatInt(tenths, 10) + letter
		}
		if rest >= 512 {
			n++
		}
		return three(n) + letter
	}
}

// three writes a number below 1000 in three places.
func three(n int64) string {
	s := strconv.FormatInt(n, 10)
	return "  "[min(len(s), 3)-1:] + s
}
