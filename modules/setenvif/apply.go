package setenvif

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

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
	held := outcome{conf: c, r: r}
	defer held.tell()
	for i := range c.rules {
		rule := &c.rules[i]
		if rule.expr == nil && rule.attr != known {
			// Rules in a row about one attribute look it up once, as in Apache:
			// what the first one sets is not seen by the second.
			held.tell()
			known, val = rule.attr, rule.value(r, &held)
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
		held.add(i, rule)
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
func (rule *rule) value(r *server.Request, o *outcome) string {
	switch rule.source {
	case remoteAddr:
		r.DependsOnClient()
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
		r.Unrepeatable()
		return rule.anyField(r)
	}
	if v := r.Header[http.CanonicalHeaderKey(rule.attr)]; len(v) == 1 && !strings.EqualFold(rule.attr, "Host") {
		o.field, o.value = rule.attr, v[0]
		return v[0]
	}
	if v, ok := r.FieldIn(rule.attr); ok {
		return v
	}
	return r.Env.Get(rule.attr)
}

// outcome gathers which rules about a field hold for its value. All that the
// answer then depends on is this: the many values of User-Agent are few cases.
type outcome struct {
	conf  *config
	r     *server.Request
	field string // "" for none under way
	value string
	rules []byte // indices of those that hold
}

func (o *outcome) add(i int, rule *rule) {
	switch {
	case o.field == "" || rule.expr != nil:
	case rule.regex != nil && rule.captures():
		o.r.FieldIn(o.field) // the value itself may be taken over
	default:
		o.rules = strconv.AppendInt(append(o.rules, ' '), int64(i), 10)
	}
}

func (o *outcome) tell() {
	if o.field != "" {
		o.r.DependsOnClass(o.field, o.value, o.conf.classes.of(o.field), string(o.rules))
	}
	o.field, o.rules = "", o.rules[:0]
}

// captures tells whether a value takes over what the regular expression found.
func (rule *rule) captures() bool {
	return slices.ContainsFunc(rule.vars.All(), func(v server.Field) bool { return strings.ContainsAny(v.Value, "$\\&") })
}

// classes are the tables of one list of rules, by field.
type classes struct {
	mu sync.Mutex
	m  map[string]*server.FieldClasses
}

func (c *classes) of(field string) *server.FieldClasses {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.m[field]
	if t == nil {
		if c.m == nil {
			c.m = map[string]*server.FieldClasses{}
		}
		t = &server.FieldClasses{}
		c.m[field] = t
	}
	return t
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
