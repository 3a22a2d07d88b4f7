package directives

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/donjon-httpd/donjon/httpdconf"
)

type testConfig struct{ got []string }

var testSlot = NewServerSlot(func(base, add testConfig) testConfig {
	return testConfig{Append(base.got, add.got)}
})

var testDir = NewDirSlot(func(base, add testConfig) testConfig { return testConfig{Append(base.got, add.got)} })

func note(c *testConfig, words ...string) error {
	c.got = append(c.got, strings.Join(words, "|"))
	return nil
}

var testTable = Table{
	{Name: "One", In: InServer, Usage: "a word", Set: testSlot.Take1(func(c *testConfig, _ *Cmd, a string) error { return note(c, a) })},
	{Name: "Two", In: InServer, Set: testSlot.Take2(func(c *testConfig, _ *Cmd, a, b string) error { return note(c, a, b) })},
	{Name: "OneTwo", In: InServer, Set: testSlot.Take12(func(c *testConfig, _ *Cmd, a, b string) error { return note(c, a, b) })},
	{Name: "TwoThree", In: InServer, Set: testSlot.Take23(func(c *testConfig, _ *Cmd, a, b, d string) error { return note(c, a, b, d) })},
	{Name: "OneThree", In: InServer, Set: testSlot.Take13(func(c *testConfig, _ *Cmd, a, b, d string) error { return note(c, a, b, d) })},
	{Name: "Each", In: InServer, Set: testSlot.Iterate(func(c *testConfig, _ *Cmd, a string) error { return note(c, a) })},
	{Name: "EachAfter", In: InServer, Set: testSlot.Iterate2(func(c *testConfig, _ *Cmd, a, b string) error { return note(c, a, b) })},
	{Name: "Switch", In: InServer, Set: testSlot.Flag(func(c *testConfig, on bool) { note(c, fmt.Sprint(on)) })},
	{Name: "Nothing", In: InServer, Set: testSlot.NoArgs(func(c *testConfig, _ *Cmd) error { return note(c, "nothing") })},
	{Name: "Main", In: InServer, Forbid: GlobalOnly, Set: testSlot.Take1(func(c *testConfig, _ *Cmd, a string) error { return note(c, a) })},
	{Name: "Index", In: Indexes, Set: testDir.Take1(func(c *testConfig, _ *Cmd, a string) error { return note(c, a) })},
	{Name: "<Host", In: InServer, Set: testSlot.Raw(func(c *testConfig, cmd *Cmd, _ string) error { cmd.VirtualHost(func(*Server) {}); return nil })},
	{Name: "<Dir", In: InServer, Set: testSlot.Raw(func(c *testConfig, cmd *Cmd, a string) error {
		note(c, testDir.Of(cmd.Section(a)).got...)
		return nil
	})},
}

func compileText(text string) (*Config, httpdconf.Diagnostics) {
	set := NewSet("2.4.71")
	set.Add("test_module", "mod_test.c", testTable)
	src := textSource(text)
	tree, diags := httpdconf.Load("/f", httpdconf.Options{Source: src, Host: set.Reading(MainFile)})
	if diags.Failed() {
		return nil, diags
	}
	return Compile(tree, set, Setup{})
}

type textSource string

func (s textSource) ReadFile(string) (string, error)        { return string(s), nil }
func (textSource) List(string) ([]httpdconf.Entry, error)   { return nil, nil }
func (textSource) Stat(string) (dir, ok bool)               { return false, true }
func (textSource) Getenv(string) (value string, given bool) { return "", false }

func TestArguments(t *testing.T) {
	tests := []struct {
		text string
		want []string
		err  string
	}{
		{`One a`, []string{"a"}, ""},
		{`one "a b"`, []string{"a b"}, ""},
		{`One`, nil, "One takes one argument, a word"},
		{`One a b`, nil, "One takes one argument, a word"},
		{`Two a`, nil, "Two takes two arguments"},
		{`OneTwo a`, []string{"a|"}, ""},
		{`OneTwo a b c`, nil, "OneTwo takes 1-2 arguments"},
		{`TwoThree a b`, []string{"a|b|"}, ""},
		{`TwoThree a`, nil, "TwoThree takes two or three arguments"},
		{`OneThree a`, []string{"a||"}, ""},
		{`OneThree a b`, nil, "OneThree takes one or three arguments"},
		{`Each a b`, []string{"a", "b"}, ""},
		{`Each`, nil, "Each requires at least one argument"},
		{`EachAfter x a b`, []string{"x|a", "x|b"}, ""},
		{`EachAfter x`, nil, "EachAfter requires at least two arguments"},
		{`Switch ON`, []string{"true"}, ""},
		{`Switch off`, []string{"false"}, ""},
		{`Switch yes`, nil, "Switch must be On or Off"},
		{`Nothing x`, nil, "Nothing takes no arguments"},
		{`Main x`, []string{"x"}, ""},
		{"<Host x>\nMain y\n</Host>", nil, "Main cannot occur within <VirtualHost> section"},
		{"<Dir /x>\nMain y\n</Dir>", nil, "Main not allowed in <Dir> context"},
		{"<Dir /x>\nIndex y\n</Dir>", []string{"y"}, ""},
		{"Ones x", nil, "Invalid command 'Ones', perhaps misspelled or defined by a module not included in the server configuration"},
	}
	for _, tt := range tests {
		cfg, diags := compileText(tt.text)
		if first, bad := diags.First(); bad {
			if first.Summary != tt.err {
				t.Errorf("%s: %s; want %s", tt.text, first.Summary, tt.err)
			}
			continue
		}
		if tt.err != "" {
			t.Errorf("%s: accepted; want %s", tt.text, tt.err)
			continue
		}
		if d := cmp.Diff(tt.want, testSlot.Of(cfg.Main).got); d != "" {
			t.Errorf("%s (-want +got):\n%s", tt.text, d)
		}
	}
}

// TestErrorsGoOn: after the first error compiling goes on, in the text's order.
func TestErrorsGoOn(t *testing.T) {
	_, diags := compileText("Switch maybe\nOne a\nSwitc on\n")
	var got []string
	for _, d := range diags {
		got = append(got, fmt.Sprintf("%d %s", d.Pos.Line, d.Hint))
	}
	if d := cmp.Diff([]string{"1 ", "3 did you mean Switch?"}, got); d != "" {
		t.Error(d)
	}
	if len(diags) != 2 {
		t.Errorf("%d diagnostics", len(diags))
	}
}

func TestMergeOfHosts(t *testing.T) {
	cfg, diags := compileText("One main\n<Host a>\nOne host\n</Host>\n")
	if diags.Failed() {
		t.Fatal(diags)
	}
	if d := cmp.Diff([]string{"main", "host"}, testSlot.Of(cfg.Hosts[0]).got); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"main"}, testSlot.Of(cfg.Main).got); d != "" {
		t.Error(d)
	}
}
