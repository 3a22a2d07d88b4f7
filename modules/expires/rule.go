package expires

import (
	"errors"
	"math"
	"strconv"
	"strings"

	"github.com/donjon-httpd/donjon/httpdconf"
)

// rule is an expiry date code: a number of seconds behind the access or behind
// the file's modification.
type rule struct {
	modification bool
	seconds      int32 // wraps around, as Apache's int does
}

// units of time by their least spelling; what follows is not looked at, so that
// "yesterday" is a year. Months come before minutes, as in Apache.
var units = []struct {
	prefix  string
	seconds int32
}{
	{"y", 60 * 60 * 24 * 365}, {"mo", 60 * 60 * 24 * 30}, {"w", 60 * 60 * 24 * 7}, {"d", 60 * 60 * 24}, {"h", 60 * 60},
	{"mi", 60}, {"s", 1},
}

// parseRule is check_code of mod_expires.c: "access plus 1 month 3 days", or
// the old "A3600". Anything that begins with a capital A or M is read as the
// old form: "Access plus 1 month" is no time at all.
func parseRule(code string) (rule, error) {
	if strings.HasPrefix(code, "A") || strings.HasPrefix(code, "M") {
		return rule{code[0] == 'M', atoi(code[1:])}, nil
	}
	word, code := httpdconf.Getword(code)
	r := rule{}
	switch {
	case prefixed(word, "n"), prefixed(word, "a"):
	case prefixed(word, "m"):
		r.modification = true
	default:
		return rule{}, errors.New("bad expires code, unrecognised <base> '" + word + "'")
	}
	word, code = httpdconf.Getword(code)
	if prefixed(word, "p") {
		word, code = httpdconf.Getword(code)
	}
	for word != "" {
		if word[0] < '0' || word[0] > '9' {
			return rule{}, errors.New("bad expires code, numeric value expected <num> '" + word + "'")
		}
		num := atoi(word)
		if word, code = httpdconf.Getword(code); word == "" {
			return rule{}, errors.New("bad expires code, missing <type>")
		}
		factor := int32(0)
		for _, u := range units {
			if prefixed(word, u.prefix) {
				factor = u.seconds
				break
			}
		}
		if factor == 0 {
			return rule{}, errors.New("bad expires code, unrecognised <type>'" + word + "'")
		}
		r.seconds += factor * num
		word, code = httpdconf.Getword(code)
	}
	return r, nil
}

func prefixed(word, prefix string) bool {
	return len(word) >= len(prefix) && strings.EqualFold(word[:len(prefix)], prefix)
}

// atoi is C's: white space, a sign, then digits as far as they go.
func atoi(s string) int32 {
	s = strings.TrimLeft(s, " \t\n\v\f\r")
	end := 0
	if end < len(s) && (s[end] == '-' || s[end] == '+') {
		end++
	}
	for end < len(s) && s[end] >= '0' && s[end] <= '9' {
		end++
	}
	n, err := strconv.ParseInt(s[:end], 10, 64)
	if errors.Is(err, strconv.ErrSyntax) {
		return 0
	}
	return int32(n & math.MaxUint32)
}
