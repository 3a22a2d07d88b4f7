package server

import (
	"strings"
	"time"
)

// dateForms are the dates that apr_date_parse_http knows, behind the first word,
// which is not looked at: RFC 1123, RFC 850, asctime(3), and RFC 1123 with a day
// of one digit. '#' is a digit, '@' an upper-case letter, '$' a lower-case one, '~' a
// digit or a space; "*" is whatever follows. The zone is not looked at: all are
// GMT.
var dateForms = []struct {
	mask                   string
	day, month, year, time int // where they begin
	digits                 int // of the year
}{
	{"## @$$ #### ##:##:## *", 0, 3, 7, 12, 4},
	{"##-@$$-## ##:##:## *", 0, 3, 7, 10, 2},
	{"@$$ ~# ##:##:## ####*", 4, 0, 16, 7, 4},
	{"# @$$ #### ##:##:## *", 0, 2, 6, 11, 4},
}

const monthNames = "JanFebMarAprMayJunJulAugSepOctNovDec"

// parseDate reads a date as Apache does (apr_date_parse_http): more than the
// three forms of RFC 9110 section 5.6.7.
func parseDate(s string) (time.Time, bool) {
	_, s, found := strings.Cut(strings.TrimLeft(s, " \t\n\v\f\r"), " ")
	if !found {
		return time.Time{}, false
	}
	for _, f := range dateForms {
		if !fitsMask(s, f.mask) {
			continue
		}
		day := number(s[f.day : f.day+2])
		month := strings.Index(monthNames, s[f.month:f.month+3])
		year := number(s[f.year : f.year+f.digits])
		if f.digits == 2 {
			year += 1900
			if year < 1970 {
				year += 100
			}
		}
		hour, minute, second := number(s[f.time:f.time+2]), number(s[f.time+3:f.time+5]), number(s[f.time+6:f.time+8])
		if day < 1 || month < 0 || month%3 != 0 || year < 1900 || hour > 23 || minute > 59 || second > 61 {
			return time.Time{}, false
		}
		t := time.Date(year, time.Month(month/3+1), day, hour, minute, second, 0, time.UTC)
		// The 31st of a short month is no date; that of February is looked at as the rest.
		// Nor is the first second of 1970: apr gives it for what it cannot read.
		return t, time.Date(year, time.Month(month/3+1), day, 0, 0, 0, 0, time.UTC).Day() == day && t.Unix() != 0
	}
	return time.Time{}, false
}

// fitsMask is apr_date_checkmask.
func fitsMask(s, mask string) bool {
	for i := 0; i < len(mask); i++ {
		if mask[i] == '*' {
			return true
		}
		if i >= len(s) {
			return false
		}
		c, ok := s[i], false
		switch mask[i] {
		case '#':
			ok = c >= '0' && c <= '9'
		case '@':
			ok = c >= 'A' && c <= 'Z'
		case '$':
			ok = c >= 'a' && c <= 'z'
		case '~':
			ok = c == ' ' || c >= '0' && c <= '9'
		default:
			ok = c == mask[i]
		}
		if !ok {
			return false
		}
	}
	return len(s) == len(mask)
}

// number is the value of digits, among which spaces do not count.
func number(s string) (n int) {
	for _, c := range []byte(s) {
		if c != ' ' {
			n = n*10 + int(c-'0')
		}
	}
	return n
}
