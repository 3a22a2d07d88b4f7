package httpdconf

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

// memory is a Source made of texts.
type memory map[string]string

func (m memory) ReadFile(name string) (string, error) {
	if t, ok := m[name]; ok {
		return t, nil
	}
	return "", syscall.ENOENT
}
func (m memory) List(dir string) ([]Entry, error) {
	seen := map[string]bool{}
	for name := range m {
		if rest, ok := strings.CutPrefix(name, strings.TrimSuffix(dir, "/")+"/"); ok {
			first, _, below := strings.Cut(rest, "/")
			seen[first] = seen[first] || below
		}
	}
	if len(seen) == 0 {
		return nil, syscall.ENOENT
	}
	var list []Entry
	for name, d := range seen {
		list = append(list, Entry{name, d})
	}
	slices.SortFunc(list, func(a, b Entry) int { return strings.Compare(a.Name, b.Name) })
	return list, nil
}
func (m memory) Stat(name string) (dir, ok bool) {
	if _, ok := m[name]; ok {
		return false, true
	}
	_, err := m.List(name)
	return err == nil, err == nil
}
func (m memory) Getenv(name string) (string, bool) {
	if name == "ENVVAR" {
		return "from env", true
	}
	return "", false
}

// testHost declares the functions of this package and a few plain names.
type testHost struct{}

var testFuncs = map[string]ReadFunc{"include": Include, "includeoptional": IncludeOptional, "define": Define, "undefine": UnDefine,
	"use": UseMacro, "undefmacro": UndefMacro}
var testSections = map[string]ReadFunc{"ifdefine": IfDefine, "ifmodule": IfModule, "iffile": IfFile, "ifdirective": IfDirective,
	"ifsection": IfSection, "ifversion": IfVersion, "macro": Macro}

func (testHost) OnRead(name string, section bool) (ReadFunc, bool) {
	name = strings.ToLower(name)
	if section {
		if f := testSections[name]; f != nil {
			return f, true
		}
		return nil, name == "directory" || name == "virtualhost"
	}
	if f := testFuncs[name]; f != nil {
		return f, true
	}
	return nil, name == "servername" || name == "timeout"
}
func (testHost) ModuleActive(name string) bool { return name == "yes_module" || name == "mod_yes.c" }

func load(files memory) (*Tree, Diagnostics) {
	return Load("/main.conf", Options{Source: files, Host: testHost{}, Defines: []string{"GIVEN"}, ServerRoot: "/root", Version: "2.4.71"})
}

// TestSpec runs the texts of testdata: main.conf and others, then what they
// are read as ("tree") and what is said ("diagnostics").
func TestSpec(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no specifications", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			src := memory{}
			want := map[string]string{}
			for _, f := range txtar.Parse(data).Files {
				switch f.Name {
				case "tree", "diagnostics":
					want[f.Name] = string(f.Data)
				default:
					src["/"+f.Name] = strings.NewReplacer(`\r`, "\r", `\0`, "\x00", `\ufeff`, "\ufeff").Replace(string(f.Data))
				}
			}
			tree, diags := load(src)
			var got strings.Builder
			for _, d := range diags {
				if d.Severity == Warning {
					got.WriteString("warning: ")
				}
				fmt.Fprintln(&got, d)
			}
			if d := cmp.Diff(want["diagnostics"], got.String()); d != "" {
				t.Errorf("diagnostics (-want +got):\n%s", d)
			}
			if diags.Failed() {
				return
			}
			var dump bytes.Buffer
			if err := tree.Dump(&dump); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(want["tree"], dump.String()); d != "" {
				t.Errorf("tree (-want +got):\n%s", d)
			}
			replayed(t, src, dump.String())
		})
	}
}

// replayed checks that a recorded configuration reads the same again.
func replayed(t *testing.T, src memory, want string) {
	t.Helper()
	rec := NewRecorder(src)
	opt := Options{Source: rec, Host: testHost{}, Defines: []string{"GIVEN"}, ServerRoot: "/root", Version: "2.4.71"}
	Load("/main.conf", opt)
	b, err := rec.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	again := new(Replay)
	if err := again.UnmarshalBinary(b); err != nil {
		t.Fatal(err)
	}
	opt.Source = again
	tree, _ := Load("/main.conf", opt)
	var dump bytes.Buffer
	if err := tree.Dump(&dump); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, dump.String()); d != "" {
		t.Errorf("replayed (-want +got):\n%s", d)
	}
}

