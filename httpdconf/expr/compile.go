package expr

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// compiler turns the tree into closures, with every name resolved. Of several
// names that do not resolve the last one is told, as by Apache (observed on 2.4.71).
type compiler struct {
	names Names
	err   *error
}

func newCompiler(names Names) compiler { return compiler{names, new(error)} }

// missingCond and missingValue stand for what did not resolve.
func (c compiler) missingCond(err error) (cond, error) {
	*c.err = err
	return func(*eval) (bool, error) { return false, nil }, nil
}

func (c compiler) missingValue(err error) (value, error) {
	*c.err = err
	return value{run: func(*eval) (string, error) { return "", nil }}, nil
}

var errBadRegexp = errors.New("Failed to compile regular expression")

type cond = func(*eval) (bool, error)

// value is a compiled word; constant is not nil when it is constant text.
type value struct {
	constant *string
	run      func(*eval) (string, error)
}

func (v value) eval(e *eval) (string, error) {
	if v.constant != nil {
		return *v.constant, nil
	}
	return v.run(e)
}

func (c compiler) or(o *orExpr) (cond, error) {
	terms := make([]cond, len(o.Terms))
	for i, t := range o.Terms {
		var err error
		if terms[i], err = c.and(t); err != nil {
			return nil, err
		}
	}
	if len(terms) == 1 {
		return terms[0], nil
	}
	return func(e *eval) (bool, error) {
		for _, t := range terms {
			if ok, err := t(e); ok || err != nil {
				return ok, err
			}
		}
		return false, nil
	}, nil
}

func (c compiler) and(a *andExpr) (cond, error) {
	terms := make([]cond, len(a.Terms))
	for i, t := range a.Terms {
		var err error
		if terms[i], err = c.not(t); err != nil {
			return nil, err
		}
	}
	if len(terms) == 1 {
		return terms[0], nil
	}
	return func(e *eval) (bool, error) {
		for _, t := range terms {
			if ok, err := t(e); !ok || err != nil {
				return false, err
			}
		}
		return true, nil
	}, nil
}

func (c compiler) not(n *notExpr) (cond, error) {
	if n.Not != nil {
		inner, err := c.not(n.Not)
		if err != nil {
			return nil, err
		}
		return func(e *eval) (bool, error) {
			ok, err := inner(e)
			return !ok, err
		}, nil
	}
	return c.test(n.Test)
}

func (c compiler) test(t *test) (cond, error) {
	switch {
	case t.True:
		return func(*eval) (bool, error) { return true, nil }, nil
	case t.False:
		return func(*eval) (bool, error) { return false, nil }, nil
	case t.Group != nil:
		return c.or(t.Group)
	case t.Unary != nil:
		return c.unary(t.Unary)
	}
	return c.comparison(t.Comp)
}

func (c compiler) unary(u *unary) (cond, error) {
	arg, err := c.word(u.Arg)
	if err != nil {
		return nil, err
	}
	f, err := c.names.Unary(u.Op, arg.constant)
	if err == nil && f == nil {
		err = fmt.Errorf("Unary operator '-%s' does not exist", u.Op)
	}
	if err != nil {
		return c.missingCond(err)
	}
	return func(e *eval) (bool, error) {
		s, err := arg.eval(e)
		if err != nil {
			return false, err
		}
		return f(e.ctx, s)
	}, nil
}

func (c compiler) comparison(x *comparison) (cond, error) {
	left, err := c.word(x.Left)
	if err != nil {
		return nil, err
	}
	switch {
	case x.In != nil:
		return c.in(left, x.In)
	case x.Regex != nil:
		return c.match(left, x.Match == "!~", x.Regex)
	}
	right, err := c.word(x.Right)
	if err != nil {
		return nil, err
	}
	test := comparisons[x.Op]
	if old, ok := c.names.(OldComparer); ok && old.OldComparisons() && test != nil {
		test = oldComparisons[x.Op]
	}
	if test != nil {
		return func(e *eval) (bool, error) {
			a, err := left.eval(e)
			if err != nil {
				return false, err
			}
			b, err := right.eval(e)
			return test(a, b), err
		}, nil
	}
	f, err := c.names.Binary(x.Op, right.constant)
	if err == nil && f == nil {
		err = fmt.Errorf("Binary operator '-%s' does not exist", x.Op)
	}
	if err != nil {
		return c.missingCond(err)
	}
	return func(e *eval) (bool, error) {
		a, err := left.eval(e)
		if err != nil {
			return false, err
		}
		b, err := right.eval(e)
		if err != nil {
			return false, err
		}
		return f(e.ctx, a, b)
	}, nil
}

