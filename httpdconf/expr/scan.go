package expr

import (
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/participle/v2/lexer"
)

// Kinds of token; the names in symbols are those of the grammar.
const (
	tokString lexer.TokenType = -(iota + 2)
	tokStrBegin
	tokStrEnd
	tokVarBegin
	tokVarEnd
	tokBackref
	tokRegex
	tokRegexFold
	tokCompare
	tokMatch
	tokIn
	tokAnd
	tokOr
	tokNot
	tokUnary
	tokBinary
	tokTrue
	tokFalse
	tokDigits
	tokIdent
	tokPunct
)

// tokenName is what bison calls a token in "unexpected …".
func tokenName(t lexer.Token) string {
	if t.Type == lexer.EOF {
		return "$end"
	}
	if t.Type == tokPunct {
		if t.Value == "." {
			return "T_OP_CONCAT"
		}
		return "'" + t.Value + "'"
	}
	names := map[lexer.TokenType]string{
		tokString: "T_STRING", tokStrBegin: "T_STR_BEGIN", tokStrEnd: "T_STR_END", tokVarBegin: "T_VAR_BEGIN",
		tokVarEnd: "T_VAR_END", tokBackref: "T_REGEX_BACKREF", tokRegex: "T_REGEX", tokRegexFold: "T_REGEX_I",
		tokIn: "T_OP_IN", tokAnd: "T_OP_AND", tokOr: "T_OP_OR", tokNot: "T_OP_NOT", tokUnary: "T_OP_UNARY",
		tokBinary: "T_OP_BINARY", tokTrue: "T_TRUE", tokFalse: "T_FALSE", tokDigits: "T_DIGIT", tokIdent: "T_ID",
	}
	if n := names[t.Type]; n != "" {
		return n
	}
	ops := map[string]string{"==": "T_OP_STR_EQ", "!=": "T_OP_STR_NE", "<": "T_OP_STR_LT", "<=": "T_OP_STR_LE",
		">": "T_OP_STR_GT", ">=": "T_OP_STR_GE", "=~": "T_OP_REG", "!~": "T_OP_NRE",
		"eq": "T_OP_EQ", "ne": "T_OP_NE", "lt": "T_OP_LT", "le": "T_OP_LE", "gt": "T_OP_GT", "ge": "T_OP_GE"}
	if n := ops[t.Value]; n != "" {
		return n
	}
	return "T_OP_CONCAT"
}

// definition makes the scanner known to participle. whole: the text is the
// inside of a string.
type definition struct{ whole bool }

var (
	_ lexer.Definition       = definition{}
	_ lexer.StringDefinition = definition{}
)

// Symbols is a function's result, not a variable: parsers are built while
// variables are initialised.
func (definition) Symbols() map[string]lexer.TokenType {
	return map[string]lexer.TokenType{
		"EOF": lexer.EOF, "String": tokString, "StrBegin": tokStrBegin, "StrEnd": tokStrEnd,
		"VarBegin": tokVarBegin, "VarEnd": tokVarEnd, "Backref": tokBackref,
		"Regex": tokRegex, "RegexFold": tokRegexFold, "Compare": tokCompare, "Match": tokMatch, "In": tokIn,
		"And": tokAnd, "Or": tokOr, "Not": tokNot, "Unary": tokUnary, "Binary": tokBinary,
		"True": tokTrue, "False": tokFalse, "Digits": tokDigits, "Ident": tokIdent, "Punct": tokPunct,
	}

}

func (d definition) Lex(_ string, r io.Reader) (lexer.Lexer, error) {
	b, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	return d.LexString("", string(b))
}

func (d definition) LexString(_ string, s string) (lexer.Lexer, error) {
	toks, err := scan(s, d.whole)
	return &tokens{toks, err}, nil
}

// tokens gives the scanned tokens, then the scanner's error where it stopped.
type tokens struct {
	list []lexer.Token
	err  error
}

func (t *tokens) Next() (lexer.Token, error) {
	if len(t.list) == 0 {
		if t.err != nil {
			return lexer.Token{}, t.err
		}
		return lexer.EOFToken(lexer.Position{}), nil
	}
	next := t.list[0]
	t.list = t.list[1:]
	return next, nil
}

// scanError is Apache's PERROR. expected: it stands where the grammar has a rule
// for an error, which then is told alone.
type scanError struct {
	msg      string
	expected bool
}

func (e *scanError) Error() string { return e.msg }

const (
	maxString = 8192 // MAX_STRING_LEN
)

type scanner struct {
	s    string
	at   int
	toks []lexer.Token
}

func (sc *scanner) emit(t lexer.TokenType, v string) {
	sc.toks = append(sc.toks, lexer.Token{Type: t, Value: v, Pos: lexer.Position{Offset: sc.at, Line: 1, Column: sc.at + 1}})
}

