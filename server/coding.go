package server

import (
	"io"
	"strings"
)

// Coding is a content coding that a filter puts on responses: what DEFLATE,
// BROTLI_COMPRESS and their like have in common. A module fills one in and gives
// its Run to an [OutputFilter].
type Coding struct {
	Token  string // in Accept-Encoding and Content-Encoding, and behind the entity tag: "gzip"
	NoEnv  string // the environment variable that spares a response: "no-gzip"
	Log    *Log   // of the module
	Silent bool   // it does not say why it spares a response
	// Spare is asked before and after those reasons that all codings have for
	// leaving a response alone, and gives one of the module's own; nil has none.
	Spare func(r *Request, b *Brigade, behind bool) (reason string)
	// Forced tells that Accept-Encoding is not asked; may be nil.
	Forced func(*Request) bool
	// Plan says how a response is coded; false leaves it alone, logged by the module.
	Plan func(*Request) (CodingPlan, bool)

	accepting FieldClasses // Accept-Encoding, by whether it allows the coding
}

// CodingPlan is how one response is coded.
type CodingPlan struct {
	ETag ETagMode
	Key  string // of the coding and its settings: what has one key is coded alike
	// Piece is how many bytes of the coded form are gathered before they are sent.
	Piece int
	New   func(io.Writer) Encoder
	// Done is called when the response has ended, with its length before and after; may be nil.
	Done func(r *Request, in, out int64)
	// Failed words an error of the encoder for the log; flushing tells where.
	Failed func(r *Request, flushing bool, err error)
}

// Encoder makes the coded form of what is written to it.
type Encoder interface {
	io.Writer
	Flush() error // what was written can be decoded now
	Close() error // ends the form; the encoder is not used again
}

// ETagMode is what a coding does to the entity tag, which must tell the forms
// of a resource apart.
type ETagMode uint8

const (
	ETagAddSuffix ETagMode = iota // "x" becomes "x-gzip"
	ETagNoChange
	ETagRemove
)

// ParseETagMode reads AddSuffix, NoChange or Remove in any case.
func ParseETagMode(word string) (ETagMode, bool) {
	for m, name := range []string{"addsuffix", "nochange", "remove"} {
		if strings.ToLower(word) == name {
			return ETagMode(m), true
		}
	}
	return 0, false
}

// Run is the output filter.
func (c *Coding) Run(l *Link, b *Brigade) error {
	if s, ok := l.State.(*coder); ok {
		return s.run(l, b)
	}
	if len(b.Buckets) == 0 && !b.Flush && !b.EOS {
		return nil
	}
	r := l.R
	plan, ok := c.begin(r, b)
	if !ok {
		l.Remove()
		return l.Pass(b)
	}
	r.Out.Unset("Content-Length")
	r.Out.Unset("Content-MD5")
	r.AlterETag(c.Token, plan.ETag)
	if r.Status == 304 {
		l.Remove()
		return l.Pass(b)
	}
	s := &coder{plan: plan, piece: plan.Piece}
	if s.whole = b.wholeFile(); s.whole != nil {
		if form, ok := r.Gen.forms.get(s.whole, plan.Key); ok {
			l.Remove()
			s.done(r, b.Size(), int64(len(form)))
			return l.Pass(&Brigade{Buckets: []Bucket{{Mem: form}}, EOS: true})
		}
		s.piece = max(s.piece, formHeld)
		s.keep = true
	}
	s.enc = plan.New(s)
	l.State = s
	return s.run(l, b)
}