var comparisons = map[string]func(a, b string) bool{
	"==": func(a, b string) bool { return a == b }, "!=": func(a, b string) bool { return a != b },
	"<": func(a, b string) bool { return a < b }, "<=": func(a, b string) bool { return a <= b },
	">": func(a, b string) bool { return a > b }, ">=": func(a, b string) bool { return a >= b },
	"eq": func(a, b string) bool { return atoi(a) == atoi(b) }, "ne": func(a, b string) bool { return atoi(a) != atoi(b) },
	"lt": func(a, b string) bool { return atoi(a) < atoi(b) }, "le": func(a, b string) bool { return atoi(a) <= atoi(b) },
	"gt": func(a, b string) bool { return atoi(a) > atoi(b) }, "ge": func(a, b string) bool { return atoi(a) >= atoi(b) },
}

// oldComparisons are those of SSLRequire: with and without a dash alike, of
// strings, where a longer one is greater (strcmplex in util_expr_eval.c).
var oldComparisons = map[string]func(a, b string) bool{}

func init() {
	length := func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b)) }
	for words, test := range map[string]func(order int) bool{
		"== eq": func(o int) bool { return o == 0 }, "!= ne": func(o int) bool { return o != 0 },
		"< lt": func(o int) bool { return o < 0 }, "<= le": func(o int) bool { return o <= 0 },
		"> gt": func(o int) bool { return o > 0 }, ">= ge": func(o int) bool { return o >= 0 },
	} {
		for op := range strings.FieldsSeq(words) {
			oldComparisons[op] = func(a, b string) bool { return test(length(a, b)) }
		}
	}
}

// atoi reads a number from the start of s as apr_atoi64 does; overflow gives
// the largest, no number gives 0.
func atoi(s string) int64 {
	s = strings.TrimLeft(s, " \t\n\v\f\r")
	neg := false
	if s != "" && (s[0] == '-' || s[0] == '+') {
		neg = s[0] == '-'
		s = s[1:]
	}
	const maxInt = 1<<63 - 1
	var n int64
	for i := 0; i < len(s) && digit(s[i]); i++ {
		d := int64(s[i] - '0')
		if n > (maxInt-d)/10 {
			if neg {
				return -maxInt - 1
			}
			return maxInt
		}
		n = n*10 + d
	}
	if neg {
		return -n
	}
	return n
}

func (c compiler) in(left value, l *list) (cond, error) {
	if l.Call != nil {
		arg, err := c.word(l.Call.Arg)
		if err != nil {
			return nil, err
		}
		f, err := c.names.ListFunc(l.Call.Name)
		if err == nil && f == nil {
			err = fmt.Errorf("List-returning function '%s' does not exist", l.Call.Name)
		}
		if err != nil {
			return c.missingCond(err)
		}
		return func(e *eval) (bool, error) {
			s, err := left.eval(e)
			if err != nil {
				return false, err
			}
			a, err := arg.eval(e)
			if err != nil {
				return false, err
			}
			words, err := f(e.ctx, a)
			return slices.Contains(words, s), err
		}, nil
	}
	words := make([]value, len(l.Words))
	for i, w := range l.Words {
		var err error
		if words[i], err = c.word(w); err != nil {
			return nil, err
		}
	}
	return func(e *eval) (bool, error) {
		s, err := left.eval(e)
		if err != nil {
			return false, err
		}
		for _, w := range slices.Backward(words) { // the last first, as Apache links them
			v, err := w.eval(e)
			if err != nil || v == s {
				return err == nil, err
			}
		}
		return false, nil
	}, nil
}

