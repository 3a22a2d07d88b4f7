package proxy_html

import (
	"errors"
	"strings"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/httpdconf"
	"github.com/donjon-httpd/donjon/server"
	"github.com/donjon-httpd/donjon/server/pattern"
)

// rule is one ProxyHTMLURLMap.
type rule struct {
	from, to string
	re       *pattern.Regexp // nil: from is text
	how      pattern.Flags
	cond     *server.Expr

	html, events, cdata bool // where it holds
	atStart, atEnd      bool
	isRegexp            bool
	last, notLast       bool
	interpTo            bool // ${variables} in to
	interpFrom          bool // and in from
}

func checkSize(_ *config, cmd *directives.Cmd, word string) error {
	if _, rest, ok := server.Strtoff(word); !ok || rest != "" {
		return errors.New("Invalid value for directive " + cmd.Name + ", expected integer")
	}
	return nil
}

func (c *config) addRule(cmd *directives.Cmd, args string) error {
	var r rule
	var flags, cond string
	r.from, args = httpdconf.Getword(args)
	r.to, args = httpdconf.Getword(args)
	if flags, args = httpdconf.Getword(args); flags != "" {
		cond, _ = httpdconf.Getword(args)
	}
	has := func(c string) bool { return strings.Contains(flags, c) }
	r.html, r.events, r.cdata = !has("h"), !has("e"), !has("c")
	r.atStart, r.atEnd, r.isRegexp = has("^"), has("$"), has("R")
	r.last, r.notLast, r.interpTo, r.interpFrom = has("L"), has("l"), has("V"), has("v")
	if r.isRegexp {
		// Of a pattern with variables Apache forgets these flags.
		r.how = pattern.DefaultFlags()
		if !r.interpFrom {
			if has("i") {
				r.how |= pattern.FoldCase
			}
			if has("s") {
				r.from = "(?m)" + r.from
			}
		}
		var err error
		if r.re, err = pattern.Compile(r.from, r.how); err != nil && !r.interpFrom {
			return errors.New("ProxyHTMLURLMap: cannot compile regular expression '" + r.from + "'")
		}
	}
	if cond != "" {
		var err error
		if r.cond, err = server.CompileExprFor(cmd, condition(cond), 0); err != nil {
			return err
		}
	}
	c.rules = append(c.rules, r)
	return nil
}

// condition reads the old conditions [!]VARIABLE[=VALUE] as expressions.
func condition(text string) string {
	name, negate := strings.CutPrefix(text, "!")
	name, value, equals := strings.Cut(name, "=")
	if name == "" || equals && value == "" || strings.ContainsFunc(name, func(c rune) bool {
		return c != '_' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z')
	}) {
		return text
	}
	bang := map[bool]string{true: "!"}[negate]
	if !equals {
		if negate {
			// As Apache makes it: it shifts its own text by one and cuts its end off.
			return "!" + "reqenv('" + name + "')!'"
		}
		return "reqenv('" + name + "')''"
	}
	return "reqenv('" + name + "')" + bang + "='" + value + "'"
}

// rulesFor are the rules whose conditions hold for a request, with their
// variables in place.
func (c *config) rulesFor(r *server.Request) []rule {
	if !c.interp {
		return c.rules
	}
	var list []rule
	for _, m := range c.rules {
		if m.cond != nil {
			if ok, err := m.cond.Bool(r); err != nil {
				elog.Error(r).Msgf("AH01421: Error evaluating expr: %s", err) // the rule holds all the same
			} else if !ok {
				continue
			}
		}
		if m.interpFrom {
			if m.from = interpolate(r, m.from); m.from == "" {
				continue
			}
			if m.isRegexp {
				var err error
				if m.re, err = pattern.Compile(m.from, m.how); err != nil {
					continue
				}
			}
		}
		if m.interpTo {
			m.to = interpolate(r, m.to)
		}
		list = append(list, m)
	}
	return list
}

// mostVariables bounds variables whose values name variables.
const mostVariables = 100

