package server

import (
	"fmt"
	"strings"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/httpdconf"
	"github.com/donjon-httpd/donjon/httpdconf/expr"
	"github.com/donjon-httpd/donjon/server/pattern"
)

// ExprFlags say what an expression is and may say.
type ExprFlags uint8

const (
	// ExprString reads the text as a string with %{variables}, not as a condition.
	ExprString ExprFlags = 1 << iota
	// ExprRestricted forbids what looks at files (AP_EXPR_FLAG_RESTRICTED).
	ExprRestricted
	// ExprNoVary leaves the Vary field alone (AP_EXPR_FLAG_DONT_VARY).
	ExprNoVary
	// ExprSSL has every other variable looked up on the encrypted connection, for
	// SSLRequire (AP_EXPR_FLAG_SSL_EXPR_COMPAT).
	ExprSSL
	// exprBody: a module for health checks is active, with hc('body') and HC_BODY.
	exprBody
	// exprTLS: a module for encrypted connections is active, whose variables there are.
	exprTLS
)

// Expr is an expression of Apache's language, compiled when the configuration is read.
type Expr struct {
	e     *expr.Expr
	flags ExprFlags
	pos   httpdconf.Pos
	vars  map[string]bool // that it reads, in upper case
	log   *Log            // of the module whose directive it is an argument of
}

// CompileExpr reads an expression. Errors are Apache's.
func CompileExpr(text string, flags ExprFlags) (*Expr, error) {
	return CompileExprWith(text, flags, nil)
}

// ExprFuncs are functions that a caller adds to those of the language, by name
// in lower case. data is what the caller gives to [Expr.Test].
type ExprFuncs map[string]func(data any, arg string) string

// CompileExprWith is CompileExpr with more functions.
func CompileExprWith(text string, flags ExprFlags, funcs ExprFuncs) (*Expr, error) {
	names := exprNames{flags, map[string]bool{}, funcs}
	var e *expr.Expr
	var err error
	if flags&ExprString != 0 {
		e, err = expr.ParseString(text, names)
	} else {
		e, err = expr.ParseCondition(text, names)
	}
	if err != nil {
		return nil, err
	}
	return &Expr{e: e, flags: flags, vars: names.vars, log: corelog}, nil
}

// CompileExprFor is CompileExpr for a directive's argument: lines of the log
// at run time name the directive's file and line, and are its module's.
func CompileExprFor(cmd *directives.Cmd, text string, flags ExprFlags) (*Expr, error) {
	for _, m := range ActiveModules(cmd) {
		if m.TLSVariable != nil {
			flags |= exprTLS
		}
		if m.ProxyChecks != nil {
			flags |= exprBody
		}
	}
	e, err := CompileExpr(text, flags)
	if e != nil {
		e.pos = cmd.Node.Pos
		if rows := cmd.Lookup(cmd.Name); len(rows) > 0 {
			e.log = NewLog(strings.TrimSuffix(rows[0].Module, "_module"))
		}
	}
	return e, err
}

// exprContext is what variables and functions are about.
type exprContext struct {
	r    *Request
	data any      // of the caller's functions
	vary []string // request fields that were looked at
}

// Bool evaluates a condition for a request.
func (e *Expr) Bool(r *Request) (bool, error) {
	var caps expr.Captures
	return e.Match(r, &caps)
}

// Match is Bool with $0 to $9: what they hold before, and what they hold after.
func (e *Expr) Match(r *Request, caps *expr.Captures) (bool, error) {
	ctx := &exprContext{r: r}
	ok, err := e.e.Bool(ctx, caps)
	if err != nil {
		e.log.Error(r).Msgf("Evaluation of expression from %s:%d failed: %s", e.pos.File, e.pos.Line, err)
		return false, err
	}
	if ev := e.log.Trace(4, r); ev != nil {
		ev.Msgf("Evaluation of expression from %s:%d gave: %d", e.pos.File, e.pos.Line, map[bool]int{true: 1}[ok])
	}
	if e.flags&ExprNoVary == 0 && len(ctx.vary) > 0 {
		r.Out.Merge("Vary", strings.Join(ctx.vary, ", "))
	}
	return ok, nil
}

