package compattests

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// How servers that read loosely would take a message apart. Each knows another
// way to misunderstand; what all of them and strictMessage end at the same byte
// has one meaning.
type looseReader struct {
	name       string
	bareLF     bool // a line ends at LF alone
	bareCR     bool // or at CR alone
	lengthWins bool // Content-Length counts, though there is a Transfer-Encoding
	lastLength bool // the last Content-Length counts, else the first
	anyChunked bool // any Transfer-Encoding with "chunked" in it means it
	underscore bool // Content_Length is one too
	spaces     bool // a name may have spaces around it, and a line that begins with one is a field
	prefix     bool // a number counts up to what is none ("5abc", "+5")
	ignoreGET  bool // the body of a GET is not read
}

var looseReaders = []looseReader{
	{name: "plain"},
	{name: "bare LF", bareLF: true},
	{name: "bare CR", bareLF: true, bareCR: true},
	{name: "length wins", bareLF: true, lengthWins: true},
	{name: "last length", lengthWins: true, lastLength: true, prefix: true},
	{name: "any chunked", anyChunked: true, spaces: true, bareLF: true},
	{name: "underscores", underscore: true, anyChunked: true},
	{name: "underscores, length", underscore: true, lengthWins: true, prefix: true, spaces: true},
}

var errShort = errors.New("the message is not complete")

// end is where a message that begins with b ends for this reader.
func (l looseReader) end(b []byte) (int, error) {
	at, first := 0, true
	length, hasLength, chunked := 0, false, false
	for {
		line, n := l.line(b[at:])
		if n == 0 {
			return 0, errShort
		}
		at += n
		if first {
			first = false
			continue
		}
		if line == "" {
			break
		}
		name, value, _ := strings.Cut(line, ":")
		if l.spaces {
			name = strings.TrimSpace(name)
		}
		if l.underscore {
			name = strings.ReplaceAll(name, "_", "-")
		}
		switch strings.ToLower(name) {
		case "content-length":
			if hasLength && !l.lastLength {
				continue
			}
			v := strings.TrimSpace(value)
			if l.prefix {
				v = digits(strings.TrimPrefix(v, "+"))
			}
			length, _ = strconv.Atoi(v)
			hasLength = true
		case "transfer-encoding":
			v := strings.ToLower(strings.TrimSpace(value))
			chunked = chunked || v == "chunked" || l.anyChunked && strings.Contains(v, "chunked")
		}
	}
	if chunked && (!hasLength || !l.lengthWins) {
		n, err := l.chunks(b[at:])
		return at + n, err
	}
	if at+length > len(b) {
		return 0, errShort
	}
	return at + length, nil
}

func digits(s string) string {
	return s[:len(s)-len(strings.TrimLeft(s, "0123456789"))]
}

// line gives a line without its end, and how long it is with it; 0 if it does not end.
func (l looseReader) line(b []byte) (string, int) {
	for i, c := range b {
		switch {
		case c == '\n' && i > 0 && b[i-1] == '\r':
			return string(b[:i-1]), i + 1
		case c == '\n' && l.bareLF:
			return string(b[:i]), i + 1
		case c == '\r' && l.bareCR && i+1 < len(b) && b[i+1] != '\n':
			return string(b[:i]), i + 1
		}
	}
	return "", 0
}

func (l looseReader) chunks(b []byte) (int, error) {
	at := 0
	for {
		line, n := l.line(b[at:])
		if n == 0 {
			return 0, errShort
		}
		at += n
		word, _, _ := strings.Cut(line, ";")
		size, err := strconv.ParseInt(strings.TrimSpace(word), 16, 32)
		if err != nil || size < 0 {
			return 0, fmt.Errorf("chunk size %q", line)
		}
		if size == 0 {
			break
		}
		if at += int(size); at > len(b) {
			return 0, errShort
		}
		rest, n := l.line(b[at:])
		if n == 0 {
			return 0, errShort
		}
		if rest != "" {
			return 0, fmt.Errorf("%q behind a chunk", rest)
		}
		at += n
	}
	for { // trailers
		line, n := l.line(b[at:])
		if n == 0 {
			return 0, errShort
		}
		at += n
		if line == "" {
			return at, nil
		}
	}
}