// match sets $0 to $9 only when the pattern has groups, so that one without
// leaves those of an earlier match alone.
func (c compiler) match(left value, not bool, x *regex) (cond, error) {
	pattern, fold := x.Plain, false
	if x.Fold != nil {
		pattern, fold = x.Fold, true
	}
	re, err := c.names.Regexp(*pattern, fold)
	if err != nil {
		return nil, errBadRegexp
	}
	return func(e *eval) (bool, error) {
		s, err := left.eval(e)
		if err != nil {
			return false, err
		}
		if re.NumSubexp() == 0 {
			return re.MatchString(s) != not, nil
		}
		m := re.Match(nil, s)
		*e.caps = m
		return (m != nil) != not, nil
	}, nil
}

func (c compiler) word(w *word) (value, error) {
	values := make([]value, len(w.Atoms))
	for i, a := range w.Atoms {
		var err error
		if values[i], err = c.atom(a); err != nil {
			return value{}, err
		}
	}
	return concat(values), nil
}

func (c compiler) atom(a *atom) (value, error) {
	switch {
	case a.Digits != nil:
		return value{constant: a.Digits}, nil
	case a.Var != nil:
		return c.variable(a.Var)
	case a.Ref != nil:
		return backref(*a.Ref), nil
	case a.Call != nil:
		arg, err := c.word(a.Call.Arg)
		if err != nil {
			return value{}, err
		}
		return c.call(a.Call.Name, arg)
	}
	return c.parts(a.Quoted.Parts)
}

func (c compiler) parts(parts []*part) (value, error) {
	values := make([]value, len(parts))
	for i, p := range parts {
		switch {
		case p.Text != nil:
			values[i] = value{constant: p.Text}
		case p.Ref != nil:
			values[i] = backref(*p.Ref)
		default:
			var err error
			if values[i], err = c.variable(p.Var); err != nil {
				return value{}, err
			}
		}
	}
	return concat(values), nil
}

func (c compiler) variable(v *variable) (value, error) {
	if v.Func {
		arg, err := c.parts(v.Arg)
		if err != nil {
			return value{}, err
		}
		return c.call(v.Name, arg)
	}
	f, err := c.names.Var(v.Name)
	if err == nil && f == nil {
		err = fmt.Errorf("Variable '%s' does not exist", v.Name)
	}
	if err != nil {
		return c.missingValue(err)
	}
	return value{run: func(e *eval) (string, error) { return f(e.ctx) }}, nil
}

func (c compiler) call(name string, arg value) (value, error) {
	f, err := c.names.Func(name, arg.constant)
	if err == nil && f == nil {
		err = fmt.Errorf("Function '%s' does not exist", name)
	}
	if err != nil {
		return c.missingValue(err)
	}
	return value{run: func(e *eval) (string, error) {
		s, err := arg.eval(e)
		if err != nil {
			return "", err
		}
		return f(e.ctx, s)
	}}, nil
}

func backref(digit string) value {
	n := int(digit[0] - '0')
	return value{run: func(e *eval) (string, error) {
		if n < len(*e.caps) {
			return (*e.caps)[n], nil
		}
		return "", nil
	}}
}

func concat(values []value) value {
	merged := make([]value, 0, len(values))
	for _, v := range values {
		if n := len(merged); n > 0 && v.constant != nil && merged[n-1].constant != nil {
			s := *merged[n-1].constant + *v.constant
			merged[n-1] = value{constant: &s}
			continue
		}
		merged = append(merged, v)
	}
	switch len(merged) {
	case 0:
		empty := ""
		return value{constant: &empty}
	case 1:
		return merged[0]
	}
	return value{run: func(e *eval) (string, error) {
		var b strings.Builder
		for _, v := range merged {
			s, err := v.eval(e)
			if err != nil {
				return "", err
			}
			b.WriteString(s)
		}
		return b.String(), nil
	}}
}
