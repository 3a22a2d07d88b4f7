package proxy_ftp

import (
	"bytes"
	"strings"

	"github.com/donjon-httpd/donjon/server"
)

// listingFilter makes a page of the list of a directory as "ls -l" writes it
// (proxy_send_dir_filter).
var listingFilter = &server.OutputFilter{Name: "PROXY_SEND_DIR", Level: server.ResourceLevel, Run: listing}

// maxEntry is how much of a line of a list counts (MAX_STRING_LEN).
const maxEntry = 8191

// list is a page under way: the line whose end has not come yet.
type list struct{ line []byte }

func listing(l *server.Link, b *server.Brigade) error {
	s, ok := l.State.(*list)
	if !ok {
		s = &list{}
		l.State = s
		head := server.Brigade{Buckets: []server.Bucket{{Mem: []byte(pageHead(l.R))}}, Flush: true, Streamed: true}
		if err := l.Pass(&head); err != nil {
			return err
		}
	}
	var out []byte
	for i := range b.Buckets {
		err := b.Buckets[i].Pieces(func(p []byte) error {
			for {
				end := bytes.IndexByte(p, '\n')
				if end < 0 {
					s.add(p)
					return nil
				}
				s.add(p[:end+1])
				p = p[end+1:]
				out = append(out, s.entry(l.R)...)
				s.line = s.line[:0]
			}
		})
		if err != nil {
			return err
		}
	}
	if b.EOS {
		out = append(out, "</pre>\n\n  <hr />\n\n  "+l.R.Signature("")+"\n\n </body>\n</html>\n"...)
	}
	if len(out) == 0 && !b.Flush && !b.EOS {
		return nil
	}
	return l.Pass(&server.Brigade{Buckets: []server.Bucket{{Mem: out}}, Flush: b.Flush || b.EOS, EOS: b.EOS, Streamed: true})
}

// add keeps a piece of a line, up to a NUL and as much as counts.
func (s *list) add(p []byte) {
	p = p[:min(len(p), maxEntry-len(s.line))]
	if i := bytes.IndexByte(p, 0); i >= 0 {
		p = p[:i]
	}
	s.line = append(s.line, p...)
}

// entry is the line that has come, as the page has it.
func (s *list) entry(r *server.Request) string {
	line := strings.TrimSuffix(strings.TrimSuffix(string(s.line), "\n"), "\r")
	text, ok := formatEntry(line)
	if !ok {
		elog.Warn(r).Msgf("AH01034: proxy_ftp: could not parse line %s", line)
	}
	return text
}

// formatEntry writes a line of a list with a link on its file; ok is false for a
// file without a name. A name ends what "ls -l" says of a file, so that of one
// with spaces only the last word is seen.
func formatEntry(line string) (text string, ok bool) {
	first := byte(0)
	if line != "" {
		first = line[0]
	}
	switch {
	case first == 'l' && strings.Contains(line, " -> "):
		at := strings.Index(line, " -> ")
		facts, name := line[:at], line[:at]
		if i := strings.LastIndexByte(facts, ' '); i > 0 {
			facts, name = facts[:i], facts[i+1:]
		}
		return server.EscapeHTML(facts) + ` <a href="` + hrefOf(name) + `">` + server.EscapeHTML(name) + " " +
			server.EscapeHTML(line[at+1:]) + "</a>\n", true
	case first == 'd' || first == '-' || first == 'l' || digit(first):
		if digit(first) { // "<DIR>" of a list as DOS writes it
			line = strings.Replace(strings.Replace(line, "<", "[", 1), ">", "]", 1)
		}
		i := strings.LastIndexByte(line, ' ')
		if i < 0 {
			return "", false
		}
		facts, name, slash := line[:i], line[i+1:], ""
		if name == "." || name == ".." || first == 'd' {
			slash = "/"
		}
		return server.EscapeHTML(facts) + ` <a href="` + hrefOf(name) + slash + `">` + server.EscapeHTML(name) + "</a>\n", true
	}
	if facts, name, ok := sizeAndName(line); ok {
		return server.EscapeHTML(facts) + `<a href="` + hrefOf(name) + `">` + server.EscapeHTML(name) + "</a>\n", true
	}
	return server.EscapeHTML(line + "\n"), true
}

// hrefOf writes a name for an attribute of a page.
func hrefOf(name string) string { return server.EscapeHTML(server.EscapePath(name)) }

// sizeAndName takes a line of "ls -s1" apart: a number and a word.
func sizeAndName(line string) (facts, name string, ok bool) {
	rest := strings.TrimLeft(line, " ")
	size := leadingDigits(rest)
	name = strings.TrimLeft(rest[len(size):], " ")
	if size == "" || len(name) == len(rest)-len(size) || name == "" || strings.Contains(name, " ") {
		return "", "", false
	}
	return line[:len(line)-len(name)], name, true
}

const doctype = `<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01//EN" "http://www.w3.org/TR/html4/strict.dtd">` + "\n"

// pageHead is what stands before the list: where it is, with a link on each
// directory above, and what the server said to the login.
func pageHead(r *server.Request) string {
	at := ""
	if r.Proxied && !r.Forward {
		at = r.ConstructURL("")
	} else {
		at = siteOf(r).text(false)
	}
	path := clientPath(r)
	base, root := "", ""
	if len(path) >= 4 && strings.EqualFold(path[:4], "/%2f") {
		base, root = "/%2f", `<a href="/%2f/">%2f</a>/`
	}
	path, _, _ = strings.Cut(path, ";type=")
	path = unescape(path)
	for strings.HasPrefix(path, "//") {
		path = path[1:]
	}
	wildcard := ""
	if i := strings.LastIndexByte(path, '/'); i >= 0 && hasGlobbing(path[i:]) {
		path, wildcard = path[:i], path[i+1:]
	}
	path = strings.TrimRight(path, "/") + "/"
	shown := server.EscapeHTML(path)
	var b strings.Builder
	b.WriteString(doctype + "<html>\n <head>\n  <title>" + server.EscapeHTML(at) + base + shown + "</title>\n<base href=\"" +
		server.EscapePath(at) + base + shown + "\">\n </head>\n <body>\n  <h2>Directory of <a href=\"/\">" + server.EscapePath(at) + "</a>/" + root)
	for i := 1; i < len(path); i++ {
		if path[i] != '/' {
			continue
		}
		dir := path[:i]
		b.WriteString(`<a href="` + base + server.EscapePath(dir) + `/">` + server.EscapeHTML(dir[strings.LastIndexByte(dir, '/')+1:]) + "</a>/")
		for i+1 < len(path) && path[i+1] == '/' {
			i++
		}
	}
	b.WriteString(server.EscapeHTML(wildcard))
	b.WriteString("</h2>\n\n")
	if pwd, ok := r.Notes.Lookup("Directory-PWD"); ok && !strings.HasPrefix(path, pwd) {
		b.WriteString("(" + server.EscapeHTML(pwd) + ")\n\n")
	}
	b.WriteString("  <hr />\n\n<pre>")
	if readme, ok := r.Notes.Lookup("Directory-README"); ok {
		b.WriteString(server.EscapeHTML(readme) + "\n</pre>\n\n<hr />\n\n<pre>\n")
	}
	return b.String()
}
