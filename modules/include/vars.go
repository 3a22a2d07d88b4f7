package include

import (
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
	"unsafe"

	"github.com/ncruces/go-strftime"

	"github.com/donjon-httpd/donjon/server"
)

func asString(p []byte) string { return unsafe.String(unsafe.SliceData(p), len(p)) }

// environment is what a document and those that it includes share, beside the
// variables themselves. Some of them are computed when they are asked for: until
// then they have an empty value, which is what programs see of them.
type environment struct {
	lazy map[string]bool // names, in upper case, whose value was not computed yet
}

// addVars makes the variables of SSI for a document that no other one includes.
func (d *document) addVars() {
	r := d.r
	e := &r.Env
	d.env.lazy = map[string]bool{}
	lazy := func(name string) {
		e.Set(name, "")
		d.env.lazy[name] = true
	}
	lazy("DATE_LOCAL")
	lazy("DATE_GMT")
	lazy("LAST_MODIFIED")
	e.Set("DOCUMENT_URI", r.URI)
	e.Set("DOCUMENT_ARGS", r.Args)
	if r.PathInfo != "" {
		e.Set("DOCUMENT_PATH_INFO", r.PathInfo)
	}
	lazy("USER_NAME")
	name := r.URI
	if strings.Contains(r.Filename, "/") {
		_, name = path.Split(r.Filename)
	}
	e.Set("DOCUMENT_NAME", name)
	if r.HasArgs {
		e.Set("QUERY_STRING_UNESCAPED", server.EscapeShell(unescapeURL(r.Args)))
	}
}

// set gives a variable a value.
func (d *document) set(name, value string) {
	delete(d.env.lazy, strings.ToUpper(name))
	d.r.Env.Set(name, value)
}

// compute gives the value of a lazy variable.
func (d *document) compute(name string) string {
	var v string
	switch name {
	case "DATE_LOCAL":
		v = d.formatTime(d.r.Received, false)
	case "DATE_GMT":
		v = d.formatTime(d.r.Received, true)
	case "LAST_MODIFIED":
		v = d.formatTime(d.r.Finfo.Mtime, false)
	case "USER_NAME":
		if v = server.UserName(d.r.Finfo.UID); v == "" {
			v = "<unknown>"
		}
	}
	d.set(name, v)
	return v
}

// formatTime is ap_ht_time: a zone in GMT has the name that HTTP gives it.
func (d *document) formatTime(t time.Time, gmt bool) string {
	if t.IsZero() {
		t = time.Unix(0, 0) // apr's zero
	}
	format := knownConversions(d.timeFormat)
	if gmt {
		return strftime.Format(gmtZone(format), t.UTC())
	}
	return strftime.Format(format, t.Local())
}

// knownConversions has what C's strftime does not know stay as it is.
func knownConversions(format string) string {
	if !strings.Contains(format, "%") {
		return format
	}
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] == '%' {
			if i++; i == len(format) || strings.IndexByte("aAbBcCdDeFgGhHIjklmMnpPrRsStTuUVwWxXyYzZ%+EO_-0^#123456789", format[i]) < 0 {
				b.WriteString("%%")
				i--
				continue
			}
			b.WriteByte('%')
		}
		b.WriteByte(format[i])
	}
	return b.String()
}

func gmtZone(format string) string {
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] == '%' && i+1 < len(format) {
			switch format[i+1] {
			case 'Z':
				b.WriteString("GMT")
				i++
				continue
			case 'z':
				b.WriteString("+0000")
				i++
				continue
			case '%':
				b.WriteByte('%')
				i++
			}
		}
		b.WriteByte(format[i])
	}
	return b.String()
}

// variable is the value of a variable or, for one digit, of a group of the last
// regular expression (get_include_var).
func (d *document) variable(name string) (string, bool) {
	if len(name) == 1 && name[0] >= '0' && name[0] <= '9' {
		return d.capture(int(name[0] - '0'))
	}
	v, ok := d.r.Env.Lookup(name)
	if ok && len(d.env.lazy) > 0 {
		if upper := strings.ToUpper(name); d.env.lazy[upper] {
			return d.compute(upper), true
		}
	}
	v, _, _ = strings.Cut(v, "\x00")
	return v, ok
}

func (d *document) capture(i int) (string, bool) {
	switch re := d.re; {
	case re == nil || !re.matched:
		elog.Warn(d.r).Msgf("AH01329: regex capture $%d refers to no regex in %s", i, d.r.Filename)
	case i > re.groups:
		elog.Warn(d.r).Msgf("AH01330: regex capture $%d is out of range (last regex was: '%s') in %s", i, re.pattern, d.r.Filename)
	case 2*i+1 < len(re.loc) && re.loc[2*i] >= 0:
		return re.source[re.loc[2*i]:re.loc[2*i+1]], true
	}
	return "", false
}

func isWord(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
}

// expand puts variables in the place of $name and ${name}. \$ is a dollar. keep
// leaves the names of those that are not set. limit, when not 0, is how many
// bytes the result may have, C's zero included (ap_ssi_parse_string).
func (d *document) expand(s string, keep bool, limit int) string {
	if !strings.ContainsAny(s, `\$`) {
		return cutTo(s, limit)
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		switch c := s[i]; c {
		case '\\':
			if i+1 < len(s) && s[i+1] == '$' {
				i++
			}
			b.WriteByte(s[i])
			i++
		case '$':
			name, end, ok := variableName(s, i+1)
			if !ok {
				elog.Error(d.r).Msgf("AH01331: Missing '}' on variable \"%s\" in %s", s[i+2:], d.r.Filename)
				return cutTo(b.String(), limit)
			}
			if name == "" {
				b.WriteByte('$')
				i++
				break
			}
			if v, set := d.variable(name); set {
				b.WriteString(v)
			} else if keep {
				b.WriteString(strings.TrimSuffix(s[i:end], "}"))
			}
			i = end
		default:
			n := strings.IndexAny(s[i:], `\$`)
			if n < 0 {
				n = len(s) - i
			}
			b.WriteString(s[i : i+n])
			i += n
		}
	}
	return cutTo(b.String(), limit)
}

func cutTo(s string, limit int) string {
	if limit > 0 && len(s) >= limit {
		return s[:limit-1]
	}
	return s
}

// variableName is the name that begins at i, behind the dollar, and where it
// ends; ok is false when a brace is not closed.
func variableName(s string, i int) (name string, end int, ok bool) {
	if i < len(s) && s[i] == '{' {
		n := strings.IndexByte(s[i:], '}')
		if n < 0 {
			return "", 0, false
		}
		return s[i+1 : i+n], i + n + 1, true
	}
	end = i
	for end < len(s) && isWord(s[end]) {
		end++
	}
	return s[i:end], end, true
}

// unescapeURL decodes %XX, up to a zero; what is none stays as it is (ap_unescape_url).
func unescapeURL(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if c, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				b = append(b, byte(c))
				i += 2
				continue
			}
		}
		b = append(b, s[i])
	}
	if n := slices.Index(b, 0); n >= 0 {
		b = b[:n]
	}
	return string(b)
}
