package auth_digest

import (
	"math"
	"strings"

	"github.com/donjon-httpd/donjon/server"
)

// state is what a request says in its Authorization field.
type state struct {
	sent   bool
	scheme string
	valid  bool

	username, realm, nonce, uri, response given
	algorithm, cnonce, opaque, qop, count given
	number                                uint32 // of the client: opaque; 0 when it is none

	asked     bool  // the request came to a place that wants Digest
	nonceTime int64 // microseconds; a number where nonces are for one request
	ha1       string
}

// given is a parameter's value, and whether there is one.
type given struct {
	v  string
	is bool
}

var states server.RequestSlot[state]

// readField takes the field as the client sent it, before anything changes the request.
func readField(r *server.Request) server.Status {
	if !r.Initial() {
		return server.Declined
	}
	if field, ok := r.FieldIn(r.AuthorizationField()); ok {
		states.Set(r, parse(field))
	}
	return server.Declined
}

const (
	nonceTimeLen = 12 // base64 of 8 bytes
	nonceLen     = nonceTimeLen + 40
	digestLen    = 32
)

// parse takes a field apart.
func parse(field string) *state {
	s := &state{sent: true}
	field = strings.TrimLeft(field, " \t\n\v\f\r")
	end := strings.IndexAny(field, " \t\n\v\f\r")
	if end < 0 {
		end = len(field)
	}
	s.scheme, field = field[:end], field[end:]
	if !s.digest() {
		return s
	}
	for field = strings.TrimLeft(field, " \t\n\v\f\r"); field != ""; {
		var key, value string
		key, value, field = parameter(field)
		to := map[string]*given{"username": &s.username, "realm": &s.realm, "nonce": &s.nonce, "uri": &s.uri, "response": &s.response,
			"algorithm": &s.algorithm, "cnonce": &s.cnonce, "opaque": &s.opaque, "qop": &s.qop, "nc": &s.count}[strings.ToLower(key)]
		if to != nil {
			*to = given{value, true}
		}
	}
	s.valid = s.username.is && s.realm.is && s.uri.is && len(s.nonce.v) == nonceLen && s.nonce.v[nonceTimeLen-1] == '=' &&
		len(s.response.v) == digestLen && (!s.qop.is || s.cnonce.is && s.count.is)
	if s.valid && s.opaque.is {
		if n, rest := strtol(s.opaque.v, 16); rest == "" && n > 0 && n <= math.MaxUint32 {
			s.number = uint32(n)
		}
	}
	return s
}

func (s *state) digest() bool { return strings.EqualFold(s.scheme, scheme) }

// parameter cuts key=value off a field; value may be quoted. What stands
// between a value and the next comma is left out.
func parameter(s string) (key, value, rest string) {
	skip := func() { s = strings.TrimLeft(s, " \t\n\v\f\r") }
	until := func(stops string) string {
		i := strings.IndexAny(s, stops)
		if i < 0 {
			i = len(s)
		}
		word := s[:i]
		s = s[i:]
		return word
	}
	skip()
	key = until("=, \t\n\v\f\r")
	skip()
	if strings.HasPrefix(s, "=") {
		s = s[1:]
		if skip(); strings.HasPrefix(s, `"`) {
			value, s = quoted(s[1:])
		} else {
			value = until(", \t\n\v\f\r")
		}
	}
	until(",")
	return key, value, strings.TrimPrefix(s, ",")
}

// quoted is the text up to a quote, with escaped characters as themselves.
func quoted(s string) (text, rest string) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '"':
			return b.String(), s[i+1:]
		case s[i] == '\\' && i+1 < len(s):
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String(), ""
}
