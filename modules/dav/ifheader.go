package dav

import (
	"fmt"
	"strings"

	"github.com/donjon-httpd/donjon/server"
)

// condition is one of an If field's lists (RFC 4918 10.4): all of its terms
// must hold for the resource it speaks of.
type condition struct {
	uri   string // of the resource, without a slash at the end; "" for any
	terms []term // the last one first
	dummy bool   // made of a Lock-Token field
}

type term struct {
	not  bool
	kind termKind
	etag string
	lock server.DavToken
}

type termKind uint8

const (
	etagTerm termKind = iota
	lockTerm
	unknownTerm // a token of another scheme, which no resource has
)

// ifField reads the request's If field, the last list first; nil without one.
func ifField(r *server.Request) ([]condition, *server.DavError) {
	v, has := r.FieldIn("If")
	if !has {
		return nil, nil
	}
	return parseIf(v)
}

func ifError(id int, text string) *server.DavError {
	return &server.DavError{Status: 400, ID: id, Text: text}
}

func unexpected(c byte) *server.DavError {
	return ifError(server.DavErrIfUnknownChar, fmt.Sprintf("Invalid \"If:\" header: Unexpected character encountered (0x%02x, '%c').", c, c))
}

// parseIf reads an If field (dav_process_if_header). The lists and the terms in
// them come in reverse, and are judged in that order.
func parseIf(s string) ([]condition, *server.DavError) {
	var all []condition
	uri, tagged, untagged := "", false, false
	for s != "" {
		c := s[0]
		s = s[1:]
		switch c {
		case '<':
			token, rest, ok := strings.Cut(strings.TrimLeft(s, " \t"), ">")
			if untagged || !ok {
				return nil, ifError(server.DavErrIfTagged, "Invalid If-header: unclosed \"<\" or unexpected tagged-list production.")
			}
			var err *server.DavError
			if uri, err = tagPath(token); err != nil {
				return nil, err
			}
			tagged, s = true, rest
		case '(':
			untagged = untagged || !tagged
			list, rest, ok := strings.Cut(strings.TrimLeft(s, " \t"), ")")
			if !ok {
				return nil, ifError(server.DavErrIfUnclosedParen, "Invalid If-header: unclosed \"(\".")
			}
			terms, err := parseList(list)
			if err != nil {
				return nil, err
			}
			all, s = append([]condition{{uri: uri, terms: terms}}, all...), rest
		case ' ', '\t':
		default:
			return nil, unexpected(c)
		}
	}
	return all, nil
}

// tagPath is the path of a tag's URI.
func tagPath(tag string) (string, *server.DavError) {
	u, ok := splitURI(tag)
	if !ok || u.path == "" {
		return "", ifError(server.DavErrIfTagged, "Invalid URI in tagged If-header.")
	}
	if u.path[0] != '/' || badEscape(u.path) {
		return "", ifError(server.DavErrIfTagged, "Invalid URI path tagged If-header.")
	}
	p, ok := server.UnescapeURL(u.path)
	if !ok {
		return "", ifError(server.DavErrIfTagged, "Invalid percent encoded URI in tagged If-header.")
	}
	return trimSlash(resolveDots(p)), nil
}

// badEscape tells whether a percent sign stands before anything but two digits.
func badEscape(p string) bool {
	for i := range len(p) {
		if p[i] == '%' && (i+2 >= len(p) || !isHex(p[i+1]) || !isHex(p[i+2])) {
			return true
		}
	}
	return false
}

func isHex(c byte) bool { return strings.IndexByte("0123456789abcdefABCDEF", c) >= 0 }

// resolveDots takes "." and ".." out of a path.
func resolveDots(p string) string {
	if !strings.Contains(p, "/.") {
		return p
	}
	var out []string
	parts := strings.Split(p, "/")
	for i, part := range parts {
		last := i == len(parts)-1
		switch part {
		case ".", "..":
			if part == ".." && len(out) > 1 {
				out = out[:len(out)-1]
			}
			if last {
				out = append(out, "")
			}
		default:
			out = append(out, part)
		}
	}
	return strings.Join(out, "/")
}

func trimSlash(p string) string {
	if len(p) > 1 {
		return strings.TrimSuffix(p, "/")
	}
	return p
}

func parseList(s string) (terms []term, err *server.DavError) {
	not := false
	add := func(t term) {
		t.not, not = not, false
		terms = append([]term{t}, terms...)
	}
	unclosed := ifError(server.DavErrIfParse, "")
	for s != "" {
		c := s[0]
		s = s[1:]
		switch c {
		case '<':
			text, rest, ok := strings.Cut(strings.TrimLeft(s, " \t"), ">")
			if !ok {
				return nil, unclosed
			}
			token, err := server.ParseDavToken(text)
			switch {
			case err == nil:
				add(term{kind: lockTerm, lock: token})
			case err.ID == server.DavErrLockUnknownToken:
				add(term{kind: unknownTerm})
			default:
				return nil, err
			}
			s = rest
		case '[':
			text, rest, ok := strings.Cut(strings.TrimLeft(s, " \t"), "]")
			if !ok {
				return nil, unclosed
			}
			add(term{kind: etagTerm, etag: text})
			s = rest
		case 'N':
			if !strings.HasPrefix(s, "ot") {
				return nil, ifError(server.DavErrIfUnknownChar, "Invalid \"If:\" header: Unexpected character in List")
			}
			if not {
				return nil, ifError(server.DavErrIfMultipleNot, "Invalid \"If:\" header: Multiple \"not\" entries for the same state.")
			}
			not, s = true, s[2:]
		case ' ', '\t':
		default:
			return nil, unexpected(c)
		}
	}
	return terms, nil
}

// positiveTokens are the locks that an If field asserts.
func positiveTokens(all []condition) (tokens []server.DavToken) {
	for _, c := range all {
		for _, t := range c.terms {
			if t.kind == lockTerm && !t.not {
				tokens = append(tokens, t.lock)
			}
		}
	}
	return tokens
}