// interpolate puts variables of the request in the places of ${name} and ${name|default}.
func interpolate(r *server.Request, s string) string {
	for range mostVariables {
		start := strings.Index(s, "${")
		if start < 0 {
			break
		}
		end := strings.IndexByte(s[start+2:], '}')
		if end < 0 {
			break
		}
		end += start + 2
		name, other := s[start+2:end], ""
		if bar := strings.IndexByte(s[start:], '|'); bar >= 0 {
			// A bar behind the brace counts too, as Apache has it.
			bar += start
			name, other = s[start+2:bar], s[bar+1:max(end, bar+1)]
			if bar > end {
				other = s[bar+1:]
			}
		}
		value, ok := r.Env.Get(name), r.Env.Has(name)
		if !ok {
			value = other
		}
		s = s[:start] + value + s[end+1:]
		elog.Trace(1, r).Msgf("Interpolating %s  =>  %s", name, value)
	}
	return s
}

// inLink changes the value of an attribute that is a URL.
func inLink(r *server.Request, rules []rule, v string) string {
	matched := false
	for i := range rules {
		m := &rules[i]
		switch {
		case !m.html:
			continue
		case m.isRegexp:
			if loc := m.index(v); loc != nil {
				matched = true
				with := m.expand(v, loc)
				elog.Trace(3, r).Msgf("H/RX: match at %s, substituting %s", v[loc[0]:loc[1]], with)
				v = v[:loc[0]] + with + v[loc[1]:]
			}
		case len(v) >= len(m.from) && strings.EqualFold(v[:len(m.from)], m.from):
			elog.Trace(3, r).Msgf("H: matched %s, substituting %s", m.from, m.to)
			return m.to + v[len(m.from):]
		}
		if matched && !m.notLast {
			break
		}
	}
	return v
}

// inEvent changes the value of an attribute that is a script.
func inEvent(r *server.Request, rules []rule, v string) string {
	for i := range rules {
		m := &rules[i]
		if !m.events {
			continue
		}
		n := 0
		if m.isRegexp {
			v, n = m.replaceAll(r, "E/RX", v)
		} else {
			v, n = m.replaceText(r, "E", v)
		}
		if n > 0 && m.last {
			break
		}
	}
	return v
}

// inScript changes the text of a script or style.
func inScript(r *server.Request, rules []rule, v string) string {
	for i := range rules {
		m := &rules[i]
		if !m.cdata {
			continue
		}
		if m.isRegexp {
			v, _ = m.replaceAll(r, "C/RX", v)
		} else {
			v, _ = m.replaceText(r, "C", v)
		}
	}
	return v
}

func (m *rule) index(v string) []int {
	if m.re == nil {
		return nil
	}
	return m.re.MatchIndex(nil, v)
}

// ampersand has & mean itself.
var ampersand = strings.NewReplacer(`\&`, `\&`, "&", `\&`)

func (m *rule) expand(v string, loc []int) string {
	groups := make([]string, min(len(loc)/2, 10))
	for i := range groups {
		if loc[2*i] >= 0 {
			groups[i] = v[loc[2*i]:loc[2*i+1]]
		}
	}
	with, err := pattern.Substitute(ampersand.Replace(m.to), groups)
	if err != nil {
		return ""
	}
	return with
}

// replaceAll replaces all matches of the pattern, each searched for behind the
// one before as if the text began there.
func (m *rule) replaceAll(r *server.Request, where, v string) (string, int) {
	var out strings.Builder
	n := 0
	for {
		loc := m.index(v)
		if loc == nil {
			break
		}
		n++
		with := m.expand(v, loc)
		elog.Trace(3, r).Msgf("%s: match at %s, substituting %s", where, v[loc[0]:loc[1]], with)
		out.WriteString(v[:loc[0]])
		out.WriteString(with)
		if loc[1] == 0 { // Apache would stay there for ever
			break
		}
		v = v[loc[1]:]
	}
	out.WriteString(v)
	return out.String(), n
}

// replaceText replaces all occurrences of the text. In the attributes of events
// a rule for the start holds for the rest too, once it has matched there. (When
// there are several in an attribute, Apache 2.4.71 looks for the next one in text
// that it then moves, and replaces what it finds in that place.)
func (m *rule) replaceText(r *server.Request, where, v string) (string, int) {
	n := 0
	for at := 0; m.from != ""; {
		i := strings.Index(v[at:], m.from)
		if i < 0 || m.atStart && at+i != 0 && (n == 0 || where == "C") {
			break
		}
		at += i
		end := at + len(m.from)
		if m.atEnd && end < len(v) {
			at = end
			continue
		}
		n++
		elog.Trace(3, r).Msgf("%s: matched %s, substituting %s", where, m.from, m.to)
		v = v[:at] + m.to + v[end:]
		at += len(m.to)
	}
	return v, n
}
