package include

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// found writes down what a parser finds.
type found struct{ b strings.Builder }

func (f *found) text(p []byte) error { f.b.Write(p); return nil }
func (f *found) begin() error        { return nil }
func (f *found) mistake(m mistake, e *element) {
	fmt.Fprintf(&f.b, "{mistake %d}", m)
}
func (f *found) element(e *element) error {
	fmt.Fprintf(&f.b, "{%s", e.name)
	for _, a := range e.args {
		fmt.Fprintf(&f.b, " %s", a.name)
		if a.hasValue {
			fmt.Fprintf(&f.b, "=%q", a.value)
		}
	}
	f.b.WriteString("}")
	return nil
}

// parse reads a document in pieces.
func parse(start, end string, pieces ...string) string {
	f := new(found)
	p := parser{to: f, start: start, end: end}
	for _, piece := range pieces {
		p.feed([]byte(piece))
	}
	if open, _ := p.close(); open {
		f.b.WriteString("{open}")
	}
	return f.b.String()
}

func TestParse(t *testing.T) {
	for in, want := range map[string]string{
		"plain":                            "plain",
		`a<!--#Echo var="X" -->b`:          `a{echo var="X"}b`,
		"<!--#printenv-->":                 "{printenv}",
		"<!--#a--->":                       "{a-}",
		"<!--#a--x-->":                     "{a--x}",
		"<!--# echo -->":                   "{mistake 0}{ echo}",
		"<!--#-->":                         "{mistake 0}{}",
		`<!--#a "v" -->`:                   `{mistake 1}{a ="v"}`,
		`<!--#a ="v" -->`:                  `{mistake 2}{a ="v"}`,
		`<!--#a b -->`:                     `{a b}`,
		`<!--#a b c = 'x y' d=z -->`:       `{a b c="x y" d="z"}`,
		`<!--#a b="x\"y\\"z" -->`:          `{a b="x\"y\\\"z"}`,
		`<!--#a b="x\y" -->`:               `{a b="x\\y"}`,
		`<!--#a - -->`:                     `{a -}`,
		`<!--#a --b -->`:                   `{a --b}`,
		"<!--#a\n\tb='1'\n-->":             `{a b="1"}`,
		"<!-<!--<!--#a -->":                "<!-<!--{a}",
		"<!--":                             "<!--",
		"<!--#a":                           "{open}",
		`<!--#a b="x`:                      "{open}",
		`<!--#a b=x-->y`:                   "{open}",
		"<!--#a b=\"x\x00y\" -->":          `{a b="x"}`,
		"x<!--#if expr=\"'a' = 'b'\" -->y": `x{if expr="'a' = 'b'"}y`,
	} {
		if got := parse("<!--#", "-->", in); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
	if got := parse("--->", "<-", "----->a b<-c <-d"); got != `--{a b<-c}d` {
		t.Errorf("other tags: %s", got)
	}
}

// FuzzParse: however a document is cut into pieces, it is read in the same way.
func FuzzParse(f *testing.F) {
	f.Add(`a<!-<!--#echo var="x\"y" b ---> c --><!--#x-->`, "<!--#", "-->", 3, 7)
	f.Add("----->a b<-c <-d", "--->", "<-", 2, 5)
	f.Fuzz(func(t *testing.T, doc, start, end string, i, j int) {
		if start == "" || end == "" || len(start) > 64 || len(end) > 64 {
			return
		}
		i = max(0, min(i, len(doc)))
		j = max(i, min(j, len(doc)))
		whole := parse(start, end, doc)
		if got := parse(start, end, doc[:i], doc[i:j], doc[j:]); got != whole {
			t.Errorf("in pieces (-whole +got):\n%s", cmp.Diff(whole, got))
		}
		if got := parse(start, end, strings.Split(doc, "")...); got != whole {
			t.Errorf("byte by byte (-whole +got):\n%s", cmp.Diff(whole, got))
		}
	})
}

func TestDecodeEntities(t *testing.T) {
	for in, want := range map[string]string{
		"a&lt;b&gt;&amp;&quot;": `a<b>&"`, "&auml;&Auml;&ETH;": "\xe4\xc4\xd0", "&#65;&#00;&#300;&#x41;": "A",
		"&copy;&nbsp;&unknown;&": "&copy;&nbsp;&unknown;&", "&LT;&euro;&times;": "&LT;&euro;&times;", "a & b": "a & b",
	} {
		if got := decodeEntities(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestBelowHere(t *testing.T) {
	for in, want := range map[string]string{"a/../b": "b", "./a//b": "a/b", "d/": "d/", "..": "error", "/a": "error", "a/../../b": "error", "": ""} {
		got, err := belowHere(in)
		if err != nil {
			got = "error"
		}
		if got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// shape writes a tree with parentheses.
func (n *node) shape() string {
	if n == nil {
		return ""
	}
	if n.kind == tString || n.kind == tPattern {
		return n.text
	}
	names := map[token]string{tAnd: "&&", tOr: "||", tNot: "!", tEqual: "=", tDiffers: "!=", tAtLeast: ">=", tMore: ">", tAtMost: "<=",
		tLess: "<", tAccess: "-A", tOpen: "(?", tGroup: "group"}
	return "(" + n.left.shape() + names[n.kind] + n.right.shape() + ")"
}

func TestParseLegacy(t *testing.T) {
	for in, want := range map[string]string{
		"a b  c":              "a b c",
		"a = b && c != /d|e/": "((a=b)&&(c!=d|e))",
		"a||b&&c":             "(a||(b&&c))",
		"a || ( b && ! c )":   "(a||(group(b&&(!c))))",
		"'a b' == c":          "('a b'=c)",
		"! a = b":             invalidExpr,
		`a\=b`:                "a=b",
		"a >= b || c < d":     "((a>=b)||(c<d))",
		"-A /x/y":             "(-A/x/y)",
		"-A '/x'":             "(-A/x)",
		"= b":                 invalidExpr,
		"a )":                 noOpen,
		"( a":                 "((?a)",
		"/a/":                 invalidExpr,
		"a = b = c":           invalidExpr,
		"a&b|c":               "a&b|c",
		"'unclosed":           "",
	} {
		root, problem := parseLegacy(in)
		got := root.shape()
		if problem != "" {
			got = problem
		}
		if in == "'a b' == c" {
			want = "(a b=c)"
		}
		if got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
}

// FuzzParseLegacy: the nodes of a tree know their parents, and each stands in it once.
func FuzzParseLegacy(f *testing.F) {
	f.Add("a = b && ( ! c || -A /d )")
	f.Fuzz(func(t *testing.T, text string) {
		root, problem := parseLegacy(text)
		if problem != "" || root == nil {
			return
		}
		seen := map[*node]bool{}
		var walk func(n, parent *node)
		walk = func(n, parent *node) {
			if n == nil {
				return
			}
			if n.parent != parent || seen[n] {
				t.Fatalf("%q: the tree is broken at %q", text, n.shape())
			}
			seen[n] = true
			walk(n.left, n)
			walk(n.right, n)
		}
		walk(root, nil)
	})
}

func TestKnownConversions(t *testing.T) {
	for in, want := range map[string]string{"%Y %Q": "%Y %%Q", "%%Q%": "%%Q%%", "x": "x"} {
		if got := knownConversions(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
