package server

import "errors"

// ExprFlags restrict what an expression may say.
type ExprFlags uint8

const (
	// ExprString reads the text as a string with %{variables}, not as a condition.
	ExprString ExprFlags = 1 << iota
	// ExprRestricted forbids functions that reach files (.htaccess).
	ExprRestricted
	// ExprNoVary leaves the Vary field alone.
	ExprNoVary
)

// Expr is an expression of Apache's language, compiled when the configuration is read.
type Expr struct {
	text string
}

// CompileExpr reads an expression.
func CompileExpr(text string, flags ExprFlags) (*Expr, error) {
	return nil, errors.New("expressions are not built in")
}

// Bool evaluates a condition for a request.
func (e *Expr) Bool(r *Request) (bool, error) { return false, nil }

// Eval evaluates an ExprString for a request.
func (e *Expr) Eval(r *Request) (string, error) { return "", nil }

// String is the expression as written.
func (e *Expr) String() string { return e.text }