// begin decides whether a response is coded, and says so in its head. That
// Accept-Encoding was looked at is told even to who gets the plain form.
func (c *Coding) begin(r *Request, b *Brigade) (CodingPlan, bool) {
	if c.Spare != nil && c.spared(r, c.Spare(r, b, false)) {
		return CodingPlan{}, false
	}
	switch {
	case r.Main != nil:
		return CodingPlan{}, !c.spared(r, "Not compressing (subrequest)")
	case r.Status == 204:
		return CodingPlan{}, !c.spared(r, "Not compressing (no content)")
	case r.Env.Has(c.NoEnv):
		return CodingPlan{}, !c.spared(r, "Not compressing ("+c.NoEnv+")")
	case r.Out.Has("Content-Range"):
		return CodingPlan{}, !c.spared(r, "Not compressing (content-range)")
	}
	if c.Spare != nil && c.spared(r, c.Spare(r, b, true)) {
		return CodingPlan{}, false
	}
	encoding := r.codedSoFar()
	if token, coded := isCoded(encoding); coded {
		return CodingPlan{}, !c.spared(r, "Not compressing (content-encoding already  set: "+token+")")
	}
	r.Out.Merge("Vary", "Accept-Encoding")
	if c.Forced != nil && c.Forced(r) {
		c.say(r, "Forcing compression (force-"+c.Token+" set)")
	} else if accepts, sent := r.fieldIn("Accept-Encoding"); !sent {
		r.dependsOnField("Accept-Encoding")
		return CodingPlan{}, false
	} else if !c.accepted(r, accepts) {
		r.DependsOnClass("Accept-Encoding", accepts, &c.accepting, "refused")
		return CodingPlan{}, !c.spared(r, "Not compressing (no Accept-Encoding: "+c.Token+" or q=0)")
	} else {
		r.DependsOnClass("Accept-Encoding", accepts, &c.accepting, "accepted")
	}
	plan, ok := c.Plan(r)
	if !ok {
		return plan, false
	}
	if encoding == "" || strings.EqualFold(encoding, "identity") {
		r.Out.Set("Content-Encoding", c.Token)
	} else {
		r.Out.Merge("Content-Encoding", c.Token)
	}
	if r.ContentEncoding != "" {
		r.ContentEncoding = r.Out.Get("Content-Encoding")
	}
	return plan, true
}

// spared tells whether there is a reason to leave the response alone, and logs it.
func (c *Coding) spared(r *Request, reason string) bool {
	if reason != "" {
		c.say(r, reason)
	}
	return reason != ""
}

func (c *Coding) say(r *Request, text string) {
	if !c.Silent {
		c.Log.Trace(1, r).Msg(text)
	}
}

// accepted tells whether an Accept-Encoding field names the coding, and not
// with a weight of nothing. "*" is no name (as in Apache).
func (c *Coding) accepted(r *Request, field string) bool {
	token, rest := nextToken(field, false)
	for token != "" && !strings.EqualFold(token, c.Token) {
		for strings.HasPrefix(rest, ";") {
			_, rest = nextToken(rest[1:], true)
		}
		token, rest = nextToken(strings.TrimPrefix(rest, ","), false)
	}
	q := ""
	if rest != "" {
		q, _ = nextToken(strings.TrimLeft(rest, ";"), true)
		if ev := c.Log.Trace(1, r); ev != nil {
			ev.Msgf("token: '%s' - q: '%s'", token, q)
		}
	}
	return token != "" && !(len(q) >= 3 && strings.HasPrefix("q=0.000", q))
}

// nextToken cuts a word off a list, at a comma, a semicolon or, unless white,
// white space. Quoted strings are not looked into (ap_get_token).
func nextToken(s string, white bool) (token, rest string) {
	const space = " \t\n\v\f\r"
	s = strings.TrimLeft(s, space)
	end := 0
	for end < len(s) && s[end] != ';' && s[end] != ',' && (white || !strings.ContainsRune(space, rune(s[end]))) {
		if s[end] == '"' {
			for end++; end < len(s) && s[end] != '"'; end++ {
			}
			if end == len(s) {
				break
			}
		}
		end++
	}
	return s[:end], strings.TrimLeft(s[end:], space)
}

// codedSoFar is the list of codings that a response has, wherever they were set.
func (r *Request) codedSoFar() string {
	var list []string
	for _, v := range []string{r.Out.Get("Content-Encoding"), r.ErrOut.Get("Content-Encoding"), r.ContentEncoding} {
		if v != "" {
			list = append(list, v)
		}
	}
	return strings.Join(list, ",")
}

// isCoded tells whether a list of codings changes anything, and names the first that does.
func isCoded(list string) (string, bool) {
	token, rest := nextToken(list, false)
	for token != "" {
		switch token {
		case "identity", "7bit", "8bit", "binary":
		default:
			return token, true
		}
		if rest != "" {
			rest = rest[1:]
		}
		token, rest = nextToken(rest, false)
	}
	return "", false
}

// AlterETag tells a changed form of the response apart by its entity tag: "x"
// becomes "x-change".
func (r *Request) AlterETag(change string, how ETagMode) {
	switch how {
	case ETagNoChange:
	case ETagRemove:
		r.Out.Unset("ETag")
	default:
		if tag := r.Out.Get("ETag"); len(tag) > 2 && strings.HasSuffix(tag, `"`) {
			r.Out.Set("ETag", tag[:len(tag)-1]+"-"+change+`"`)
		}
	}
}