func fail(format string, args ...any) error { return &scanError{msg: fmt.Sprintf(format, args...)} }

// errorExpected tells whether an error token may follow toks: where a
// condition or the first part of a string is to begin.
func errorExpected(toks []lexer.Token) bool {
	if len(toks) == 0 {
		return true
	}
	switch last := toks[len(toks)-1]; last.Type {
	case tokNot, tokAnd, tokOr, tokStrBegin:
		return true
	case tokPunct:
		call := len(toks) > 1 && toks[len(toks)-2].Type == tokIdent
		return last.Value == ":" || last.Value == "(" && !call
	}
	return false
}

func scan(s string, whole bool) ([]lexer.Token, error) {
	sc := &scanner{s: s}
	var err error
	if whole {
		err = sc.str(0)
	} else {
		for err == nil && sc.at < len(s) {
			err = sc.plain()
		}
	}
	if e, ok := err.(*scanError); ok {
		e.expected = errorExpected(sc.toks)
	}
	return sc.toks, err
}

// operators, longest first where one starts another.
var operators = []struct {
	text string
	kind lexer.TokenType
	as   string
}{
	{"==", tokCompare, "=="}, {"=~", tokMatch, "=~"}, {"=", tokCompare, "=="},
	{"!=", tokCompare, "!="}, {"!~", tokMatch, "!~"}, {"!", tokNot, "!"},
	{"<=", tokCompare, "<="}, {"<", tokCompare, "<"}, {">=", tokCompare, ">="}, {">", tokCompare, ">"},
	{"&&", tokAnd, "&&"}, {"||", tokOr, "||"},
}

var keywords = map[string]lexer.TokenType{
	"and": tokAnd, "or": tokOr, "not": tokNot, "true": tokTrue, "false": tokFalse, "in": tokIn,
	"lt": tokCompare, "le": tokCompare, "gt": tokCompare, "ge": tokCompare, "ne": tokCompare, "eq": tokCompare,
}

// plain scans one token outside strings.
func (sc *scanner) plain() error {
	c := sc.s[sc.at]
	rest := sc.s[sc.at:]
	switch {
	case c == ' ' || c == '\t' || c == '\n':
		sc.at++
		return nil
	case c == '"' || c == '\'':
		sc.emit(tokStrBegin, rest[:1])
		sc.at++
		return sc.str(c)
	case strings.HasPrefix(rest, "%{"):
		return sc.variable()
	case c == '$' && len(rest) > 1 && digit(rest[1]):
		sc.emit(tokBackref, rest[1:2])
		sc.at += 2
		return nil
	case c == '/':
		return sc.regex(1)
	case c == 'm' && len(rest) > 1 && strings.IndexByte(`/#$%^,;:_?|^-!.'"`, rest[1]) >= 0 && !longerIdent(rest):
		return sc.regex(2)
	}
	for _, op := range operators {
		if strings.HasPrefix(rest, op.text) {
			sc.emit(op.kind, op.as)
			sc.at += len(op.text)
			return nil
		}
	}
	switch {
	case c == '-' && len(rest) > 1 && (letter(rest[1]) || rest[1] == '_'):
		n := 2
		for n < len(rest) && identChar(rest[n]) {
			n++
		}
		name := rest[1:n]
		switch {
		case name == "in":
			sc.emit(tokIn, name)
		case keywords[name] == tokCompare:
			sc.emit(tokCompare, name)
		case len(name) == 1:
			sc.emit(tokUnary, name)
		default:
			sc.emit(tokBinary, name)
		}
		sc.at += n
	case digit(c) || c == '-' && len(rest) > 1 && digit(rest[1]):
		n := 1
		for n < len(rest) && digit(rest[n]) {
			n++
		}
		sc.emit(tokDigits, rest[:n])
		sc.at += n
	case letter(c):
		n := 1
		for n < len(rest) && identChar(rest[n]) {
			n++
		}
		kind := tokIdent
		if k, ok := keywords[rest[:n]]; ok {
			kind = k
		}
		sc.emit(kind, rest[:n])
		sc.at += n
	case strings.IndexByte("(){},:.", c) >= 0:
		sc.emit(tokPunct, rest[:1])
		sc.at++
	default:
		return fail("Parse error near '%c'", c)
	}
	return nil
}

// longerIdent tells whether "m_…" is an identifier rather than a regular
// expression between underscores: the longest match wins.
func longerIdent(s string) bool { return s[1] == '_' }

