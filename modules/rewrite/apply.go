package rewrite

import (
	"strconv"
	"strings"
	"sync"

	"github.com/donjon-httpd/donjon/server"
)

// outcome is what a list of rules came to (Apache's ACTION_ values, which
// notes keep as numbers).
type outcome int

const (
	unchanged   outcome = 0
	changed     outcome = 1 << 0 // the result is to be escaped
	changedRaw  outcome = 1 << 1 // [NE]
	answered    outcome = 1 << 2 // a rule says which status to answer; r.Status has it
	answeredSet outcome = 1 << 3 // the same for an error, whose status stays
)

// result is what one rule came to.
type result uint8

const (
	noMatch result = iota
	matched
	matchedOnly // without a substitution
	refused     // r.Status says with what
)

// ended marks a request that [END] was used on; it holds for what it is
// redirected to inside the server.
type ended struct{}

// contexts are kept for the next list: they are large.
var contexts = sync.Pool{New: func() any { return new(context) }}

// applyList applies rules in order (apply_rewrite_list). last is the last rule
// that replaced the URL.
func applyList(r *server.Request, rules []*rule, perdir string) (o outcome, last *rule) {
	c := contexts.Get().(*context)
	defer func() {
		*c = context{}
		contexts.Put(c)
	}()
	c.r, c.perdir, c.traced = r, perdir, traced(r)
	limit := 2 * server.CoreServer.Of(r.Server).LimitRequestLine.Else(8190)
	round := 1
	for i := 0; i < len(rules); i++ {
		p := rules[i]
		if r.Main != nil && p.flags&(ignoreOnSubreq|forceRedirect) != 0 {
			continue
		}
		c.vary = ""
		done := c.apply(p)
		if c.budget.exhausted() {
			elog.Error(r).Msgf("RewriteRule '%s' and URI '%s': the patterns backtrack for more than %s", p.pattern, r.URI, backtrackLimit)
			r.Status = 500
			return answered, last
		}
		if done == noMatch {
			for i < len(rules) && rules[i].is(chain) {
				i++
			}
			continue
		}
		if !p.is(noSub) {
			c.trace(2, perdir, "setting lastsub to rule with output %s", p.output)
			last = p
		}
		if len(r.Filename) > limit {
			elog.Error(r).Msgf("RewriteRule '%s' and URI '%s' exceeded maximum length (%d)", p.pattern, r.URI, limit)
			r.Status = 500
			return answered, last
		}
		if c.vary != "" {
			r.Out.Merge("Vary", c.vary)
		}
		r.Because(p.pos)
		switch {
		case done == refused:
			return answeredSet, last
		case p.is(forceStatus):
			return answered, last
		case done == matched && p.is(noEscape):
			o = changedRaw
		case done == matched:
			o = changed
		}
		if p.is(passThrough) {
			c.trace(2, perdir, "forcing '%s' to get passed through to next API URI-to-filename handler", r.Filename)
			r.Filename = passThroughPrefix + r.Filename
			return changed, last
		}
		if p.is(end) {
			c.trace(8, perdir, "Rule has END flag, no further rewriting for this request")
			r.Mark(ended{})
			break
		}
		if p.flags&(proxy|lastRule) != 0 {
			break
		}
		if p.is(newRound) {
			if round++; round >= p.rounds {
				elog.Error(r).Msgf("AH02596: RewriteRule '%s' and URI '%s' exceeded maximum number of rounds (%d) via the [N] flag",
					p.pattern, r.URI, p.rounds)
				r.Status = 500
				return answered, last
			}
			if !c.budget.again() {
				elog.Error(r).Msgf("RewriteRule '%s' and URI '%s': rounds via the [N] flag take more than %s", p.pattern, r.URI, roundsLimit)
				r.Status = 500
				return answered, last
			}
			i = -1
			continue
		}
		i += max(p.skip, 0)
	}
	return o, last
}

const (
	passThroughPrefix = "passthrough:"
	proxyPrefix       = "proxy:"
	redirectPrefix    = "redirect:"
)

// subject sets what a rule is matched with: the URL so far, in a directory
// with its path info and without the directory.
func (c *context) subject(isProxy bool) {
	r := c.r
	c.uri = r.Filename
	if c.perdir == "" {
		return
	}
	if r.PathInfo != "" {
		c.trace(3, c.perdir, "add path info postfix: %s -> %s%s", c.uri, c.uri, r.PathInfo)
		c.uri = c.withPathInfo(r)
	}
	if rest, ok := strings.CutPrefix(c.uri, c.perdir); ok && !isProxy {
		c.trace(3, c.perdir, "strip per-dir prefix: %s -> %s", c.uri, rest)
		c.uri = rest
	}
}

// withPathInfo joins the two once for all rules that change neither.
func (c *context) withPathInfo(r *server.Request) string {
	if c.joined.file != r.Filename || c.joined.info != r.PathInfo {
		c.joined.file, c.joined.info, c.joined.both = r.Filename, r.PathInfo, r.Filename+r.PathInfo
	}
	return c.joined.both
}

