package expr

import (
	"fmt"
	"strings"

	"github.com/alecthomas/participle/v2/lexer"
)

// diagnosis reads the tokens of a text that the parser refused once more, to
// say what Apache's parser says: the token that it did not expect and, where
// there are at most four, those that it did. Its states are bison's after
// default reductions (observed on 2.4.71), so that a complete comparison
// expects the end and not one more "&&".
type diagnosis struct {
	toks      []lexer.Token
	err       *scanError // where the scanner stopped behind toks; nil at the end
	at        int
	names     Names
	expecting string
	missing   string // the name that was resolved last and does not exist
	badRegexp bool   // one does not compile, which ends the reading there
}

// diagnose words what is wrong with a text. whole: it is the inside of a string.
func diagnose(s string, whole bool, names Names) error {
	toks, err := scan(s, whole)
	d := &diagnosis{toks: toks, names: names}
	d.err, _ = err.(*scanError)
	if whole {
		for d.part() {
		}
	} else if d.conditions() {
		d.expecting = "$end"
	}
	if d.badRegexp {
		return errBadRegexp
	}
	unexpected, behind := "", d.missing
	switch {
	case d.at < len(d.toks):
		unexpected = tokenName(d.toks[d.at])
	case d.err == nil:
		unexpected = "$end"
	case d.err.expected:
		return d.err
	default:
		unexpected, behind = "T_ERROR", d.err.msg
	}
	text := "syntax error, unexpected " + unexpected
	if d.expecting != "" {
		text += ", expecting " + d.expecting
	}
	if behind != "" {
		text += ": " + behind
	}
	return fmt.Errorf("%s", text)
}

// is tells whether the next token is of a kind; punctuation is of its own kind.
func (d *diagnosis) is(kinds ...lexer.TokenType) bool {
	if d.at == len(d.toks) {
		return false
	}
	for _, k := range kinds {
		if d.toks[d.at].Type == k {
			return true
		}
	}
	return false
}

func (d *diagnosis) take(kinds ...lexer.TokenType) bool {
	ok := d.is(kinds...)
	if ok {
		d.at++
	}
	return ok
}

func (d *diagnosis) punct(c string) bool {
	ok := d.is(tokPunct) && d.toks[d.at].Value == c
	if ok {
		d.at++
	}
	return ok
}

// wants notes what is expected here; it is always false.
func (d *diagnosis) wants(tokens ...string) bool {
	d.expecting = strings.Join(tokens, " or ")
	return false
}

func (d *diagnosis) conditions() bool {
	for d.condition() {
		if !d.take(tokAnd, tokOr) {
			return true
		}
	}
	return false
}

func (d *diagnosis) condition() bool {
	for d.take(tokNot) {
	}
	switch {
	case d.take(tokTrue, tokFalse):
		return true
	case d.punct("("):
		return d.conditions() && (d.punct(")") || d.wants("T_OP_OR", "T_OP_AND", "')'"))
	case d.take(tokUnary):
		return d.word()
	}
	if !d.word() {
		return false
	}
	switch {
	case d.take(tokCompare, tokBinary):
		return d.word()
	case d.take(tokMatch):
		if !d.is(tokRegex, tokRegexFold) {
			return d.wants("T_REGEX", "T_REGEX_I")
		}
		_, err := d.names.Regexp(d.toks[d.at].Value, false)
		d.badRegexp = err != nil
		d.at++
		return !d.badRegexp
	case d.take(tokIn):
		return d.list()
	}
	return false
}

func (d *diagnosis) list() bool {
	if d.is(tokIdent) {
		return d.call()
	}
	if !d.punct("{") {
		return d.wants("T_ID", "'{'")
	}
	for d.word() {
		if d.punct("}") {
			return true
		}
		if !d.punct(",") {
			return d.wants("'}'", "','")
		}
	}
	return false
}

func (d *diagnosis) word() bool {
	for d.atom() {
		if !d.punct(".") {
			return true
		}
	}
	return false
}

func (d *diagnosis) atom() bool {
	switch {
	case d.take(tokDigits, tokBackref):
		return true
	case d.is(tokVarBegin):
		return d.variable()
	case d.is(tokIdent):
		return d.call()
	case d.take(tokStrBegin):
		for d.part() {
		}
		return d.take(tokStrEnd)
	}
	return false
}

func (d *diagnosis) call() bool {
	name := d.toks[d.at].Value
	d.at++
	if !d.punct("(") {
		return d.wants("'('")
	}
	if !d.word() {
		return false
	}
	if !d.punct(")") {
		return d.wants("T_OP_CONCAT", "')'")
	}
	d.function(name)
	return true
}

// part is a piece of a string; false without a wish is its end.
func (d *diagnosis) part() bool {
	if d.expecting != "" {
		return false
	}
	return d.take(tokString, tokBackref) || d.is(tokVarBegin) && d.variable()
}

func (d *diagnosis) variable() bool {
	d.at++
	if !d.is(tokIdent) {
		return d.wants("T_ID")
	}
	name := d.toks[d.at].Value
	d.at++
	if d.take(tokVarEnd) {
		if f, err := d.names.Var(name); f == nil && err == nil {
			d.missing = fmt.Sprintf("Variable '%s' does not exist", name)
		}
		return true
	}
	if !d.punct(":") {
		return d.wants("T_VAR_END", "':'")
	}
	if !d.part() {
		if d.expecting == "" {
			d.wants("T_ERROR", "T_STRING", "T_REGEX_BACKREF", "T_VAR_BEGIN")
		}
		return false
	}
	for d.part() {
	}
	if !d.take(tokVarEnd) {
		if d.expecting == "" && d.toks[d.at-1].Type == tokVarEnd {
			d.wants("T_STRING", "T_REGEX_BACKREF", "T_VAR_BEGIN", "T_VAR_END")
		}
		return false
	}
	d.function(name)
	return true
}

func (d *diagnosis) function(name string) {
	if f, err := d.names.Func(name, nil); f == nil && err == nil {
		d.missing = fmt.Sprintf("Function '%s' does not exist", name)
	}
}