// strictMessage is the end of a request that is exactly as RFC 9112 has a
// client write it, and nothing that the RFC lets a server bear with: one space
// between the words of the request line, names of fields that are tokens, nothing
// that could end a line earlier, no folded lines, one Host, at most one length, at most one coding,
// which is chunked, and chunks without extensions. errShort asks for more.
func strictMessage(b []byte) (end int, target string, err error) {
	head, _, whole := bytes.Cut(b, []byte("\r\n\r\n"))
	if !whole {
		return 0, "", errShort
	}
	at := len(head) + 4
	lines := strings.Split(string(head), "\r\n")
	words := strings.Split(lines[0], " ")
	if len(words) != 3 || words[0] == "" || strings.ContainsAny(words[0], "\r\n\t\x00") || words[1] == "" || words[2] != "HTTP/1.1" && words[2] != "HTTP/1.0" {
		return 0, "", fmt.Errorf("request line %q", lines[0])
	}
	for _, c := range []byte(words[1]) {
		if c <= ' ' || c == 0x7f {
			return 0, "", fmt.Errorf("target %q", words[1])
		}
	}
	hosts, length, chunked := 0, -1, false
	for _, l := range lines[1:] {
		name, value, found := strings.Cut(l, ":")
		if !found || !isToken(name) {
			return 0, "", fmt.Errorf("field %q", l)
		}
		for _, c := range []byte(value) {
			if c == '\r' || c == '\n' || c == 0 {
				return 0, "", fmt.Errorf("end of a line in %q", l)
			}
		}
		value = strings.Trim(value, " \t")
		switch strings.ReplaceAll(strings.ToLower(name), "_", "-") {
		case "host":
			hosts++
		case "content-length":
			n, err := strconv.ParseUint(value, 10, 31)
			if err != nil || length >= 0 || strconv.FormatUint(n, 10) != value || strings.Contains(name, "_") {
				return 0, "", fmt.Errorf("length %q", l)
			}
			length = int(n)
		case "transfer-encoding":
			if value != "chunked" || chunked || strings.Contains(name, "_") || words[2] == "HTTP/1.0" {
				return 0, "", fmt.Errorf("coding %q", l)
			}
			chunked = true
		}
	}
	switch {
	case hosts != 1 && words[2] == "HTTP/1.1":
		return 0, "", fmt.Errorf("%d Hosts", hosts)
	case chunked && length >= 0:
		return 0, "", errors.New("a length and a coding")
	case chunked:
		n, err := strictChunks(b[at:])
		return at + n, words[1], err
	case length > len(b)-at:
		return 0, "", errShort
	}
	return at + max(length, 0), words[1], nil
}

func strictChunks(b []byte) (int, error) {
	at := 0
	for {
		line, _, found := bytes.Cut(b[at:], []byte("\r\n"))
		if !found {
			return 0, errShort
		}
		size, err := strconv.ParseUint(string(line), 16, 31)
		if err != nil {
			return 0, fmt.Errorf("chunk size %q", line)
		}
		at += len(line) + 2
		if size == 0 {
			break
		}
		end := at + int(size)
		if len(b) < end+2 {
			return 0, errShort
		}
		if string(b[end:end+2]) != "\r\n" {
			return 0, fmt.Errorf("%q behind a chunk", b[end:end+2])
		}
		at = end + 2
	}
	for {
		line, _, found := bytes.Cut(b[at:], []byte("\r\n"))
		if !found {
			return 0, errShort
		}
		at += len(line) + 2
		if len(line) == 0 {
			return at, nil
		}
		if name, _, ok := strings.Cut(string(line), ":"); !ok || !isToken(name) {
			return 0, fmt.Errorf("trailer %q", line)
		}
	}
}

func isToken(s string) bool {
	for _, c := range []byte(s) {
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`"(),/:;<=>?@[\]{}`, c) >= 0 {
			return false
		}
	}
	return s != ""
}
