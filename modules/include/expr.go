package include

import (
	"os"
	"sync"

	"github.com/donjon-httpd/donjon/httpdconf/expr"
	"github.com/donjon-httpd/donjon/server"
)

// capture is what the last regular expression of a document found.
type capture struct {
	matched bool
	source  string
	pattern string // for a message; "(null)" when the expression language of 2.4 matched
	groups  int
	loc     []int

	caps expr.Captures // of the expression language, as it keeps them
}

// exprFuncs are what conditions may ask beside the expression language itself.
var exprFuncs = server.ExprFuncs{
	"v":      func(data any, arg string) string { return data.(*document).value(arg) },
	"reqenv": func(data any, arg string) string { return data.(*document).value(arg) },
	"env": func(data any, arg string) string {
		d := data.(*document)
		if v, ok := d.r.Notes.Lookup(arg); ok {
			return v
		}
		if v, ok := d.variable(arg); ok {
			return v
		}
		return os.Getenv(arg)
	},
}

func (d *document) value(name string) string {
	v, _ := d.variable(name)
	return v
}

// compiled remembers conditions by their text: a page asks the same ones each
// time. It starts over when it is full.
var compiled = struct {
	sync.Mutex
	m map[string]*server.Expr
}{m: map[string]*server.Expr{}}

const maxCompiled = 1024

func compile(text string) (*server.Expr, error) {
	compiled.Lock()
	e := compiled.m[text]
	compiled.Unlock()
	if e != nil {
		return e, nil
	}
	e, err := server.CompileExprWith(text, server.ExprRestricted|server.ExprNoVary, exprFuncs)
	if err != nil || len(text) > 1024 {
		return e, err
	}
	compiled.Lock()
	defer compiled.Unlock()
	if len(compiled.m) >= maxCompiled {
		clear(compiled.m)
	}
	compiled.m[text] = e
	return e, nil
}

// evaluate decides a condition in the language of 2.4.
func (d *document) evaluate(text string) (holds, ok bool) {
	e, err := compile(text)
	if err != nil {
		elog.Error(d.r).Msgf("AH01337: Could not parse expr \"%s\" in %s: %s", text, d.r.Filename, err)
		return false, false
	}
	if d.re == nil {
		d.re = &capture{pattern: "(null)"}
	}
	before := d.re.caps
	holds, err = e.Test(d.r, d, &d.re.caps)
	if err != nil {
		elog.Error(d.r).Msgf("AH01338: Could not evaluate expr \"%s\" in %s: %s", text, d.r.Filename, err)
		return false, false
	}
	if caps := d.re.caps; len(caps) > 0 && (len(before) == 0 || &before[0] != &caps[0]) {
		// Apache 2.4.71 keeps the number of groups of the last pattern of a legacy
		// condition: without one there is none but $0.
		d.re.matched, d.re.source, d.re.loc = true, "", nil
		for _, c := range caps {
			from := len(d.re.source)
			d.re.source += c
			d.re.loc = append(d.re.loc, from, len(d.re.source))
		}
	}
	return holds, true
}
