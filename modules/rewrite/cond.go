package rewrite

import (
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/httpdconf/expr"
	"github.com/donjon-httpd/donjon/server"
	"github.com/donjon-httpd/donjon/server/pattern"
)

// test is what a condition does with its input.
type test uint8

const (
	testRegex      test = iota
	testFile            // -f
	testSize            // -s
	testLink            // -h -l -L
	testDir             // -d
	testExec            // -x
	testURL             // -U
	testSubreqFile      // -F
	testLess            // strings
	testLessEqual
	testEqual
	testGreater
	testGreaterEqual
	testNumLess // numbers
	testNumLessEqual
	testNumEqual
	testNumGreater
	testNumGreaterEqual
	testExpr
)

// cond is a RewriteCond.
type cond struct {
	input   *template
	text    string // pattern as written
	operand string // what is compared with, without its operator
	test    test
	regex   *pattern.Regexp
	expr    *server.Expr
	number  int

	not, fold, or, noVary bool
}

func addCond(c *config, cmd *directives.Cmd, args string) error {
	s := c.place(cmd)
	l, ok := splitLine(args)
	if !ok {
		return fmt.Errorf("RewriteCond: bad argument line '%s'", args)
	}
	n := &cond{text: l.second, operand: l.second}
	if l.hasFlags {
		if err := eachFlag(l.flags, n.setFlag); err != nil {
			return fmt.Errorf("RewriteCond: %w", err)
		}
	}
	n.kind(l.first)
	if n.fold && n.test != testRegex && (n.test < testLess || n.test > testGreaterEqual) {
		cmd.LogWarning("AH00665: RewriteCond: NoCase option for non-regex pattern '%s' is not supported and will be ignored. (%s:%d)",
			n.operand, cmd.Node.Pos.File, cmd.Node.Pos.Line)
		n.fold = false
	}
	switch n.test {
	case testRegex:
		flags := pattern.DefaultFlags()
		if n.fold {
			flags |= pattern.FoldCase
		}
		var err error
		if n.regex, err = pattern.Compile(n.operand, flags); err != nil {
			return &directives.Hinted{Err: fmt.Errorf("RewriteCond: cannot compile regular expression '%s'", n.operand), Hint: err.Error()}
		}
	case testExpr:
		var flags server.ExprFlags
		if n.noVary {
			flags = server.ExprNoVary
		}
		var err error
		if n.expr, err = server.CompileExprFor(cmd, n.operand, flags); err != nil {
			where := ""
			if cmd.Htaccess {
				where = " in htaccess context"
			}
			return fmt.Errorf("RewriteCond: cannot compile expression%s \"%s\" %w", where, n.operand, err)
		}
	}
	n.number = atoi(n.operand)
	n.input = compileTemplate(l.first)
	s.conds = append(s.conds, n)
	return nil
}

func (n *cond) setFlag(key, _ string) error {
	switch strings.ToLower(key) {
	case "nocase", "nc":
		n.fold = true
	case "ornext", "or":
		n.or = true
	case "novary", "nv":
		n.noVary = true
	default:
		return fmt.Errorf("unknown flag '%s'", key)
	}
	return nil
}

var (
	fileTests = map[string]test{"-f": testFile, "-s": testSize, "-d": testDir, "-x": testExec, "-h": testLink, "-L": testLink, "-l": testLink,
		"-U": testURL, "-F": testSubreqFile}
	numberTests = map[string]test{"-lt": testNumLess, "-le": testNumLessEqual, "-eq": testNumEqual, "-ne": testNumEqual,
		"-gt": testNumGreater, "-ge": testNumGreaterEqual}
)

// kind finds the operator in the pattern and takes it off the operand.
func (n *cond) kind(input string) {
	var not bool
	if n.operand, not = strings.CutPrefix(n.operand, "!"); not {
		n.not = true
	}
	p := n.operand
	if strings.EqualFold(input, "expr") {
		n.test = testExpr
		return
	}
	if len(p) < 2 {
		return
	}
	switch p[0] {
	case '-':
		if t, ok := fileTests[p]; ok {
			n.test = t
		} else if len(p) > 3 {
			if t, ok := numberTests[p[:3]]; ok {
				n.test, n.operand = t, p[3:]
				n.not = n.not != (p[:3] == "-ne")
			}
		}
	case '>':
		n.test, n.operand = testGreater, p[1:]
		if p[1] == '=' {
			n.test, n.operand = testGreaterEqual, p[2:]
		}
	case '<':
		n.test, n.operand = testLess, p[1:]
		if p[1] == '=' {
			n.test, n.operand = testLessEqual, p[2:]
		}
	case '=':
		n.test, n.operand = testEqual, p[1:]
		if n.operand == `""` {
			n.operand = ""
		}
	}
}