// apply applies one rule (apply_rewrite_rule).
func (c *context) apply(p *rule) result {
	r := c.r
	isProxy := c.perdir != "" && r.Proxied && strings.HasPrefix(r.Filename, proxyPrefix)
	c.subject(isProxy)
	c.trace(3, c.perdir, "applying pattern '%s' to uri '%s'", p.pattern, c.uri)
	groups := c.budget.match(p.regex, c.ruleBuf[:0], c.uri)
	if (groups != nil) == p.is(notMatch) {
		return noMatch
	}
	c.varyThis = ""
	c.condMatch.clear()
	if p.is(notMatch) {
		c.ruleMatch.clear()
	} else {
		c.ruleMatch.keep(groups)
	}
	if !c.conditions(p) {
		return noMatch
	}

	newURI := ""
	if !p.is(noSub) {
		var mark questionMark
		newURI, mark = p.subst.expandMarked(c, p)
		c.trace(2, c.perdir, "rewrite '%s' -> '%s'", c.uri, newURI)
		if mark == broughtMark && !p.is(unsafeAllow3F) {
			elog.Error(r).Msg("AH10508: Unsafe URL with %3f URL rewritten without UnsafeAllow3F")
			r.Status = 403
			return refused
		}
	}
	c.setEnv(p)
	for _, t := range p.cookies {
		addCookie(r, t.expand(c, nil))
	}
	if p.is(noSub) {
		c.remember(p)
		if p.is(forceStatus) {
			c.trace(2, c.perdir, "forcing responsecode %s for %s", strconv.Itoa(p.status), r.Filename)
			r.Status = p.status
		}
		return matchedOnly
	}
	return c.substitute(p, newURI, isProxy)
}

// conditions tells whether the rule's conditions hold.
func (c *context) conditions(p *rule) bool {
	for i := 0; i < len(p.conds); i++ {
		n := p.conds[i]
		ok := n.holds(c)
		if n.noVary {
			c.varyThis = ""
		}
		switch {
		case n.or && !ok:
			c.varyThis = ""
			continue
		case n.or: // the rest of the alternatives need not be asked
			for i < len(p.conds)-1 && p.conds[i].or {
				i++
			}
		case !ok:
			return false
		}
		if c.varyThis != "" {
			if c.vary != "" {
				c.vary += ", "
			}
			c.vary += c.varyThis
			c.varyThis = ""
		}
	}
	return true
}

// substitute puts the new URL into the request.
func (c *context) substitute(p *rule, newURI string, isProxy bool) result {
	r := c.r
	prefixed := false
	if !isProxy && !strings.HasPrefix(newURI, "/") && scheme(newURI) == 0 {
		switch {
		case c.perdir != "":
			c.trace(3, c.perdir, "add per-dir prefix: %s -> %s%s", newURI, c.perdir, newURI)
			newURI, prefixed = c.perdir+newURI, true
		case p.flags&(proxy|forceRedirect) == 0:
			// Otherwise a scheme could come out of what $1 brings.
			c.trace(3, c.perdir, "add root prefix: %s -> /%s", newURI, newURI)
			newURI, prefixed = "/"+newURI, true
		}
	}
	r.Filename = newURI
	if c.perdir != "" && p.is(discardPathInfo) {
		r.PathInfo = ""
	}
	c.splitQuery(p)
	switch {
	case p.is(proxy):
		c.qualify()
		c.trace(2, c.perdir, "forcing proxy-throughput with %s", r.Filename)
		r.Filename = proxyPrefix + r.Filename
		return matched
	case p.is(forceRedirect):
		c.qualify()
		c.trace(2, c.perdir, "explicitly forcing redirect with %s", r.Filename)
		r.Status = p.status
		return matched
	}
	c.reduce()
	if scheme(r.Filename) > 0 {
		c.trace(2, c.perdir, "implicitly forcing redirect (rc=%s with %s", strconv.Itoa(p.status), r.Filename)
		r.Status = p.status
		return matched
	}
	if !p.is(unc) && !prefixed && !strings.HasPrefix(p.output, "//") {
		for strings.HasPrefix(r.Filename, "//") {
			r.Filename = r.Filename[1:]
		}
	}
	c.remember(p)
	return matched
}

// setEnv sets and unsets the variables of [E].
func (c *context) setEnv(p *rule) {
	for _, t := range p.env {
		s := t.expand(c, nil)
		if name, not := strings.CutPrefix(s, "!"); not {
			c.r.Env.Unset(name)
			c.trace(5, "", "unsetting env variable '%s'", name)
			continue
		}
		name, value, _ := strings.Cut(s, ":")
		c.r.Env.Set(name, value)
		c.trace(5, "", "setting env variable '%s' to '%s'", name, value)
	}
}

// Notes that [T] and [H] leave for the end of the fixups.
const (
	noteMIMEType = "rewrite-forced-mimetype"
	noteHandler  = "rewrite-forced-handler"
)

func (c *context) remember(p *rule) {
	if p.mimeType != nil {
		if s := strings.ToLower(p.mimeType.expand(c, p)); s != "" {
			c.trace(2, c.perdir, "remember %s to have MIME-type '%s'", c.r.Filename, s)
			c.r.Notes.Set(noteMIMEType, s)
		}
	}
	if p.handler != nil {
		if s := strings.ToLower(p.handler.expand(c, p)); s != "" {
			c.trace(2, c.perdir, "remember %s to have Content-handler '%s'", c.r.Filename, s)
			c.r.Notes.Set(noteHandler, s)
		}
	}
}