func TestGetword(t *testing.T) {
	tests := []struct{ in, word, rest string }{
		{`a b`, `a`, `b`},
		{`  "a b"  c`, `a b`, `c`},
		{`'it"s' x`, `it"s`, `x`},
		{`"a\"b\\c\d" x`, `a"b\c\d`, `x`},
		{`a\\b\"c x`, `a\b\"c`, `x`},
		{`"unclosed x`, `unclosed x`, ``},
		{`"a"b`, `a`, `b`},
		{`""  x`, ``, `x`},
		{``, ``, ``},
		{"a\tb", `a`, `b`},
	}
	for _, tt := range tests {
		word, rest := Getword(tt.in)
		if word != tt.word || rest != tt.rest {
			t.Errorf("Getword(%q) = %q, %q; want %q, %q", tt.in, word, rest, tt.word, tt.rest)
		}
	}
}

func TestIncludes(t *testing.T) {
	tree, diags := load(memory{"/main.conf": "\nInclude /a.conf\n", "/a.conf": "Include /b.conf\n", "/b.conf": "Timeout 1\n"})
	if diags != nil {
		t.Fatal(diags)
	}
	var b bytes.Buffer
	if err := tree.DumpIncludes(&b); err != nil {
		t.Fatal(err)
	}
	want := "Included configuration files:\n  (*) /main.conf\n    (2) /a.conf\n      (1) /b.conf\n"
	if d := cmp.Diff(want, b.String()); d != "" {
		t.Error(d)
	}
}

func TestHtaccessLimits(t *testing.T) {
	_, diags := ParseHtaccess("/x/.htaccess", "Timeout "+strings.Repeat("x", 9000), Options{Host: testHost{}})
	if first, ok := diags.First(); !ok || first.String() != "Error reading /x/.htaccess at line 1: Line too long" {
		t.Errorf("%v", diags)
	}
}

func FuzzLoad(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.txtar")
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for _, x := range txtar.Parse(data).Files {
			f.Add(string(x.Data))
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 4000 || strings.Count(strings.ToLower(text), "include") > 3 {
			return
		}
		src := memory{"/main.conf": text, "/a.conf": "Timeout 1\n"}
		tree, diags := load(src)
		lines := strings.Count(text, "\n") + 2
		tree.Walk(func(n *Node) {
			if n.Pos.Line < 1 || n.Pos.Line > lines {
				t.Fatalf("%s at line %d of %d", n.Name, n.Pos.Line, lines)
			}
		})
		if diags.Failed() {
			return
		}
		var dump bytes.Buffer
		if err := tree.Dump(&dump); err != nil {
			t.Fatal(err)
		}
		replayed(t, src, dump.String())
	})
}

func FuzzHtaccess(f *testing.F) {
	f.Add("<IfModule yes_module>\nTimeout 1\n</IfModule>\n")
	f.Add("Timeout \\\n 1\n<Files x>\n</Files>")
	f.Fuzz(func(t *testing.T, text string) {
		tree, _ := ParseHtaccess("/.htaccess", text, Options{Source: memory{}, Host: testHost{}})
		tree.Walk(func(n *Node) {
			if n.Pos.File != "/.htaccess" || n.Pos.Line < 1 {
				t.Fatalf("%q stands at %+v", n.Name, n.Pos)
			}
		})
	})
}

func FuzzGetword(f *testing.F) {
	f.Add(`"a\"b" c`)
	f.Fuzz(func(t *testing.T, s string) {
		word, rest := Getword(s)
		if len(word)+len(rest) > len(s) || !strings.HasSuffix(s, rest) {
			t.Fatalf("Getword(%q) = %q, %q", s, word, rest)
		}
	})
}

// BenchmarkLoad reads 5,000 virtual hosts of 15 lines.
func BenchmarkLoad(b *testing.B) {
	var text strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&text, "<VirtualHost *:80>\nServerName site%d.example.com\nServerAlias www.site%d.example.com\nDocumentRoot /srv/www\n"+
			"ErrorLog /var/log/vh.err\nDirectoryIndex index.html index.htm\nHeader set X-Site \"s%d\"\nRewriteEngine On\n"+
			"RewriteRule ^/old/(.*)$ /new/$1 [R=301,L]\nRedirect 301 /gone%d https://example.org/\n"+
			"<Directory /srv/www>\nAllowOverride None\nRequire all granted\n</Directory>\n</VirtualHost>\n", i, i, i, i)
	}
	src := memory{"/main.conf": text.String()}
	b.ReportAllocs()
	for b.Loop() {
		if _, diags := load(src); diags != nil {
			b.Fatal(diags)
		}
	}
}
