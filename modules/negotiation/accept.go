package negotiation

import (
	"strconv"
	"strings"

	"github.com/donjon-httpd/donjon/server"
)

// accepted is an element of an Accept field: a media type, language, charset
// or encoding in lower case, and how welcome it is.
type accepted struct {
	name    string
	quality float32
	level   float32 // of HTML
	charset string  // of a media type
}

// acceptField reads a field of the request; nil where it was not sent.
func acceptField(r *server.Request, name string) []accepted {
	line, ok := r.FieldIn(name)
	if !ok {
		return nil
	}
	list := []accepted{}
	for line != "" {
		var a accepted
		a, line = parseAccepted(line)
		list = append(list, a)
	}
	return list
}

// parseAccepted is get_entry: one element with its parameters, and what follows.
func parseAccepted(line string) (a accepted, rest string) {
	a.quality = 1
	a.name, line = token(line, false)
	a.name = server.LowerASCII(a.name)
	switch a.name {
	case "text/html", includesType:
		a.level = 2
	case includesType3:
		a.level = 3
	}
	for strings.HasPrefix(line, ";") {
		var param string
		param, line = token(line[1:], true)
		end := strings.IndexFunc(param, func(c rune) bool { return c == '=' || isSpace(byte(c)) && c < 0x80 })
		if end < 0 {
			continue
		}
		name, value := server.LowerASCII(param[:end]), strings.TrimLeft(param[end+1:], "= \t\n\v\f\r")
		switch quoted, ok := strings.CutPrefix(value, `"`); {
		case ok:
			value = upTo(quoted, "\n\r\"")
		default:
			value = upTo(value, " \t\n\v\f\r")
		}
		value = server.LowerASCII(value)
		switch name {
		case "q", "qs":
			a.quality = quality(value)
		case "level":
			a.level = float32(leadingInt(value))
		case "charset":
			a.charset = value
		}
	}
	return a, strings.TrimPrefix(line, ",")
}

// token is ap_get_token: up to a semicolon, a comma or, unless spaces belong to
// it, white space; what is quoted belongs to it. White space around it is dropped.
func token(line string, spaces bool) (tok, rest string) {
	line = strings.TrimLeft(line, " \t\n\v\f\r")
	i := 0
	for i < len(line) && line[i] != ';' && line[i] != ',' && (spaces || !isSpace(line[i])) {
		if line[i] == '"' {
			end := strings.IndexByte(line[i+1:], '"')
			if end < 0 {
				i = len(line)
				break
			}
			i += end + 1
		}
		i++
	}
	return line[:i], strings.TrimLeft(line[i:], " \t\n\v\f\r")
}

func upTo(s, stop string) string {
	if i := strings.IndexAny(s, stop); i >= 0 {
		return s[:i]
	}
	return s
}

func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

// quality reads a qvalue to three digits; what is none is 1 (atoq).
func quality(s string) float32 {
	s = strings.TrimLeft(s, " \t\n\v\f\r")
	if s == "" || s[0] != '.' && s[0] != '0' {
		return 1
	}
	digits, ok := strings.CutPrefix(strings.TrimPrefix(s, "0"), ".")
	if !ok {
		return 0
	}
	n, weight := 0, 100
	for i := 0; i < len(digits) && weight > 0 && digits[i] >= '0' && digits[i] <= '9'; i++ {
		n += int(digits[i]-'0') * weight
		weight /= 10
	}
	return float32(n) / 1000
}

// leadingInt is the number that s begins with, 0 for none.
func leadingInt(s string) int {
	n, _ := strconv.Atoi(s[:len(s)-len(strings.TrimLeft(s, "0123456789"))])
	return n
}

// listItems are the elements of a field, in lower case.
func listItems(field string) []string {
	var list []string
	for item := range strings.SplitSeq(field, ",") {
		if item = server.LowerASCII(strings.Trim(item, " \t")); item != "" {
			list = append(list, item)
		}
	}
	return list
}
