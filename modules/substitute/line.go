package substitute

import (
	"errors"
	"strings"

	"github.com/donjon-httpd/donjon/server"
)

var errTooLong = errors.New("line too long")

// replacer applies the rules to lines of one response.
type replacer struct {
	r     *server.Request
	rules []rule
	max   int
	loc   []int
}

// line gives what the rules make of a line: pieces, because a rule with the
// flag q leaves what it replaced apart from the rest, so that later rules match
// inside the pieces alone. A single rule does so too.
func (p *replacer) line(text string) ([]string, error) {
	pieces := []string{text}
	for i := range p.rules {
		rule := &p.rules[i]
		var out []string
		for _, piece := range pieces {
			p.trace(rule, piece)
			var err error
			if out, err = p.piece(out, rule, piece); err != nil {
				return nil, err
			}
		}
		pieces = out
	}
	return pieces, nil
}

// piece appends what a rule makes of a piece to out. Behind each match the
// search begins anew, so that ^ matches there again.
func (p *replacer) piece(out []string, rule *rule, piece string) ([]string, error) {
	flatten := rule.flatten && len(p.rules) > 1
	var flat strings.Builder
	left := p.max // for text that is kept apart
	rest := piece
	matched := false
	for {
		from, to, ok := p.find(rule, rest)
		if !ok {
			break
		}
		matched = true
		with := rule.to
		if rule.re != nil {
			with = expand(rule.to, rest, p.loc)
		}
		elog.Trace(8, p.r).Msgf("Matching found, result: '%s'", with)
		if from == to && with == "" {
			return nil, errTooLong // it would go on for ever
		}
		if flatten {
			if !p.fits(rule, flat.Len(), from, len(with)) {
				return nil, errTooLong
			}
			flat.WriteString(rest[:from])
			flat.WriteString(with)
		} else {
			if !p.fits(rule, p.max-left, from, len(with)) {
				return nil, errTooLong
			}
			left -= from + len(with)
			out = append(out, rest[:from], with)
		}
		rest = rest[to:]
	}
	switch {
	case !matched:
		return append(out, piece), nil
	case flatten:
		flat.WriteString(rest)
		return append(out, flat.String()), nil
	case rule.re == nil && left < len(rest):
		return nil, errTooLong
	}
	return append(out, rest), nil
}

// fits tells whether a line of used bytes may have what stands before a match,
// and its replacement. Text may fill the line, a pattern not quite.
func (p *replacer) fits(rule *rule, used, before, with int) bool {
	if rule.re == nil {
		return used+before+with <= p.max
	}
	return used+before < p.max && with < p.max-used-before
}

func (p *replacer) find(rule *rule, s string) (from, to int, ok bool) {
	if rule.re != nil {
		p.loc = rule.re.MatchIndex(p.loc[:0], s)
		if p.loc == nil {
			return 0, 0, false
		}
		return p.loc[0], p.loc[1], true
	}
	i := -1
	if rule.fold {
		i = strings.Index(server.LowerASCII(s), server.LowerASCII(rule.from))
	} else {
		i = strings.Index(s, rule.from)
	}
	return i, i + len(rule.from), i >= 0
}

// expand puts groups in the place of $0 to $9; a backslash stands before any
// character that means itself.
func expand(to, s string, loc []int) string {
	if !strings.ContainsAny(to, `$\`) {
		return to
	}
	var b strings.Builder
	for i := 0; i < len(to); i++ {
		switch c := to[i]; {
		case c == '$' && i+1 < len(to) && to[i+1] >= '0' && to[i+1] <= '9':
			i++
			if n := 2 * int(to[i]-'0'); n < len(loc) && loc[n] >= 0 {
				b.WriteString(s[loc[n]:loc[n+1]])
			}
		case c == '\\' && i+1 < len(to):
			i++
			b.WriteByte(to[i])
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

func (p *replacer) trace(rule *rule, piece string) {
	if ev := elog.Trace(8, p.r); ev != nil {
		ev.Msgf("Line read (%d bytes): %.200s", len(piece), piece)
	}
	if ev := elog.Trace(8, p.r); ev != nil {
		kind := "string"
		if rule.re != nil {
			kind = "regex"
		}
		ev.Msgf("Replacing %s:'%s' by '%s'", kind, rule.from, rule.to)
	}
}
