// Package pattern gives Apache's regular expressions: PCRE's syntax and
// meaning on bytes. A pattern that the standard regexp package reads in the
// same sense is compiled by it, and matches in linear time whatever the
// subject; one that needs backtracking (lookaround, back references, atomic
// groups) is compiled by regexp2 and runs under a time limit.
package pattern

import (
	"fmt"
	"regexp"
	"strings"
	"sync/atomic"
	"time"

	"github.com/dlclark/regexp2"
)

// Flags are Apache's AP_REG_ options.
type Flags uint8

const (
	FoldCase      Flags = 1 << iota // AP_REG_ICASE
	DotAll                          // AP_REG_DOTALL: . matches newline
	DollarEndOnly                   // AP_REG_DOLLAR_ENDONLY: $ only at the very end
	Extended                        // AP_REG_EXTENDED's (?x)

	// Default is what Apache 2.4 uses when RegexDefaultOptions says nothing.
	Default = DotAll | DollarEndOnly
)

var defaults atomic.Uint32

func init() { defaults.Store(uint32(Default)) }

// DefaultFlags are those that RegexDefaultOptions leaves for patterns compiled from now on.
func DefaultFlags() Flags { return Flags(defaults.Load()) }

// SetDefaultFlags is RegexDefaultOptions; a configuration being read calls it.
func SetDefaultFlags(f Flags) { defaults.Store(uint32(f)) }

// Limit is how long a backtracking pattern may work on one subject. After it
// the subject counts as not matching, and [Regexp.Exceeded] counts.
const Limit = 50 * time.Millisecond

// Regexp is a compiled pattern. It may be used by many goroutines.
type Regexp struct {
	text  string
	std   *regexp.Regexp
	back  *regexp2.Regexp
	names []string
	n     int
	pre   string // a literal every match starts with at the subject's start; "" for none
}

// Compile reads a pattern. Errors are of the form PCRE's users know:
// what is wrong, without position. Equal patterns are compiled once.
func Compile(text string, flags Flags) (*Regexp, error) {
	key := compiledKey{text, flags}
	if re := compiled.get(key); re != nil {
		return re, nil
	}
	re, err := compile(text, flags)
	if err == nil {
		compiled.put(key, re)
	}
	return re, err
}

func compile(text string, flags Flags) (*Regexp, error) {
	re := &Regexp{text: text}
	wide := latin1(text)
	if goText, ok := translate(wide, flags); ok {
		std, err := regexp.Compile(goText)
		if err == nil {
			re.std, re.n, re.names = std, std.NumSubexp(), std.SubexpNames()
			re.setNames()
			re.setPrefix(text, flags)
			return re, nil
		}
	}
	opt := regexp2.RegexOptions(regexp2.None)
	if flags&FoldCase != 0 {
		opt |= regexp2.IgnoreCase
	}
	if flags&DotAll != 0 {
		opt |= regexp2.Singleline
	}
	if flags&Extended != 0 {
		opt |= regexp2.IgnorePatternWhitespace
	}
	back, err := regexp2.Compile(backtracking(wide, flags), opt)
	if err != nil {
		return nil, fmt.Errorf("%s", reason(err))
	}
	back.MatchTimeout = Limit
	re.back = back
	nums := back.GetGroupNumbers()
	re.n = len(nums) - 1
	re.names = make([]string, len(nums))
	for i, n := range nums {
		if name := back.GroupNameFromNumber(n); name != fmt.Sprint(n) {
			re.names[i] = name
		}
	}
	re.setNames()
	return re, nil
}

// setNames turns group names into environment variables as Apache does:
// (?<host>…) is MATCH_HOST.
func (re *Regexp) setNames() {
	named := false
	for i, n := range re.names {
		if n != "" {
			re.names[i], named = "MATCH_"+strings.ToUpper(n), true
		}
	}
	if !named {
		re.names = nil
	}
}

// setPrefix finds the literal behind a leading ^, so that most subjects are
// refused by a comparison of strings.
func (re *Regexp) setPrefix(text string, flags Flags) {
	rest, ok := strings.CutPrefix(text, "^")
	if !ok || flags&(FoldCase|Extended) != 0 || strings.ContainsAny(rest, "|") {
		return
	}
	i := strings.IndexAny(rest, `\.[]{}()*+?^$#`)
	switch {
	case i < 0:
		re.pre = rest
	case i > 0 && strings.IndexByte("*?{", rest[i]) >= 0:
		re.pre = rest[:i-1]
	default:
		re.pre = rest[:i]
	}
}

// String is the pattern as written.
func (re *Regexp) String() string { return re.text }

// NumSubexp is the number of capturing groups.
func (re *Regexp) NumSubexp() int { return re.n }

// Names are the environment variables of named groups by number ("" for the
// others), or nil when no group has a name.
func (re *Regexp) Names() []string { return re.names }

// Backtracks tells whether the pattern runs under the time limit.
func (re *Regexp) Backtracks() bool { return re.back != nil }

// MatchString tells whether s matches anywhere.
func (re *Regexp) MatchString(s string) bool {
	if re.pre != "" && !strings.HasPrefix(s, re.pre) {
		return false
	}
	if re.std != nil {
		return re.std.MatchString(latin1(s))
	}
	ok, err := re.back.MatchString(latin1(s))
	return err == nil && ok
}

// Match appends the captures of the leftmost match in s to dst: group 0, the
// whole match, first; "" for a group that took no part. It gives nil when s
// does not match.
func (re *Regexp) Match(dst []string, s string) []string {
	if re.pre != "" && !strings.HasPrefix(s, re.pre) {
		return nil
	}
	wide := latin1(s)
	if re.std != nil {
		loc := re.std.FindStringSubmatchIndex(wide)
		if loc == nil {
			return nil
		}
		for i := 0; i < len(loc); i += 2 {
			if loc[i] < 0 {
				dst = append(dst, "")
				continue
			}
			dst = append(dst, narrow(s, wide, loc[i], loc[i+1]))
		}
		return dst
	}
	m, err := re.back.FindStringMatch(wide)
	if err != nil || m == nil {
		return nil
	}
	for _, g := range m.Groups() {
		if len(g.Captures) == 0 {
			dst = append(dst, "")
			continue
		}
		dst = append(dst, s[g.Index:g.Index+g.Length]) // regexp2 counts runes: bytes of s
	}
	return dst
}

// latin1 spells each byte of s as one character, so that engines which read
// UTF-8 see bytes, as PCRE does for Apache. ASCII is returned as it is.
func latin1(s string) string {
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 {
			r := make([]rune, len(s))
			for j := 0; j < len(s); j++ {
				r[j] = rune(s[j])
			}
			return string(r)
		}
	}
	return s
}

// narrow is the part of s that stands at [from,to) of its latin1 form.
func narrow(s, wide string, from, to int) string {
	if len(s) == len(wide) {
		return s[from:to]
	}
	at, start := 0, 0
	for i := range wide {
		if i == from {
			start = at
		}
		if i == to {
			return s[start:at]
		}
		at++
	}
	if from == len(wide) {
		start = at
	}
	return s[start:at]
}

func reason(err error) string {
	text := err.Error()
	if i := strings.Index(text, ": "); i >= 0 && strings.HasPrefix(text, "error parsing regexp") {
		text = text[i+2:]
	}
	return text
}