// Test is Match for an expression of [CompileExprWith]: data is for its
// functions, and an error is not logged.
func (e *Expr) Test(r *Request, data any, caps *expr.Captures) (bool, error) {
	return e.e.Bool(&exprContext{r: r, data: data}, caps)
}

// Eval evaluates an ExprString for a request.
func (e *Expr) Eval(r *Request) (string, error) {
	var caps expr.Captures
	return e.EvalWith(r, &caps)
}

// EvalWith is Eval with $0 to $9.
func (e *Expr) EvalWith(r *Request, caps *expr.Captures) (string, error) {
	s, err := e.e.Eval(&exprContext{r: r}, caps)
	if err != nil {
		e.log.Error(r).Msgf("Evaluation of expression from %s:%d failed: %s", e.pos.File, e.pos.Line, err)
		return "", err
	}
	if ev := e.log.Trace(4, r); ev != nil {
		ev.Msgf("Evaluation of string expression from %s:%d gave: %s", e.pos.File, e.pos.Line, s)
	}
	return s, nil
}

// Constant is the text of an ExprString without variables, and whether it is one.
func (e *Expr) Constant() (string, bool) { return e.e.Constant() }

// Uses tells whether the expression reads a variable, by its name in upper case.
func (e *Expr) Uses(variable string) bool { return e.vars[variable] }

// String is the expression as written.
func (e *Expr) String() string { return e.e.String() }

var corelog = NewLog("core")

// exprNames resolves names for CompileExpr.
type exprNames struct {
	flags ExprFlags
	vars  map[string]bool // filled with the names that were asked for
	funcs ExprFuncs       // the caller's own
}

var (
	_ expr.Names       = exprNames{}
	_ expr.OldComparer = exprNames{}
)

func (n exprNames) OldComparisons() bool { return n.flags&ExprSSL != 0 }

func request(ctx expr.Context) *Request { return ctx.(*exprContext).r }

func (n exprNames) Var(name string) (expr.Var, error) {
	n.vars[strings.ToUpper(name)] = true
	if f := exprVars[strings.ToUpper(name)]; f != nil {
		return func(ctx expr.Context) (string, error) { return f(request(ctx)), nil }, nil
	}
	if field := exprFieldVars[strings.ToUpper(name)]; field != "" {
		return func(ctx expr.Context) (string, error) { return varyField(ctx, field), nil }, nil
	}
	if n.flags&ExprSSL != 0 || n.flags&exprTLS != 0 && strings.HasPrefix(strings.ToUpper(name), "SSL_") {
		return func(ctx expr.Context) (string, error) { return tlsVariable(request(ctx), name), nil }, nil
	}
	if what, ok := strings.CutPrefix(strings.ToUpper(name), "HC_"); ok && n.flags&exprBody != 0 {
		return func(ctx expr.Context) (string, error) { return keptBody(request(ctx), what), nil }, nil
	}
	return nil, nil
}

// keptBody is hc('body') and %{HC_BODY}: what the server that is checked has
// answered (mod_proxy_hcheck's hc_get_body).
func keptBody(r *Request, what string) string {
	if !strings.EqualFold(what, "body") {
		return ""
	}
	r.Unrepeatable()
	return string(r.KeptBody)
}

// tlsVariable is a variable of the connection, on which the answer depends in
// ways that no later request can be compared by.
func tlsVariable(r *Request, name string) string {
	r.Unrepeatable()
	return r.TLSVariable(name)
}

// varyField is a request field on which the answer then depends; Host is left
// out of Vary (RFC 7231 section 7.1.4).
func varyField(ctx expr.Context, name string) string {
	c := ctx.(*exprContext)
	if !strings.EqualFold(name, "Host") {
		c.vary = append(c.vary, name)
	}
	v, _ := c.r.FieldIn(name)
	return v
}

