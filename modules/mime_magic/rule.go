package mime_magic

import (
	"fmt"
	"strconv"
	"strings"
)

// kind is what a rule takes the bytes at its offset for.
type kind uint8

const (
	invalid kind = iota // a line that could not be read; it holds its place among the others
	byteKind
	shortKind // of this machine's order, which is little-endian
	longKind  // eight bytes, as C's long
	stringKind
	dateKind
	beShort
	beLong
	beDate
	leShort
	leLong
	leDate
)

// kinds in the order in which Apache compares their names with a line.
var kinds = []struct {
	name string
	kind kind
}{
	{"byte", byteKind}, {"short", shortKind}, {"long", longKind}, {"string", stringKind}, {"date", dateKind}, {"beshort", beShort},
	{"belong", beLong}, {"bedate", beDate}, {"leshort", leShort}, {"lelong", leLong}, {"ledate", leDate},
}

// Sizes of Apache's struct magic.
const (
	valueSize = 64 // that many bytes must be there at an offset, however few are compared
	maxText   = 49
)

// rule is a line of the magic file.
type rule struct {
	level    int // how many ">" stand before it
	offset   int64
	indirect bool
	in       kind // what stands at offset, for an indirect one: the offset less inOffset
	inOffset int64
	kind     kind
	unsigned bool
	mask     uint64
	relation byte // = < > & ^ ! or x for anything
	number   uint64
	text     string // of a string, to be compared with
	noSpace  bool
	desc     string // what is found: "type/subtype encoding", with a printf item
}

// parseRules reads a magic file. notes are lines for the error log.
func parseRules(text string) (rules []rule, notes []string) {
	for line := range strings.SplitSeq(text, "\n") {
		if line = strings.Trim(line, " \t\r\v\f"); line == "" || line[0] == '#' {
			continue
		}
		r, errs := parseRule(line)
		rules = append(rules, r)
		notes = append(notes, errs...)
	}
	return rules, notes
}

const module = "mod_mime_magic"

// parseRule reads a line. It is a rule despite errors, but for that of its kind.
func parseRule(l string) (r rule, errs []string) {
	trimmed := strings.TrimLeft(l, ">")
	r.level = len(l) - len(trimmed)
	l = trimmed
	if r.level != 0 && strings.HasPrefix(l, "(") {
		l, r.indirect = l[1:], true
	}
	n, rest := strtol(l)
	if rest == l {
		errs = append(errs, fmt.Sprintf("AH01521: %s: offset %s invalid", module, l))
	}
	r.offset, l = n, rest
	if r.indirect {
		l = r.parseIndirect(l, &errs)
	}
	l = strings.TrimLeft(strings.TrimLeft(l, "0123456789"), blank)
	if strings.HasPrefix(l, "u") {
		l, r.unsigned = l[1:], true
	}
	for _, k := range kinds {
		if strings.HasPrefix(l, k.name) {
			r.kind, l = k.kind, l[len(k.name):]
			break
		}
	}
	if r.kind == invalid {
		return r, append(errs, fmt.Sprintf("AH01524: %s: type %s invalid", module, l))
	}
	r.mask = ^uint64(0)
	if strings.HasPrefix(l, "&") {
		n, l = strtol(l[1:])
		r.mask = r.extend(uint64(n))
	}
	l = strings.TrimLeft(l, blank)
	r.relation = '='
	anything := len(l) > 1 && l[0] == 'x' && strings.IndexByte(blank, l[1]) >= 0
	switch {
	case l == "":
	case strings.IndexByte("><&^=", l[0]) >= 0, l[0] == '!' && r.kind != stringKind, anything:
		r.relation, l = l[0], l[1:]
	}
	if !anything {
		l = strings.TrimLeft(l, blank)
		if r.kind == stringKind {
			var long bool
			if r.text, l, long = parseString(l); long {
				errs = append(errs, fmt.Sprintf("AH01526: %s: string too long: %s", module, l))
			}
		} else {
			n, l = strtol(l)
			r.number = r.extend(uint64(n))
		}
	}
	l = strings.TrimLeft(l, blank)
	for _, mark := range []string{"\b", `\b`} {
		if rest, ok := strings.CutPrefix(l, mark); ok {
			l, r.noSpace = rest, true
			break
		}
	}
	r.desc = l[:min(len(l), maxText)]
	return r, errs
}