// holds tells whether the condition holds for a request.
func (n *cond) holds(c *context) bool {
	input := ""
	if n.test != testExpr {
		input = n.input.expand(c, nil)
	}
	ok := n.check(c, input) != n.not
	if c.traced {
		fold, word := "", "not-matched"
		if n.fold {
			fold = " [NC]"
		}
		if ok {
			word = "matched"
		}
		shown := input
		if n.test == testExpr {
			shown = "(null)" // as the C library prints an input that there is none of
		}
		c.trace(4, c.perdir, "RewriteCond: input='%s' pattern='%s'%s => %s", shown, n.text, fold, word)
	}
	return ok
}

func (n *cond) check(c *context, input string) bool {
	r := c.r
	switch n.test {
	case testExpr:
		var caps expr.Captures
		ok, err := n.expr.Match(r, &caps)
		if err != nil {
			c.trace(1, c.perdir, "RewriteCond: expr='%s' evaluation failed: %s", n.text, err.Error())
			return false
		}
		if ok && !n.not {
			c.condMatch.keep(caps)
		}
		return ok
	case testRegex:
		var buf [10]string
		groups := c.budget.match(n.regex, buf[:0], input)
		if groups != nil && !n.not {
			c.condMatch.keep(groups)
		}
		return groups != nil
	case testURL:
		if input == "" || !subrequestOK(r) {
			return false
		}
		sub := r.SubRequestURI(input)
		c.trace(5, "", "RewriteCond URI (-U check: path=%s -> status=%s", input, strconv.Itoa(sub.Status))
		return sub.Status < 400
	case testSubreqFile:
		if input == "" || !subrequestOK(r) {
			return false
		}
		sub := r.SubRequestFile(inJail(r, input))
		_, err := os.Stat(sub.Filename)
		c.trace(5, "", "RewriteCond file (-F check: path=%s -> file=%s status=%s", input, sub.Filename, strconv.Itoa(sub.Status))
		return sub.Status < 300 && err == nil
	case testLess, testLessEqual, testEqual, testGreater, testGreaterEqual:
		return n.compare(input)
	case testNumLess:
		return atoi(input) < n.number
	case testNumLessEqual:
		return atoi(input) <= n.number
	case testNumEqual:
		return atoi(input) == n.number
	case testNumGreater:
		return atoi(input) > n.number
	case testNumGreaterEqual:
		return atoi(input) >= n.number
	}
	return n.checkFile(inJail(r, input))
}

func (n *cond) checkFile(file string) bool {
	if strings.IndexByte(file, 0) >= 0 || file == "" {
		return false
	}
	look := os.Stat
	if n.test == testLink {
		look = os.Lstat
	}
	st, err := look(file)
	if err != nil {
		return false
	}
	switch n.test {
	case testFile:
		return st.Mode().IsRegular()
	case testSize:
		return st.Mode().IsRegular() && st.Size() > 0
	case testDir:
		return st.IsDir()
	case testLink:
		return st.Mode()&fs.ModeSymlink != 0
	}
	return st.Mode().Perm()&0o111 != 0
}

func (n *cond) compare(input string) bool {
	if n.test == testEqual {
		return input == n.operand || n.fold && foldCompare(input, n.operand) == 0
	}
	var d int
	if n.fold {
		d = foldCompare(input, n.operand)
	} else if d = len(input) - len(n.operand); d == 0 { // a longer text is the greater one
		d = strings.Compare(input, n.operand)
	}
	switch n.test {
	case testLess:
		return d < 0
	case testLessEqual:
		return d <= 0
	case testGreater:
		return d > 0
	}
	return d >= 0
}

// foldCompare is strcasecmp.
func foldCompare(a, b string) int {
	for i := 0; i < len(a) && i < len(b); i++ {
		if d := int(lower(a[i])) - int(lower(b[i])); d != 0 {
			return d
		}
	}
	return len(a) - len(b)
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
