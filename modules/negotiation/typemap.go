package negotiation

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"
	"syscall"

	"github.com/donjon-httpd/donjon/server"
)

// maxMapLine is how much of a line is read at once, and the most that the body
// of a variant may be with its closing tag (MAX_STRING_LEN less one).
const maxMapLine = 8191

// readMap fills the variants from the type map that is source's file.
func (n *negotiation) readMap(source *server.Request) server.Status {
	n.onDisk = 0
	text, err := os.ReadFile(source.Filename)
	if err != nil {
		elog.Error(n.r).Err(err).Msgf("AH00683: cannot access type map file: %s", source.Filename)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
			return 404
		}
		return 403
	}
	m := mapReader{text: string(text), file: n.r.Filename, name: path.Base(source.Filename)}
	problem, fatal := m.read()
	n.variants = append(n.variants, m.variants...)
	if problem != "" {
		elog.Error(n.r).Msg(problem)
		if fatal {
			return 500
		}
	}
	n.r.SetVlistValidator(source)
	return server.OK
}

// mapReader reads the text of a type map: paragraphs of fields, one for each
// variant. Lines that begin with white space go on from the last; those that
// begin with # are comments.
type mapReader struct {
	text     string
	pos      int
	file     string // for messages
	name     string // of the file, for variants whose body stands in it
	variants []variant
}

// read gives what is wrong; fatal problems leave nothing to choose from, others
// end the map where they are.
func (m *mapReader) read() (problem string, fatal bool) {
	v, complete := newVariant(), false
	for {
		line, kind := m.line()
		if kind != lineField {
			if v.file != "" && complete {
				m.variants = append(m.variants, v)
			}
			v, complete = newVariant(), false
			if kind == lineEnd {
				return "", false
			}
			continue
		}
		name, body, ok := strings.Cut(line, ":")
		name = server.LowerASCII(name)
		if !ok {
			return "AH00681: Syntax error in type map, no ':' in " + m.file + " for header " + name, true
		}
		body = strings.TrimLeft(body, " \t\n\v\f\r")
		if body == "" {
			return "AH00682: Syntax error in type map --- no header body: " + m.file + " for " + name + line[len(name):], true
		}
		body = withoutComments(body)
		switch name {
		case "uri":
			v.file, _ = token(body, false)
		case "content-type":
			v.setType(body)
			complete = true
		case "content-length":
			text, _ := token(body, false)
			length, err := strconv.ParseUint(text, 10, 63)
			if err != nil {
				return fmt.Sprintf("AH00684: Parse error in type map, Content-Length: '%s' in %s is invalid.", text, m.file), false
			}
			v.bytes, complete = int64(length), true
		case "content-language":
			v.languages, complete = languages(body), true
		case "content-encoding":
			v.encoding, _ = token(body, false)
			complete = true
		case "description":
			text := strings.ReplaceAll(body, "\n", " ")
			v.description = text[:len(text)-1]
		case "body":
			tag := strings.TrimRight(body, " \t\n\v\f\r")
			if v.body, v.bytes, ok = m.body(tag); !ok {
				return fmt.Sprintf("AH00685: Syntax error in type map, no end tag '%s' found in %s for Body: content.", tag, m.file), false
			}
			v.file = m.name
		}
	}
}

type lineKind uint8

const (
	lineField     lineKind = iota
	lineSeparator          // blank: the variant is complete
	lineEnd
)

// line is get_header_line: a field with the lines that go on from it.
func (m *mapReader) line() (string, lineKind) {
	line := m.gets()
	for strings.HasPrefix(line, "#") {
		line = m.gets()
	}
	switch {
	case line == "":
		return "", lineEnd
	case strings.Trim(line, " \t\n\v\f\r") == "":
		return "", lineSeparator
	case len(line) >= 5 && strings.EqualFold(line[:5], "Body:"):
		return line, lineField
	}
	for m.pos < len(m.text) {
		switch c := m.text[m.pos]; {
		case c == '#':
			m.skipLine()
		case isSpace(c):
			for m.pos < len(m.text) && m.text[m.pos] != '\n' && isSpace(m.text[m.pos]) {
				m.pos++
			}
			if m.pos < len(m.text) && m.text[m.pos] == '\n' {
				return line, lineField // blank: it is read again as the separator
			}
			start := m.pos
			m.skipLine()
			line += strings.TrimSuffix(m.text[start:m.pos], "\n") + "\n"
		default:
			return line, lineField
		}
	}
	return line, lineField
}

// gets is apr_file_gets: a line with its end, "" behind the last.
func (m *mapReader) gets() string {
	rest := m.text[m.pos:]
	if len(rest) > maxMapLine {
		rest = rest[:maxMapLine]
	}
	if i := strings.IndexByte(rest, '\n'); i >= 0 {
		rest = rest[:i+1]
	}
	m.pos += len(rest)
	return rest
}

func (m *mapReader) skipLine() {
	if i := strings.IndexByte(m.text[m.pos:], '\n'); i >= 0 {
		m.pos += i + 1
		return
	}
	m.pos = len(m.text)
}

// body is get_body: what stands before the next tag.
func (m *mapReader) body(tag string) (start, length int64, ok bool) {
	rest := m.text[m.pos:]
	if len(rest) > maxMapLine {
		rest = rest[:maxMapLine]
	}
	if i := strings.IndexByte(rest, 0); i >= 0 {
		rest = rest[:i]
	}
	end := strings.Index(rest, tag)
	if end < 0 {
		return 0, -1, false
	}
	start, length = int64(m.pos), int64(end)
	m.pos += end + len(tag)
	m.skipLine()
	return start, length, true
}

// withoutComments writes spaces for what stands in parentheses.
func withoutComments(s string) string {
	for from := 0; ; {
		open := strings.IndexByte(s[from:], '(')
		if open < 0 {
			return s
		}
		open += from
		end := strings.IndexByte(s[open:], ')')
		if end < 0 {
			return s[:open] + strings.Repeat(" ", len(s)-open)
		}
		from = open + end + 1
		s = s[:open] + strings.Repeat(" ", end+1) + s[from:]
	}
}

// languages is do_languages_line.
func languages(body string) []string {
	var list []string
	for body != "" {
		var lang string
		lang, body = token(body, false)
		list = append(list, server.LowerASCII(lang))
		if body != "" && (body[0] == ',' || body[0] == ';') {
			body = body[1:]
		}
	}
	return list
}

func dirOf(file string) string {
	dir, _ := path.Split(file)
	return dir
}