const blank = " \t\n\v\f\r"

// parseIndirect reads ".l+4)" behind "(offset".
func (r *rule) parseIndirect(l string, errs *[]string) string {
	r.in = longKind
	if strings.HasPrefix(l, ".") && len(l) > 1 {
		switch l[1] {
		case 'l':
		case 's':
			r.in = shortKind
		case 'b':
			r.in = byteKind
		default:
			*errs = append(*errs, fmt.Sprintf("AH01522: %s: indirect offset type %c invalid", module, l[1]))
		}
		l = l[2:]
	}
	sign := int64(1)
	if l != "" && (l[0] == '+' || l[0] == '-') {
		if l[0] == '-' {
			sign = -1
		}
		l = l[1:]
	}
	if l != "" && l[0] >= '0' && l[0] <= '9' {
		var n int64
		n, l = strtol(l)
		r.inOffset = sign * n
	}
	if rest, ok := strings.CutPrefix(l, ")"); ok {
		return rest
	}
	*errs = append(*errs, fmt.Sprintf("AH01523: %s: missing ')' in indirect offset", module))
	return l[min(len(l), 1):]
}

// extend makes a number as wide as the comparison, with its sign where it has one.
func (r *rule) extend(v uint64) uint64 {
	if r.unsigned {
		return v
	}
	switch r.kind {
	case byteKind:
		return uint64(int8(v))
	case shortKind, beShort, leShort:
		return uint64(int16(v))
	}
	return v
}

// strtol reads a number at the start of s as C does with base 0, and gives what
// is behind it; the nearest one for a number that does not fit.
func strtol(s string) (n int64, rest string) {
	t := strings.TrimLeft(s, blank)
	digits := t
	if digits != "" && (digits[0] == '-' || digits[0] == '+') {
		digits = digits[1:]
	}
	base, set := 10, "0123456789"
	switch {
	case len(digits) > 2 && (digits[:2] == "0x" || digits[:2] == "0X") && strings.IndexByte("0123456789abcdefABCDEF", digits[2]) >= 0:
		base, set, digits = 16, "0123456789abcdefABCDEF", digits[2:]
	case strings.HasPrefix(digits, "0"):
		base, set = 8, "01234567"
	}
	behind := strings.TrimLeft(digits, set)
	if len(behind) == len(digits) {
		return 0, s
	}
	text := digits[:len(digits)-len(behind)]
	if t[0] == '-' {
		text = "-" + text
	}
	n, _ = strconv.ParseInt(text, base, 64)
	return n, behind
}

// parseString reads a text with C's escapes up to a blank, which is taken too.
func parseString(s string) (text, rest string, long bool) {
	var b []byte
	i := 0
	for i < len(s) {
		c := s[i]
		i++
		if strings.IndexByte(blank, c) >= 0 {
			break
		}
		if len(b) >= valueSize-1 {
			return string(b), s[i:], true
		}
		if c != '\\' {
			b = append(b, c)
			continue
		}
		if i == len(s) {
			break
		}
		c = s[i]
		i++
		switch {
		case strings.IndexByte("nrbtfv", c) >= 0:
			c = "\n\r\b\t\f\v"[strings.IndexByte("nrbtfv", c)]
		case c >= '0' && c <= '7':
			v := int(c - '0')
			for k := 0; k < 2 && i < len(s) && s[i] >= '0' && s[i] <= '7'; k++ {
				v = v<<3 | int(s[i]-'0')
				i++
			}
			c = byte(v)
		case c == 'x':
			v, k := 0, 0
			for ; k < 3 && i < len(s); k++ {
				d, err := strconv.ParseUint(s[i:i+1], 16, 8)
				if err != nil {
					break
				}
				v = v<<4 + int(d)
				i++
			}
			if k > 0 {
				c = byte(v)
			}
		}
		b = append(b, c)
	}
	return string(b), s[i:], false
}
