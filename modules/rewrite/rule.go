package rewrite

import (
	"errors"
	"fmt"
	"strings"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/httpdconf"
	"github.com/donjon-httpd/donjon/server"
	"github.com/donjon-httpd/donjon/server/pattern"
)

// maxRounds is how often [N] starts over unless it says otherwise.
const maxRounds = 32000

// flag is a bit of a RewriteRule's flags.
type flag uint32

const (
	forceRedirect flag = 1 << iota
	lastRule
	newRound
	chain
	ignoreOnSubreq
	notMatch
	proxy
	passThrough
	qsAppend
	noCase
	noEscape
	noSub
	forceStatus
	escapeBackref
	discardPathInfo
	qsDiscard
	end
	escapeNoPlus
	qsLast
	qsNone
	escapeControls
	unsafeStat
	unsafeAllow3F
	unc
)

// rule is a RewriteRule with its conditions.
type rule struct {
	conds   []*cond
	pattern string // as written, without !
	regex   *pattern.Regexp
	output  string // as written
	subst   *template
	flags   flag

	mimeType  *template // nil: none
	handler   *template
	status    int // of a redirect or of the answer
	env       []*template
	cookies   []*template
	skip      int
	rounds    int
	pos       httpdconf.Pos
	escapes   string // characters that B names; "": all
	noEscapes string // characters that BNE names
}

func (r *rule) is(f flag) bool { return r.flags&f != 0 }

func addRule(c *config, cmd *directives.Cmd, args string) error {
	s := c.place(cmd)
	l, ok := splitLine(args)
	if !ok {
		return fmt.Errorf("RewriteRule: bad argument line '%s'", args)
	}
	r, err := newRule(l)
	if err != nil {
		return err
	}
	r.conds, s.conds, r.pos = s.conds, nil, cmd.Node.Pos
	s.rules = append(s.rules, r)
	return nil
}

// newRule compiles a line.
func newRule(l line) (*rule, error) {
	r := &rule{status: 302, rounds: maxRounds}
	if l.hasFlags {
		if err := eachFlag(l.flags, r.setFlag); err != nil {
			return nil, fmt.Errorf("RewriteRule: %w", err)
		}
	}
	r.pattern = l.first
	if rest, not := strings.CutPrefix(r.pattern, "!"); not {
		r.pattern, r.flags = rest, r.flags|notMatch
	}
	flags := pattern.DefaultFlags()
	if r.is(noCase) {
		flags |= pattern.FoldCase
	}
	var err error
	if r.regex, err = pattern.Compile(r.pattern, flags); err != nil {
		return nil, &directives.Hinted{Err: fmt.Errorf("RewriteRule: cannot compile regular expression '%s'", r.pattern), Hint: err.Error()}
	}
	r.output = l.second
	if r.output == "-" {
		r.flags |= noSub
	}
	switch {
	case strings.HasSuffix(r.output, "?") && r.is(qsAppend):
		r.flags |= qsLast
	case strings.HasSuffix(r.output, "?"):
		r.flags |= qsNone
		r.output = strings.TrimSuffix(r.output, "?")
	case r.is(qsDiscard) && !strings.Contains(r.output, "?"):
		r.flags |= qsNone
	}
	r.subst = compileTemplate(r.output)
	return r, nil
}

// simpleFlags are those that are a bit alone, by their names in lower case.
var simpleFlags = map[string]flag{
	"bnp": escapeNoPlus, "backrefernoplus": escapeNoPlus, "bctls": escapeControls | escapeBackref,
	"c": chain, "chain": chain, "d": discardPathInfo, "dpi": discardPathInfo, "discardpath": discardPathInfo,
	"end": end, "l": lastRule, "last": lastRule, "ne": noEscape, "noescape": noEscape, "ns": ignoreOnSubreq, "nosubreq": ignoreOnSubreq,
	"nc": noCase, "nocase": noCase, "p": proxy, "proxy": proxy, "pt": passThrough, "passthrough": passThrough,
	"qsa": qsAppend, "qsappend": qsAppend, "qsd": qsDiscard, "qsdiscard": qsDiscard, "qsl": qsLast, "qslast": qsLast,
	"unsafeprefixstat": unsafeStat, "unsafeallow3f": unsafeAllow3F, "unc": unc,
}

func (r *rule) setFlag(key, value string) error {
	lower := strings.ToLower(key)
	if bits, ok := simpleFlags[lower]; ok {
		r.flags |= bits
		return nil
	}
	switch lower {
	case "b", "backrefescaping":
		r.flags |= escapeBackref
		if value != "" {
			r.escapes = value
		}
	case "bne":
		if value == "" {
			return errors.New("flag 'BNE' wants a list of characters (i.e. [BNE=...])")
		}
		r.noEscapes = value
	case "co", "cookie":
		r.cookies = append(r.cookies, compileTemplate(value))
	case "e", "env":
		r.env = append(r.env, compileTemplate(value))
	case "f", "forbidden":
		r.flags |= forceStatus | noSub
		r.status = 403
	case "g", "gone":
		r.flags |= forceStatus | noSub
		r.status = 410
	case "h", "handler":
		r.handler = compileTemplate(value)
	case "n", "next":
		r.flags |= newRound
		if value != "" {
			r.rounds = atoi(value)
		}
	case "r", "redirect":
		return r.setRedirect(value)
	case "s", "skip":
		r.skip = atoi(value)
	case "t", "type":
		r.mimeType = compileTemplate(value)
	default:
		if strings.HasPrefix(lower, "d") {
			return nil // Apache takes any flag with this letter, and does nothing
		}
		return fmt.Errorf("unknown flag '%s'", key)
	}
	return nil
}

func (r *rule) setRedirect(value string) error {
	r.flags |= forceRedirect
	if value == "" {
		return nil
	}
	status := 0
	switch strings.ToLower(value) {
	case "permanent":
		status = 301
	case "temp":
		status = 302
	case "seeother":
		status = 303
	default:
		if value[0] < '0' || value[0] > '9' {
			break
		}
		status = atoi(value)
		if server.StatusText(status) == server.StatusText(500) && status != 500 {
			return fmt.Errorf("invalid HTTP response code '%s' for flag 'R'", value)
		}
		if !server.Status(status).IsRedirect() {
			r.flags |= forceStatus | noSub
		}
	}
	r.status = status
	return nil
}