// str scans the inside of a string up to its delimiter; 0 is a whole text.
func (sc *scanner) str(del byte) error {
	var b strings.Builder
	flush := func() {
		if b.Len() > 0 {
			sc.emit(tokString, b.String())
			b.Reset()
		}
	}
	for sc.at < len(sc.s) {
		c := sc.s[sc.at]
		switch {
		case del != 0 && c == del:
			flush()
			sc.emit(tokStrEnd, string(c))
			sc.at++
			return nil
		case c == '\n':
			return fail("Unterminated string or variable")
		default:
			done, err := sc.piece(&b, flush)
			if err != nil {
				return err
			}
			if !done {
				b.WriteByte(c)
				sc.at++
			}
		}
		if b.Len() >= maxString {
			return fail("String too long")
		}
	}
	if del != 0 {
		return fail("Unterminated string or variable")
	}
	flush()
	return nil
}

// piece scans what is special in strings and in the argument of %{func:arg}:
// escapes, $N and variables. It answers false for an ordinary character.
func (sc *scanner) piece(b *strings.Builder, flush func()) (bool, error) {
	rest := sc.s[sc.at:]
	switch {
	case rest[0] == '\\' && len(rest) > 1:
		n, c, err := unescape(rest)
		if err != nil {
			return false, err
		}
		b.WriteByte(c)
		sc.at += n
		return true, nil
	case rest[0] == '\\':
		return false, fail("Unterminated string or variable")
	case rest[0] == '$' && len(rest) > 1 && digit(rest[1]):
		flush()
		sc.emit(tokBackref, rest[1:2])
		sc.at += 2
		return true, nil
	case strings.HasPrefix(rest, "%{"):
		flush()
		return true, sc.variable()
	}
	return false, nil
}

// unescape reads \ooo, \n, \r, \t, \b, \f and \c.
func unescape(s string) (n int, c byte, err error) {
	if digit(s[1]) {
		n = 1
		for n < len(s) && digit(s[n]) {
			n++
		}
		octal, value := 1, 0
		for octal < len(s) && octal < 4 && s[octal] >= '0' && s[octal] <= '7' {
			value = value*8 + int(s[octal]-'0')
			octal++
		}
		switch {
		case octal < n:
			return 0, 0, fail("Bad escape sequence")
		case value > 0xff:
			return 0, 0, fail("Escape sequence out of bound")
		}
		return octal, byte(value), nil
	}
	if i := strings.IndexByte("nrtbf", s[1]); i >= 0 {
		return 2, "\n\r\t\b\f"[i], nil
	}
	return 2, s[1], nil
}

// variable scans %{NAME} or %{function:argument}.
func (sc *scanner) variable() error {
	sc.emit(tokVarBegin, "%{")
	sc.at += 2
	start := sc.at
	for sc.at < len(sc.s) && identChar(sc.s[sc.at]) && (sc.at > start || letter(sc.s[sc.at])) {
		sc.at++
	}
	if sc.at > start {
		sc.emit(tokIdent, sc.s[start:sc.at])
	}
	if sc.at == len(sc.s) {
		return fail("Unterminated string or variable")
	}
	switch c := sc.s[sc.at]; c {
	case '}':
		sc.emit(tokVarEnd, "}")
		sc.at++
		return nil
	case ':':
		sc.emit(tokPunct, ":")
		sc.at++
		return sc.argument()
	default:
		return fail("Invalid character in variable name '%c'", c)
	}
}

// argument scans what stands between the colon and the closing brace.
func (sc *scanner) argument() error {
	var b strings.Builder
	flush := func() {
		if b.Len() > 0 {
			sc.emit(tokString, b.String())
			b.Reset()
		}
	}
	for sc.at < len(sc.s) {
		c := sc.s[sc.at]
		switch {
		case c == '}':
			flush()
			sc.emit(tokVarEnd, "}")
			sc.at++
			return nil
		case c == '\n':
			return fail("Unterminated string or variable")
		}
		done, err := sc.piece(&b, flush)
		if err != nil {
			return err
		}
		if !done {
			b.WriteByte(c)
			sc.at++
		}
		if b.Len() >= maxString {
			return fail("String too long")
		}
	}
	return fail("Unterminated string or variable")
}

// regex scans /…/ or m#…#, and the flag i. There is no escape for the delimiter.
func (sc *scanner) regex(lead int) error {
	del := sc.s[sc.at+lead-1]
	body := sc.s[sc.at+lead:]
	end := strings.IndexByte(body, del)
	if end < 0 {
		sc.at = len(sc.s)
		return nil // flex runs into the end without a token
	}
	if end >= maxString {
		return fail("Regexp too long")
	}
	next := sc.at + lead + end + 1
	kind := tokRegex
	if next < len(sc.s) && sc.s[next] == 'i' {
		kind = tokRegexFold
		next++
	}
	sc.emit(kind, body[:end])
	sc.at = next
	return nil
}

func digit(c byte) bool     { return c >= '0' && c <= '9' }
func letter(c byte) bool    { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }
func identChar(c byte) bool { return letter(c) || digit(c) || c == '_' }
