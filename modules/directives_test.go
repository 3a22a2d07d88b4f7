package modules

import (
	"bufio"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/httpdconf"
	"github.com/donjon-httpd/donjon/server"
)

// tabled is a row of testdata/directives.tsv.
type tabled struct {
	name, source string
	contexts     []string // server, dir, htaccess
	classes      []string // of AllowOverride; "All(any)" and "none" as in the table
	kind         string   // TAKE1, FLAG …
	onRead       bool     // acts while the text is read: sections around it are no matter then
}

func table(t *testing.T) []tabled {
	f, err := os.Open("testdata/directives.tsv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var rows []tabled
	for s := bufio.NewScanner(f); s.Scan(); {
		if strings.HasPrefix(s.Text(), "#") {
			continue
		}
		w := strings.Split(s.Text(), "\t")
		if len(w) != 6 {
			t.Fatalf("a row of %d columns: %q", len(w), s.Text())
		}
		rows = append(rows, tabled{w[0], w[1], strings.Split(w[2], ","), strings.Split(w[3], "|"), w[4], w[5] == "y"})
	}
	return rows
}

var arities = map[string]directives.Arity{
	"RAW_ARGS": directives.Raw, "TAKE_ARGV": directives.Argv, "NO_ARGS": directives.NoArgs, "TAKE1": directives.One,
	"TAKE2": directives.Two, "TAKE12": directives.OneTwo, "TAKE3": directives.Three, "TAKE23": directives.TwoThree,
	"TAKE13": directives.OneThree, "TAKE123": directives.OneTwoThree, "ITERATE": directives.Each,
	"ITERATE2": directives.EachAfter, "FLAG": directives.OnOff,
}

var classes = map[string]directives.Context{
	"Limit": directives.Limit, "Options": directives.Options, "FileInfo": directives.FileInfo,
	"AuthConfig": directives.AuthConfig, "Indexes": directives.Indexes,
}

// TestDirectives asks for every directive of every module that is built in
// whether it may stand where Apache's table says, and nowhere else.
func TestDirectives(t *testing.T) {
	set := directives.NewSet(server.Version)
	sources := map[string]*server.Module{}
	for _, m := range Builtin {
		set.Add(m.Name, m.SourceName(), m.Directives)
		sources[m.SourceName()] = m
	}
	known := map[string]bool{}
	for _, want := range table(t) {
		m := sources[want.source]
		if m == nil || ours[strings.ToLower(want.name)] {
			continue // another module than Apache's may have it
		}
		known[want.source+" "+strings.ToLower(want.name)] = true
		t.Run(want.name, func(t *testing.T) { checkDirective(t, set, m, want) })
	}
	for _, m := range Builtin {
		for _, d := range m.Directives {
			name := strings.ToLower(d.Name)
			if strings.HasPrefix(name, "<") {
				name += ">"
			}
			if !known[m.SourceName()+" "+name] && !ours[name] {
				t.Errorf("%s of %s is not in Apache's table", d.Name, m.SourceName())
			}
		}
	}
}

// ours are the directives that are not in the table: those of the jail, of what
// is remembered of files and of mod_zstd, and one that Apache only has when it is
// built with --enable-exception-hook. LuaAuthzProvider becomes another one when it was read.
var ours = map[string]bool{"chrootdir": true, "chrootfixroot": true, "chrootprivatemounts": true, "chrootlandlock": true, "chrootnonewprivs": true,
	"chrootboundingset": true, "chrootclosedescriptors": true, "filecachevalid": true, "filecachesize": true,
	"zstdfilternote": true, "zstdcompressionlevel": true, "zstdcompressionwindow": true, "zstdalteretag": true, "enableexceptionhook": true, "proxyfcgipaths": true, "lua_____authzprovider": true}

func checkDirective(t *testing.T, set *directives.Set, m *server.Module, want tabled) {
	bare := strings.Trim(want.name, "<>")
	section := bare != want.name
	var d *directives.Directive
	for _, r := range set.Lookup(bare, section) {
		if r.Module == m.Name {
			d = r.Directive
		}
	}
	if d == nil {
		t.Fatalf("%s does not know it", m.Name)
	}
	if got := d.Set.Arity(); got != arities[want.kind] {
		t.Errorf("arguments are split as %v, want %s", got, want.kind)
	}
	alone := directives.NewSet(server.Version)
	core := Builtin[slices.IndexFunc(Builtin, func(m *server.Module) bool { return m.Name == "core_module" })]
	alone.Add(core.Name, core.SourceName(), core.Directives)
	alone.Add(m.Name, m.SourceName(), m.Directives)
	text := bare + "\n"
	if section {
		text = "<" + bare + ">\n</" + bare + ">\n"
	}
	if got, in := allowed(alone, text, false), slices.Contains(want.contexts, "server"); got != in {
		t.Errorf("in the server configuration: allowed %v, want %v", got, in)
	}
	// MDRequireHttps refuses the section itself, behind its argument.
	if got, in := allowed(alone, text, true), slices.Contains(want.contexts, "dir") || want.onRead || want.name == "MDRequireHttps"; got != in {
		t.Errorf("in <Directory>: allowed %v, want %v", got, in)
	}
	for name, c := range classes {
		in := slices.Contains(want.contexts, "htaccess") && (slices.Contains(want.classes, name) || slices.Contains(want.classes, "All(any)"))
		if got := allowedHtaccess(alone, text, c); got != in {
			t.Errorf("in .htaccess under AllowOverride %s: allowed %v, want %v", name, got, in)
		}
	}
}

// refused tells whether the first error is about the place, not the arguments.
func refused(diags httpdconf.Diagnostics) bool {
	first, bad := diags.First()
	return bad && (strings.Contains(first.Summary, "not allowed here") || strings.Contains(first.Summary, "not allowed in <"))
}

func allowed(set *directives.Set, text string, inDirectory bool) bool {
	if inDirectory {
		text = "<Directory />\n" + text + "</Directory>\n"
	}
	override := directives.MainFile
	tree, diags := httpdconf.Load("/httpd.conf", httpdconf.Options{Source: text1{text}, Host: set.Reading(override), Version: server.Version})
	if refused(diags) {
		return false
	}
	_, more := directives.Compile(tree, set, directives.Setup{Owner: &server.Loader{Builtin: Builtin}})
	return !refused(more)
}

func allowedHtaccess(set *directives.Set, text string, class directives.Context) bool {
	tree, diags := httpdconf.ParseHtaccess("/.htaccess", text, httpdconf.Options{Host: set.Reading(class), Version: server.Version})
	if refused(diags) {
		return false
	}
	main := &directives.Server{Defaults: &directives.Conf{}}
	_, more := directives.CompileHtaccess(tree, set, directives.Setup{Owner: &server.Loader{Builtin: Builtin}},
		directives.Cmd{Server: main, Path: "/", Override: class})
	return !refused(more)
}

// text1 is a file system of one configuration file.
type text1 struct{ text string }

func (f text1) ReadFile(string) (string, error)        { return f.text, nil }
func (f text1) List(string) ([]httpdconf.Entry, error) { return nil, os.ErrNotExist }
func (f text1) Stat(string) (dir, ok bool)             { return false, false }
func (f text1) Getenv(string) (string, bool)           { return "", false }
