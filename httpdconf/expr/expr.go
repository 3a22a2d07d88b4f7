// Package expr reads Apache's expression language (ap_expr): the conditions of
// <If>, Require expr, SetEnvIfExpr and Header expr=, and strings with
// %{variables}. A text is parsed and its names are resolved once, when the
// configuration is read; what variables and functions mean comes from the
// caller's [Names], so the package knows nothing of requests.
//
// The grammar is Apache's util_expr_parse.y; the scanner (scan.go) is stateful
// as its lexer is, because strings hold variables and variables hold strings.
package expr

import (
	"github.com/alecthomas/participle/v2"
)

// Context is what an evaluation is about; the functions that Names gives know
// its dynamic type.
type Context any

// Var is the value of a variable.
type Var func(Context) (string, error)

// Func is a function of one string.
type Func func(ctx Context, arg string) (string, error)

// ListFunc gives the words that -in looks through.
type ListFunc func(ctx Context, arg string) ([]string, error)

// Unary is a test such as -f.
type Unary func(ctx Context, arg string) (bool, error)

// Binary is a comparison such as -strmatch.
type Binary func(ctx Context, a, b string) (bool, error)

// Matcher is a compiled regular expression.
type Matcher interface {
	MatchString(string) bool
	Match(dst []string, s string) []string
	NumSubexp() int
}

// Names resolves what a text names. A nil function without error means that
// the name does not exist. constant is the argument where it is constant text,
// else nil: some operators compile it.
type Names interface {
	Var(name string) (Var, error)
	Func(name string, constant *string) (Func, error)
	ListFunc(name string) (ListFunc, error)
	Unary(name string, constant *string) (Unary, error)
	Binary(name string, constant *string) (Binary, error)
	Regexp(pattern string, foldCase bool) (Matcher, error)
}

// OldComparer is a Names that may want the comparisons of SSLRequire.
type OldComparer interface{ OldComparisons() bool }

// Captures are $0 to $9 during an evaluation: those that a regular expression
// of the same text set, or of an enclosing one where the caller keeps them.
type Captures []string

// Expr is a compiled condition or string. It may be evaluated by many
// goroutines at once.
type Expr struct {
	text string
	cond func(*eval) (bool, error)
	str  func(*eval) (string, error)

	constant *string
}

// String is the expression as written.
func (e *Expr) String() string { return e.text }

type eval struct {
	ctx  Context
	caps *Captures
}

// Bool evaluates a condition. caps may be nil; otherwise it holds $0 to $9
// before and after.
func (e *Expr) Bool(ctx Context, caps *Captures) (bool, error) {
	if caps == nil {
		caps = new(Captures)
	}
	return e.cond(&eval{ctx, caps})
}

// Eval evaluates a string.
func (e *Expr) Eval(ctx Context, caps *Captures) (string, error) {
	if caps == nil {
		caps = new(Captures)
	}
	return e.str(&eval{ctx, caps})
}

// Constant is the text of a string without variables, and whether it is one.
func (e *Expr) Constant() (string, bool) {
	if e.constant == nil {
		return "", false
	}
	return *e.constant, true
}

var (
	condParser   = participle.MustBuild[condition](participle.Lexer(definition{}), participle.UseLookahead(participle.MaxLookahead))
	stringParser = participle.MustBuild[text](participle.Lexer(definition{whole: true}), participle.UseLookahead(2))
)

// ParseCondition compiles a condition.
func ParseCondition(s string, names Names) (*Expr, error) {
	ast, err := condParser.ParseString("", s)
	if err != nil {
		return nil, diagnose(s, false, names)
	}
	c := newCompiler(names)
	cond, err := c.or(ast.Or)
	if err == nil {
		err = *c.err
	}
	if err != nil {
		return nil, err
	}
	return &Expr{text: s, cond: cond}, nil
}

// ParseString compiles a string with %{variables} and $N.
func ParseString(s string, names Names) (*Expr, error) {
	if s == "" {
		return &Expr{constant: &s, str: func(*eval) (string, error) { return "", nil }}, nil
	}
	ast, err := stringParser.ParseString("", s)
	if err != nil {
		return nil, diagnose(s, true, names)
	}
	c := newCompiler(names)
	w, err := c.parts(ast.Parts)
	if err == nil {
		err = *c.err
	}
	if err != nil {
		return nil, err
	}
	return &Expr{text: s, str: w.eval, constant: w.constant}, nil
}
