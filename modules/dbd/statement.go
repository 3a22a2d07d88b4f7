package dbd

import (
	"strconv"
	"strings"
)

// A statement's parameters are written as printf writes arguments (apr_dbd_prepare):
// %s, %d, %lld, %hhu, %lf, %pDt … stand for one each, %% for a percent sign. A
// percent sign before anything else stands for itself.

// statement is a query in the database's own form.
type statement struct {
	query  string
	params int
}

// parseStatement turns a query's parameters into those of a database: "?", or
// "$1" with numbers.
func parseStatement(query string, numbered bool) statement {
	var b strings.Builder
	s := statement{}
	for i := 0; i < len(query); i++ {
		if query[i] != '%' || i+1 == len(query) {
			b.WriteByte(query[i])
			continue
		}
		switch n := verb(query[i+1:]); {
		case n > 0:
			i += n
			s.params++
			if numbered {
				b.WriteString("$" + strconv.Itoa(s.params))
			} else {
				b.WriteByte('?')
			}
		case query[i+1] == '%':
			i++
			b.WriteByte('%')
		default:
			b.WriteByte('%')
		}
	}
	s.query = b.String()
	return s
}

// verb is how many bytes of s belong to a parameter, 0 if it is none. What is
// no length that a letter follows is a string of one letter.
func verb(s string) int {
	for _, v := range [...]string{"hhd", "hhu", "hd", "hu", "lld", "llu", "ld", "lu", "lf",
		"pDt", "pDi", "pDd", "pDa", "pDs", "pDz", "pDb", "pDc", "pDn"} {
		if strings.HasPrefix(s, v) {
			return len(v)
		}
	}
	if c := s[0] | 0x20; 'a' <= c && c <= 'z' {
		return 1
	}
	return 0
}
