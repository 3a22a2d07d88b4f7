package include

import (
	"encoding/base64"
	"strconv"
	"strings"

	"github.com/donjon-httpd/donjon/server"
)

var elements map[string]func(*document)

// init, because include runs documents that have elements.
func init() {
	elements = map[string]func(*document){"if": doIf, "elif": doElif, "else": doElse, "endif": doEndif, "set": doSet, "echo": doEcho,
		"fsize": doSize, "flastmod": doLastModified, "config": doConfig, "include": doInclude, "printenv": doPrintenv}
}

var _ server.SSIDocument = (*document)(nil)

// Request is the document's.
func (d *document) Request() *server.Request { return d.r }

// Link is where the filter stands.
func (d *document) Link() *server.Link { return d.link }

// Printing is false inside of a condition that does not hold.
func (d *document) Printing() bool { return d.printing }

// MayExec is false with Options IncludesNOEXEC.
func (d *document) MayExec() bool { return !d.noExec }

// Arguments is how many the element has.
func (d *document) Arguments() int { return d.argc }

// Argument takes the next argument, its value decoded. ok is false when none is
// left, or the next has no value.
func (d *document) Argument() (name, value string, ok bool) {
	if name, value, ok = d.raw(); ok {
		value = decodeEntities(value)
	}
	return name, value, ok
}

func (d *document) raw() (name, value string, ok bool) {
	if len(d.args) == 0 {
		return "", "", false
	}
	a := d.args[0]
	d.args = d.args[1:]
	return a.name, a.value, a.hasValue
}

// Expand puts variables in their places; keep leaves the names of those that are not set.
func (d *document) Expand(s string, keep bool, limit int) string { return d.expand(s, keep, limit) }

// Flush sends on what was written, at the next piece of the document.
func (d *document) Flush() error { return d.passPending(&server.Brigade{}) }

// needs looks whether an element has arguments at all, and is wanted.
func (d *document) needs(least int, number, what string) bool {
	if d.argc < least {
		ev := elog.Error(d.r)
		if !d.printing {
			ev = elog.Warn(d.r)
		}
		ev.Msgf("%s: missing argument for %s element in %s", number, what, d.r.Filename)
		if d.printing {
			d.Fail()
		}
		return false
	}
	return d.printing
}

// errorHere logs what is wrong with an element and puts the error message in its place.
func (d *document) errorHere(format string, args ...any) {
	elog.Error(d.r).Msgf(format, args...)
	d.Fail()
}

func doConfig(d *document) {
	if !d.needs(1, "AH01347", "config") {
		return
	}
	for {
		name, value, ok := d.raw()
		if !ok {
			return
		}
		switch name {
		case "errmsg":
			d.errorText = d.expand(value, false, 0)
		case "echomsg":
			d.undefined = d.expand(value, false, 0)
		case "timefmt":
			d.timeFormat = d.expand(value, false, 0)
			d.compute("DATE_LOCAL")
			d.compute("DATE_GMT")
			d.compute("LAST_MODIFIED")
		case "sizefmt":
			switch s := d.expand(value, false, 0); s {
			case "bytes":
				d.sizeBytes = true
			case "abbrev":
				d.sizeBytes = false
			default:
				d.errorHere("AH01348: unknown value \"%s\" to parameter \"sizefmt\" of tag config in %s", s, d.r.Filename)
				return
			}
		default:
			d.errorHere("AH01349: unknown parameter \"%s\" to tag config in %s", name, d.r.Filename)
			return
		}
	}
}

func doEcho(d *document) {
	if !d.needs(1, "AH01343", "echo") {
		return
	}
	decoding, encoding := "none", "entity"
	for {
		name, value, ok := d.Argument()
		if !ok {
			return
		}
		switch name {
		case "var":
			v, set := d.variable(d.expand(value, false, 0))
			if !set {
				d.Write([]byte(d.undefined))
				break
			}
			if v, ok = d.recode(v, decoding, encoding, "echo", "AH01344", "AH01345"); !ok {
				return
			}
			d.Write([]byte(v))
		case "decoding":
			decoding = value
		case "encoding":
			encoding = value
		default:
			d.errorHere("AH01346: unknown parameter \"%s\" in tag echo of %s", name, d.r.Filename)
			return
		}
	}
}

