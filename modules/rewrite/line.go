package rewrite

import (
	"errors"
	"strconv"
	"strings"
)

// line is the arguments of a RewriteRule or RewriteCond. They are cut in
// another way than those of other directives: a backslash stays where it is.
type line struct {
	first, second string
	flags         string // in brackets
	hasFlags      bool
}

func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

func skipSpace(s string) string {
	for s != "" && isSpace(s[0]) {
		s = s[1:]
	}
	return s
}

// word cuts one argument off, up to its quote or to a space without a
// backslash; ended is false when the text ends before either.
func word(s string) (word, rest string, ended bool) {
	var quote byte
	if s != "" && (s[0] == '"' || s[0] == '\'') {
		quote, s = s[0], s[1:]
	}
	for i := 0; i < len(s); i++ {
		if isSpace(s[i]) && quote == 0 || quote != 0 && s[i] == quote {
			return s[:i], s[i+1:], true
		}
		if s[i] == '\\' && i+1 < len(s) && isSpace(s[i+1]) {
			i++
		}
	}
	return s, "", false
}

// splitLine cuts a line; ok is false when it has less than two arguments.
func splitLine(s string) (l line, ok bool) {
	var rest string
	if l.first, rest, ok = word(skipSpace(s)); !ok {
		return l, false
	}
	l.second, rest, _ = word(skipSpace(rest))
	if rest = skipSpace(rest); rest != "" {
		l.flags, _, _ = word(rest)
		l.hasFlags = true
	}
	return l, true
}

// eachFlag calls set for each flag of "[a,b=c]".
func eachFlag(s string, set func(key, value string) error) error {
	if len(s) < 2 || s[0] != '[' || s[len(s)-1] != ']' {
		return errors.New("bad flag delimiters")
	}
	s = s[1:len(s)-1] + ","
	for {
		s = skipSpace(s)
		flag, rest, more := strings.Cut(s, ",")
		if !more {
			return nil
		}
		for flag != "" && isSpace(flag[len(flag)-1]) {
			flag = flag[:len(flag)-1]
		}
		key, value, _ := strings.Cut(flag, "=")
		if err := set(key, value); err != nil {
			return err
		}
		s = rest
	}
}

// atoi is C's: spaces and a sign before digits, and whatever behind them.
func atoi(s string) int {
	s = skipSpace(s)
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
	return int(int32(n)) // as Apache's int holds it
}
