package lua

import (
	"bytes"
	"io"
	"os"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/donjon-httpd/donjon/server"
)

// bodyFuncs read what the client sent.
var bodyFuncs = map[string]func(*call) int{
	"parseargs":   parseArgs,
	"parsebody":   parseBody,
	"requestbody": requestBody,
}

// parseArgs gives the query's fields: a name that comes twice counts with its last value,
// in whatever case (ap_args_to_table).
func parseArgs(c *call) int {
	r := c.request(1)
	p := newPairs(c.L)
	for _, f := range argsTable(r.Args) {
		p.add(f.Name, f.Value)
	}
	return p.push(c)
}

func argsTable(args string) []server.Field {
	var t server.Fields
	for _, part := range strings.Split(args, "&") {
		if part == "" {
			continue
		}
		name, value, ok := strings.Cut(part, "=")
		if !ok {
			value = "1"
		}
		t.Set(unescapeURL(name), unescapeURL(value))
	}
	return t.All()
}

// unescapeURL decodes what can be decoded, as ap_unescape_url leaves it when it fails: a
// bad escape stays, and so does what is forbidden in a path.
func unescapeURL(s string) string {
	if s, ok := server.UnescapeURL(s); ok {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			hi, lo := unhex(s[i+1]), unhex(s[i+2])
			if hi >= 0 && lo >= 0 {
				b.WriteByte(byte(hi<<4 | lo))
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return cString(b.String())
}

func unhex(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}

// What Apache's core says of bodies and of responses.
var (
	httplog = server.NewLog("http")
	corelog = server.NewLog("core")
)

// bodyLength is how much body there is to read; false for none, and for one in chunks,
// which scripts do not get (REQUEST_CHUNKED_ERROR).
func bodyLength(r *request) (int64, bool) {
	if te, ok := r.FieldIn("Transfer-Encoding"); ok {
		httplog.Error(r.Request).Msgf("AH01592: chunked Transfer-Encoding forbidden: %s", te)
		return 0, false
	}
	return r.ContentLength, r.ContentLength > 0 && r.Body != nil
}

// readBody reads the body, of up to most bytes when that is not 0 (lua_read_body).
func readBody(r *request, most int64) ([]byte, bool) {
	n, ok := bodyLength(r)
	if !ok || most != 0 && n > most {
		return nil, false
	}
	var b bytes.Buffer
	if _, err := io.Copy(&b, io.LimitReader(r.Body, n)); err != nil {
		return nil, false
	}
	return b.Bytes(), true
}

// requestBody gives the body and its length, or writes it to a file and gives its length.
func requestBody(c *call) int {
	r := c.request(1)
	file := c.optText(2, "")
	most := c.optInteger(3, 0)
	if r.Method != "POST" && r.Method != "PUT" {
		return 0
	}
	if c.absent(2) {
		b, ok := readBody(r, most)
		if !ok {
			return 0
		}
		return c.push(lua.LString(b), lua.LNumber(len(b)))
	}
	f, err := os.OpenFile(cString(file), os.O_CREATE|os.O_WRONLY, 0o666)
	if err != nil {
		return c.pushBool(false)
	}
	size, ok := bodyLength(r)
	if ok {
		_, err = io.Copy(f, io.LimitReader(r.Body, size))
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil || !ok {
		return c.pushBool(false)
	}
	return c.push(lua.LNumber(size))
}

// maxForm is how large a body parsebody takes without a number, in bytes.
const maxForm = 8192

// parseBody gives the fields of a form, those of a multipart one too.
func parseBody(c *call) int {
	r := c.request(1)
	most := c.optInteger(2, maxForm)
	p := newPairs(c.L)
	kind, _ := r.FieldIn("Content-Type")
	if boundary, ok := multipartBoundary(kind); ok {
		if body, ok := readBody(r, most); ok {
			for _, f := range multipartFields(body, boundary) {
				p.add(f.Name, f.Value)
			}
		}
		return p.push(c)
	}
	if form, s := r.ReadForm(most); s == server.OK {
		for i := len(form) - 1; i >= 0; i-- { // Apache takes them from the end
			p.add(cString(form[i].Name), cString(form[i].Value))
		}
	}
	return p.push(c)
}

const (
	maxBoundary = 250
	maxVars     = 500 // parts that are looked at
)

// multipartBoundary is what follows "multipart/form-data; boundary=", quotes and all.
func multipartBoundary(kind string) (string, bool) {
	rest, ok := strings.CutPrefix(kind, "multipart/form-data;")
	if !ok {
		return "", false
	}
	b, ok := strings.CutPrefix(strings.TrimLeft(rest, " \t\n\v\f\r"), "boundary=")
	if !ok || b == "" {
		return "", false
	}
	return b[:min(len(b), maxBoundary)], true
}

// multipartFields takes a body apart as Apache does: a part's value ends eight bytes
// ahead of its boundary with the line ends and hyphens between, and its name is what
// Content-Disposition says where that is the first field.
func multipartFields(body []byte, boundary string) []server.Field {
	var list []server.Field
	sep := []byte(boundary)
	start := bytes.Index(body, sep)
	for n := 1; start >= 0 && n < maxVars; n++ {
		crlf := bytes.Index(body[start:], []byte("\r\n\r\n"))
		if crlf < 0 {
			break
		}
		crlf += start
		end := bytes.Index(body[crlf:], sep)
		if end <= 8 {
			break
		}
		end += crlf
		value := body[crlf+4 : end-4]
		head := ""
		if at := start + len(sep) + 2; at < len(body) {
			head = string(body[at:])
		}
		if name := dispositionName(head); name != "" {
			list = append(list, server.Field{Name: name, Value: string(value)})
		}
		start = end
	}
	return list
}

// maxName is how many bytes of a name count.
const maxName = 255

// dispositionName is the name of a part; "" for none. Blanks are any white space.
func dispositionName(s string) string {
	for _, want := range [...]string{"Content-Disposition:", "form-data;", `name="`} {
		rest, ok := strings.CutPrefix(strings.TrimLeft(s, " \t\n\v\f\r"), want)
		if !ok {
			return ""
		}
		s = rest
	}
	if i := strings.IndexByte(s, '"'); i >= 0 {
		s = s[:i]
	}
	return cString(s[:min(len(s), maxName)])
}