func doSet(d *document) {
	if !d.needs(2, "AH01362", "set") {
		return
	}
	variable, known := "", false
	decoding, encoding := "none", "none"
	for {
		name, value, ok := d.raw()
		if !ok {
			return
		}
		switch name {
		case "var":
			variable, known = d.expand(decodeEntities(value), false, 0), true
		case "decoding":
			decoding = value
		case "encoding":
			encoding = value
		case "value":
			if !known {
				d.errorHere("AH01363: variable must precede value in set directive in %s", d.r.Filename)
				return
			}
			v, ok := d.recode(d.expand(value, false, 0), decoding, encoding, "set", "AH01364", "AH01365")
			if !ok {
				return
			}
			d.set(variable, v)
		default:
			d.errorHere("AH01366: Invalid tag for set directive in %s", d.r.Filename)
			return
		}
	}
}

// recode decodes and encodes a value in the ways that are named, one after the other.
func (d *document) recode(v, decoding, encoding, tag, badDecoding, badEncoding string) (string, bool) {
	good := true
	each := func(list, number, parameter string, step func(way string) bool) {
		for _, way := range strings.FieldsFunc(list, func(c rune) bool { return c == ',' || c == ' ' || c == '\t' }) {
			if !step(strings.ToLower(way)) {
				good = false
				d.errorHere("%s: unknown value \"%s\" to parameter \"%s\" of tag %s in %s", number, way, parameter, tag, d.r.Filename)
				return
			}
		}
	}
	each(decoding, badDecoding, "decoding", func(way string) bool {
		switch way {
		case "none":
		case "url":
			v = unescapeURL(v)
		case "urlencoded":
			v = unescapeURL(strings.ReplaceAll(v, "+", " "))
		case "entity":
			v = decodeEntities(v)
		case "base64":
			v = decodeBase64(v)
		default:
			return false
		}
		return true
	})
	each(encoding, badEncoding, "encoding", func(way string) bool {
		switch way {
		case "none":
		case "url":
			v = server.EscapeURIPath(v)
		case "urlencoded":
			v = server.EscapeForm(v)
		case "entity":
			v = server.EscapeHTML(v)
		case "base64":
			v = base64.StdEncoding.EncodeToString([]byte(v))
		default:
			return false
		}
		return true
	})
	return v, good
}

// decodeBase64 reads as much of s as is base64, up to a zero byte (ap_pbase64decode).
func decodeBase64(s string) string {
	end := 0
	for end < len(s) && (isWord(s[end]) && s[end] != '_' || s[end] == '+' || s[end] == '/') {
		end++
	}
	if end%4 == 1 {
		end--
	}
	p, _ := base64.RawStdEncoding.DecodeString(s[:end])
	v, _, _ := strings.Cut(string(p), "\x00")
	return v
}

func doPrintenv(d *document) {
	if d.argc > 0 {
		ev := elog.Error(d.r)
		if !d.printing {
			ev = elog.Warn(d.r)
		}
		ev.Msgf("AH01367: printenv directive does not take tags in %s", d.r.Filename)
	}
	switch {
	case !d.printing:
		return
	case d.argc > 0:
		d.Fail()
		return
	}
	for _, f := range append([]server.Field(nil), d.r.Env.All()...) {
		v := f.Value
		if d.env.lazy[strings.ToUpper(f.Name)] {
			v = d.compute(strings.ToUpper(f.Name))
		}
		d.Write([]byte(server.EscapeHTML(f.Name) + "=" + server.EscapeHTML(v) + "\n"))
	}
	d.flush = true
}

func doSize(d *document) {
	if !d.needs(1, "AH01350", "fsize") {
		return
	}
	d.files("fsize", func(f server.Finfo) string {
		if !d.sizeBytes {
			return server.ShortSize(f.Size)
		}
		digits := strconv.FormatInt(f.Size, 10)
		for i := len(digits) - 3; i > 0; i -= 3 {
			digits = digits[:i] + "," + digits[i:]
		}
		return digits
	})
}

func doLastModified(d *document) {
	if d.needs(1, "AH01351", "flastmod") {
		d.files("flastmod", func(f server.Finfo) string { return d.formatTime(f.Mtime, false) })
	}
}
