package dav

import (
	"errors"
	"net/url"
	"strings"
)

// condition is one of an If field's lists (RFC 4918 10.4): all of its terms
// must hold for the resource it speaks of.
type condition struct {
	tag   string // path of the resource; "" for the request's own
	terms []term
}

type term struct {
	not  bool
	etag bool // else a lock's token
	text string
}

type conditions []condition

var errIf = errors.New("Invalid If: header")

// parseIf reads an If field.
func parseIf(s string) (conditions, error) {
	var all conditions
	tag := ""
	for s = strings.TrimLeft(s, " \t"); s != ""; s = strings.TrimLeft(s, " \t") {
		var inner string
		var ok bool
		switch s[0] {
		case '<':
			if inner, s, ok = strings.Cut(s[1:], ">"); !ok {
				return nil, errIf
			}
			u, err := url.Parse(inner)
			if err != nil || u.Path == "" {
				return nil, errIf
			}
			tag = u.Path
		case '(':
			c := condition{tag: tag}
			var err error
			if c.terms, s, err = parseList(s[1:]); err != nil {
				return nil, err
			}
			all = append(all, c)
		default:
			return nil, errIf
		}
	}
	if len(all) == 0 {
		return nil, errIf
	}
	return all, nil
}

// parseList reads the terms up to and with the closing parenthesis.
func parseList(s string) (terms []term, rest string, err error) {
	not := false
	for {
		s = strings.TrimLeft(s, " \t")
		if s == "" {
			return nil, "", errIf
		}
		end := byte('>')
		switch {
		case s[0] == ')' && !not && len(terms) > 0:
			return terms, s[1:], nil
		case len(s) >= 3 && strings.EqualFold(s[:3], "not") && !not:
			not, s = true, s[3:]
			continue
		case s[0] == '[':
			end = ']'
		case s[0] != '<':
			return nil, "", errIf
		}
		i := strings.IndexByte(s, end)
		if i < 0 {
			return nil, "", errIf
		}
		terms = append(terms, term{not, end == ']', s[1:i]})
		not, s = false, s[i+1:]
	}
}

// holds tells whether one of the lists that speak of the resource is true; no
// lock is ever held, so no token is.
func (all conditions) holds(path, etag string) bool {
	spoken := false
	for _, c := range all {
		if c.tag != "" && strings.TrimSuffix(c.tag, "/") != strings.TrimSuffix(path, "/") {
			continue
		}
		spoken = true
		if c.true(etag) {
			return true
		}
	}
	return !spoken
}

func (c condition) true(etag string) bool {
	for _, t := range c.terms {
		if t.not == (t.etag && etag != "" && t.text == etag) {
			return false
		}
	}
	return true
}
