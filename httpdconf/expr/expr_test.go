package expr

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// testNames knows a few names, enough to see how they are called.
type testNames struct{}

func (testNames) Var(name string) (Var, error) {
	values := map[string]string{"HOST": "www.example.org", "EMPTY": "", "N": "12"}
	v, ok := values[strings.ToUpper(name)]
	if !ok {
		return nil, nil
	}
	return func(Context) (string, error) { return v, nil }, nil
}
func (testNames) Func(name string, _ *string) (Func, error) {
	switch name {
	case "toupper":
		return func(_ Context, s string) (string, error) { return strings.ToUpper(s), nil }, nil
	case "fails":
		return func(_ Context, s string) (string, error) { return "", errors.New("fails: " + s) }, nil
	}
	return nil, nil
}
func (testNames) ListFunc(name string) (ListFunc, error) {
	if name != "words" {
		return nil, nil
	}
	return func(_ Context, s string) ([]string, error) { return strings.Fields(s), nil }, nil
}
func (testNames) Unary(name string, _ *string) (Unary, error) {
	switch name {
	case "n":
		return func(_ Context, s string) (bool, error) { return s != "", nil }, nil
	case "z":
		return func(_ Context, s string) (bool, error) { return s == "", nil }, nil
	}
	return nil, nil
}
func (testNames) Binary(name string, constant *string) (Binary, error) {
	if name != "prefix" {
		return nil, nil
	}
	if constant == nil {
		return nil, errors.New("-prefix wants a constant")
	}
	return func(_ Context, a, b string) (bool, error) { return strings.HasPrefix(a, b), nil }, nil
}
func (testNames) Regexp(p string, fold bool) (Matcher, error) {
	if fold {
		p = "(?i)" + p
	}
	re, err := regexp.Compile(p)
	return goRegexp{re}, err
}

type goRegexp struct{ *regexp.Regexp }

func (r goRegexp) Match(dst []string, s string) []string {
	if m := r.FindStringSubmatch(s); m != nil {
		return append(dst, m...)
	}
	return nil
}

func TestCondition(t *testing.T) {
	tests := []struct {
		text string
		want bool
	}{
		{`true`, true},
		{`false || true`, true},
		{`false or true and false`, false},
		{`!false && !(true && false)`, true},
		{`not true or true`, true},
		{`%{HOST} == 'www.example.org'`, true},
		{`%{HOST} = "www.example.org"`, true},
		{`%{HOST} != 'x'`, true},
		{`%{HOST} =~ /^WWW\./i`, true},
		{`%{HOST} !~ m#example#`, false},
		{`%{HOST} =~ m#^www\.(.*)$# && $1 == 'example.org'`, true},
		{`"$1" == ''`, true},
		{`%{N} -eq 12`, true},
		{`%{N} lt 9`, false},
		{`%{N} < 9`, true},
		{`-3 -lt 2`, true},
		{`%{HOST} -in {'a', 'www.example.org'}`, true},
		{`'b' in words('a b c')`, true},
		{`'x' in words('a b c')`, false},
		{`-z %{EMPTY}`, true},
		{`-n "%{EMPTY}x"`, true},
		{`%{HOST} -prefix 'www'`, true},
		{`toupper('a') . 'b' == 'Ab'`, true},
		{`"%{toupper:%{HOST}}" == 'WWW.EXAMPLE.ORG'`, true},
		{`'a"b' == "a\"b"`, true},
		{`"\101\tx" == 'A\tx'`, true},
		{`"100%" == '100%'`, true},
		{`"a}b" == 'a}b'`, true},
	}
	for _, tt := range tests {
		e, err := ParseCondition(tt.text, testNames{})
		if err != nil {
			t.Errorf("ParseCondition(%s): %v", tt.text, err)
			continue
		}
		if got, err := e.Bool(nil, nil); err != nil || got != tt.want {
			t.Errorf("%s = %v, %v; want %v", tt.text, got, err, tt.want)
		}
	}
}

func TestString(t *testing.T) {
	tests := []struct{ text, want string }{
		{``, ``},
		{`plain`, `plain`},
		{`https://%{HOST}/x?y=100%`, `https://www.example.org/x?y=100%`},
		{`"%{toupper:a}"`, `"A"`},
		{`a\nb\$1`, "a\nb$1"},
	}
	for _, tt := range tests {
		e, err := ParseString(tt.text, testNames{})
		if err != nil {
			t.Errorf("ParseString(%q): %v", tt.text, err)
			continue
		}
		if got, err := e.Eval(nil, nil); err != nil || got != tt.want {
			t.Errorf("%q = %q, %v; want %q", tt.text, got, err, tt.want)
		}
	}
}

// TestErrors has the words of Apache 2.4.71 ("apache2 -t" with <If "…">).
func TestErrors(t *testing.T) {
	tests := []struct{ text, want string }{
		{`%{NOSUCH} == 1`, `Variable 'NOSUCH' does not exist`},
		{`nosuch('a') == 1`, `Function 'nosuch' does not exist`},
		{`-q 'a'`, `Unary operator '-q' does not exist`},
		{`'a' -nosuch 'b'`, `Binary operator '-nosuch' does not exist`},
		{`'a' in nosuch('b')`, `List-returning function 'nosuch' does not exist`},
		{`'a' =~ /(/`, `Failed to compile regular expression`},
		{`'a`, `Unterminated string or variable`},
		{``, `syntax error, unexpected $end`},
		{`'a' ==`, `syntax error, unexpected $end`},
		{`'a' in {}`, `syntax error, unexpected '}'`},
		{`'a' == #`, `syntax error, unexpected T_ERROR: Parse error near '#'`},
	}
	for _, tt := range tests {
		_, err := ParseCondition(tt.text, testNames{})
		if err == nil || err.Error() != tt.want {
			t.Errorf("%s: %v; want %s", tt.text, err, tt.want)
		}
	}
	for _, text := range []string{`'a'`, `(true`, `true true`} {
		if _, err := ParseCondition(text, testNames{}); err == nil || !strings.HasPrefix(err.Error(), "syntax error") {
			t.Errorf("%s: %v; want a syntax error", text, err)
		}
	}
}

func TestErrorOfFunction(t *testing.T) {
	e, err := ParseCondition(`fails('x') == 'y'`, testNames{})
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := e.Bool(nil, nil); ok || fmt.Sprint(err) != "fails: x" {
		t.Errorf("%v, %v", ok, err)
	}
}

func FuzzCondition(f *testing.F) {
	for _, s := range []string{`%{HOST} =~ m#^(.*)$# && "$1" == 'x'`, `'a' in {'b',%{N}}`, `!(-z "%{toupper:\"}")`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if len(s) > 500 {
			return
		}
		e, err := ParseCondition(s, testNames{})
		if err != nil {
			return
		}
		a, errA := e.Bool(nil, nil)
		b, errB := e.Bool(nil, nil)
		if a != b || (errA == nil) != (errB == nil) {
			t.Fatalf("%q is %v, then %v", s, a, b)
		}
	})
}
