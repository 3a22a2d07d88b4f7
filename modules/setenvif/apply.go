package setenvif

import (
	"slices"
	"strings"

	"github.com/donjon-httpd/donjon/httpdconf/expr"
	"github.com/donjon-httpd/donjon/server"
	"github.com/donjon-httpd/donjon/server/pattern"
)

var elog = server.NewLog("setenvif")

// source is where a rule's text comes from.
type source uint8

const (
	field source = iota // a field of the request, else a variable set before
	remoteAddr
	remoteHost
	requestURI
	requestMethod
	requestProtocol
	serverAddr
)

func sourceOf(attr string) source {
	return map[string]source{"remote_addr": remoteAddr, "remote_host": remoteHost, "request_uri": requestURI,
		"request_method": requestMethod, "request_protocol": requestProtocol, "server_addr": serverAddr}[strings.ToLower(attr)]
}

// apply runs the rules in order (match_headers).
func (c *config) apply(r *server.Request) server.Status {
	val, known := "", ""
	var buf [10]string
	for i := range c.rules {
		rule := &c.rules[i]
		if rule.expr == nil && rule.attr != known {
			// Rules in a row about one attribute look it up once, as in Apache:
			// what the first one sets is not seen by the second.
			known, val = rule.attr, rule.value(r)
		}
		var captures []string
		switch {
		case rule.expr != nil:
			var caps expr.Captures
			if ok, err := rule.expr.Match(r, &caps); err != nil || !ok {
				continue
			}
			captures = caps
		case rule.regex != nil:
			if rule.needs != "" && !strings.Contains(val, rule.needs) {
				continue
			}
			if captures = rule.regex.Match(buf[:0], val); captures == nil {
				continue
			}
		case !contains(val, rule.literal, rule.fold):
			continue
		}
		if s := rule.set(r, captures); s != server.Declined {
			return s
		}
	}
	return server.Declined
}

// set sets and unsets the rule's variables.
func (rule *rule) set(r *server.Request, captures []string) server.Status {
	for _, v := range rule.vars.All() {
		value := v.Value
		if strings.HasPrefix(value, "!") {
			r.Env.Unset(v.Name)
		} else {
			if captures != nil {
				var err error
				if value, err = pattern.Substitute(value, captures); err != nil {
					elog.Crit(r).Msgf("AH01505: Regular expression replacement failed for '%s', value too long?", v.Name)
					return 500
				}
			}
			r.Env.Set(v.Name, value)
		}
		elog.Trace(2, r).Msgf("Setting %s", v.Name)
	}
	r.Because(rule.pos)
	return server.Declined
}

// value is what the rule looks at; absent is "".
func (rule *rule) value(r *server.Request) string {
	switch rule.source {
	case remoteAddr:
		return r.ClientIP
	case serverAddr:
		return r.Conn.LocalIP
	case remoteHost:
		return r.ClientHost()
	case requestURI:
		return r.URI
	case requestMethod:
		return r.Method
	case requestProtocol:
		return r.Proto
	}
	if rule.nameRegex != nil {
		return rule.anyField(r)
	}
	if v, ok := r.FieldIn(rule.attr); ok {
		return v
	}
	return r.Env.Get(rule.attr)
}

// anyField is the last field of the request whose name the regular expression
// matches. Fields that were added since the request came follow the others.
func (rule *rule) anyField(r *server.Request) (val string) {
	names := r.FieldOrder
	var added []string
	for name := range r.Header {
		if !slices.ContainsFunc(names, func(s string) bool { return strings.EqualFold(s, name) }) {
			added = append(added, name)
		}
	}
	slices.Sort(added)
	for _, name := range append(names[:len(names):len(names)], added...) {
		if v, ok := r.FieldIn(name); ok && rule.nameRegex.MatchString(name) {
			val = v
		}
	}
	return val
}