func (n exprNames) Func(name string, _ *string) (expr.Func, error) {
	name = strings.ToLower(name)
	if f := n.funcs[name]; f != nil {
		return func(ctx expr.Context, arg string) (string, error) { return f(ctx.(*exprContext).data, arg), nil }, nil
	}
	if f := exprFileFuncs[name]; f != nil {
		if n.flags&ExprRestricted != 0 {
			return nil, fmt.Errorf("%s not available in restricted context", name)
		}
		return func(_ expr.Context, arg string) (string, error) { return f(arg) }, nil
	}
	switch name {
	case "hc":
		if n.flags&exprBody == 0 {
			return nil, nil
		}
		return func(ctx expr.Context, arg string) (string, error) { return keptBody(request(ctx), arg), nil }, nil
	case "ssl":
		if n.flags&(exprTLS|ExprSSL) == 0 {
			return nil, nil
		}
		return func(ctx expr.Context, arg string) (string, error) { return tlsVariable(request(ctx), arg), nil }, nil
	case "req", "http":
		return func(ctx expr.Context, arg string) (string, error) { return varyField(ctx, arg), nil }, nil
	}
	if f := exprRequestFuncs[name]; f != nil {
		return func(ctx expr.Context, arg string) (string, error) { return f(request(ctx), arg), nil }, nil
	}
	if f := exprTextFuncs[name]; f != nil {
		return func(_ expr.Context, arg string) (string, error) { return f(arg), nil }, nil
	}
	return nil, nil
}

// ListFunc: the core has none; mod_ssl's PeerExtList is one.
func (n exprNames) ListFunc(string) (expr.ListFunc, error) { return nil, nil }

func (n exprNames) Unary(name string, constant *string) (expr.Unary, error) {
	if f := exprFileTests[name]; f != nil {
		if n.flags&ExprRestricted != 0 {
			return nil, fmt.Errorf("-%s not available in restricted context", name)
		}
		return func(_ expr.Context, arg string) (bool, error) { return f(arg), nil }, nil
	}
	switch name {
	case "R":
		net, err := constantSubnet(name, constant)
		if err != nil {
			return nil, err
		}
		return func(ctx expr.Context, _ string) (bool, error) {
			r := request(ctx)
			r.DependsOnClient()
			return net.Contains(r.Client), nil
		}, nil
	case "U", "A":
		return func(ctx expr.Context, arg string) (bool, error) { return urlPasses(request(ctx), arg), nil }, nil
	case "F":
		return func(ctx expr.Context, arg string) (bool, error) { return filePasses(request(ctx), arg), nil }, nil
	}
	if f := exprTests[name]; f != nil {
		return func(_ expr.Context, arg string) (bool, error) { return f(arg), nil }, nil
	}
	return nil, nil
}

func (n exprNames) Binary(name string, constant *string) (expr.Binary, error) {
	var flags pattern.FnFlags
	switch strings.ToLower(name) {
	case "ipmatch":
		net, err := constantSubnet("ipmatch", constant)
		if err != nil {
			return nil, err
		}
		return func(_ expr.Context, a, _ string) (bool, error) { return addressIn(net, a), nil }, nil
	case "fnmatch":
		flags = pattern.FnPathname
	case "strmatch":
	case "strcmatch":
		flags = pattern.FnFold
	default:
		return nil, nil
	}
	return func(_ expr.Context, a, b string) (bool, error) { return pattern.Fnmatch(b, a, flags), nil }, nil
}

func (n exprNames) Regexp(p string, fold bool) (expr.Matcher, error) {
	flags := pattern.DefaultFlags()
	if fold {
		flags |= pattern.FoldCase
	}
	return pattern.Compile(p, flags)
}

func constantSubnet(op string, constant *string) (Subnet, error) {
	if constant == nil {
		return Subnet{}, fmt.Errorf("-%s requires subnet/netmask as constant argument", op)
	}
	net, err := ParseSubnet(*constant)
	if err != nil {
		return Subnet{}, fmt.Errorf("parsing of subnet/netmask failed")
	}
	return net, nil
}
