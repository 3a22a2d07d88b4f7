package modules

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/httpdconf"
	"github.com/donjon-httpd/donjon/server"
)

const pages = "../docs/modules"

// unwritten are modules whose pages are still to come; none at the moment.
var unwritten []string

// folders are the names of the folders of modules.
func folders(t *testing.T) []string {
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() && e.Name() != "testdata" {
			names = append(names, e.Name())
		}
	}
	return names
}

// TestIndex wants a page for each module, a module for each page, and a row
// for each in docs/modules/README.md, which -write makes anew.
func TestIndex(t *testing.T) {
	var b strings.Builder
	b.WriteString("# Modules\n\nA page for each module that is built in: what it is for, an example that loads, what to know of its\n" +
		"directives, what is different from Apache, how to see what it does. The arguments and places of all directives are in\n" +
		"[directives.md](../directives.md), and every difference that a client can see in [differences.md](../differences.md).\n\n" +
		"This page is made by `go test ./modules -run TestIndex -write`.\n\n| module | what it is for |\n|---|---|\n")
	names := folders(t)
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join(pages, name+".md"))
		if err != nil {
			if !slices.Contains(unwritten, name) {
				t.Errorf("a module without a page: %v", err)
			}
			continue
		}
		fmt.Fprintf(&b, "| [%s](%[1]s.md) | %s |\n", name, cell(purpose(string(text))))
	}
	files, err := filepath.Glob(pages + "/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if name := strings.TrimSuffix(filepath.Base(f), ".md"); name != "README" && !slices.Contains(names, name) {
			t.Errorf("a page without a module: %s", f)
		}
	}
	const index = pages + "/README.md"
	if *write {
		if err := os.WriteFile(index, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(index)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(b.String(), string(text)); d != "" {
		t.Errorf("%s is stale; make it anew with -write: %s", index, d)
	}
}

// purpose is what a page says in its heading, "# mod_x: what it is for", or
// else in its first sentence.
func purpose(page string) string {
	heading, rest, _ := strings.Cut(page, "\n")
	if _, what, ok := strings.Cut(heading, ": "); ok {
		return what
	}
	first, _, _ := strings.Cut(strings.TrimSpace(rest), "\n\n")
	first, _, _ = strings.Cut(strings.ReplaceAll(first, "\n", " "), ". ")
	return strings.TrimSuffix(first, ".")
}

// TestPages wants each page to name all directives of its module; those with
// more than forty leave that to docs/directives.md.
func TestPages(t *testing.T) {
	for _, m := range Builtin {
		name := folder(m)
		text, err := os.ReadFile(filepath.Join(pages, name+".md"))
		if err != nil || slices.Contains(unwritten, name) {
			continue // TestIndex says so
		}
		var missing []string
		for _, d := range m.Directives {
			if !named(string(text), strings.TrimPrefix(d.Name, "<")) {
				missing = append(missing, d.Name)
			}
		}
		if len(missing) > 0 && len(m.Directives) < 40 {
			t.Errorf("%s.md does not name %s", name, strings.Join(missing, ", "))
		}
	}
}

// TestLinks wants the links between pages to lead somewhere.
func TestLinks(t *testing.T) {
	files, err := filepath.Glob(pages + "/*.md")
	if err != nil {
		t.Fatal(err)
	}
	link := regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`)
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			if _, err := os.Stat(filepath.Join(pages, m[1])); err != nil && !slices.Contains(unwritten, strings.TrimSuffix(m[1], ".md")) {
				t.Errorf("%s: a link that leads nowhere: %s", f, m[1])
			}
		}
	}
}

// named tells whether a page has a directive's name as a word, in any case.
func named(page, name string) bool {
	return regexp.MustCompile(`(?i)\b` + regexp.QuoteMeta(name) + `\b`).MatchString(page)
}

// folder is the name of a module's folder, and of its page.
func folder(m *server.Module) string {
	name := strings.TrimSuffix(m.Name, "_module")
	if name == "http" {
		return "http_core" // Apache's name for the source
	}
	return name
}

// usual are the modules that examples may do without loading them: those that
// Debian's Apache begins with.
var usual = []string{"mpm_event_module", "authz_core_module", "authz_host_module", "authz_user_module", "authn_core_module",
	"authn_file_module", "auth_basic_module", "access_compat_module", "alias_module", "dir_module", "autoindex_module", "mime_module",
	"negotiation_module", "env_module", "setenvif_module", "filter_module", "deflate_module", "reqtimeout_module", "status_module"}

// TestExamples loads each block of the pages that says that it is one of
// Apache's configuration: ```apache for the server's own file, ```apache
// htaccess for one of a directory. Whatever modules a block does not load by
// itself are loaded before: the page's own, the usual ones, and those whose
// directives it has. Its files are made in a folder of the test's.
func TestExamples(t *testing.T) {
	files, err := filepath.Glob(pages + "/*.md")
	if err != nil || len(files) == 0 {
		t.Fatal("no pages: ", err)
	}
	block := regexp.MustCompile("(?sm)^```([^\n]*)\n(.*?)^```$")
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(f), ".md")
		for i, m := range block.FindAllStringSubmatch(string(text), -1) {
			t.Run(fmt.Sprintf("%s/%d", name, i+1), func(t *testing.T) {
				switch m[1] {
				case "apache":
					loads(t, name, m[2], "")
				case "apache htaccess":
					loads(t, name, "", m[2])
				case "":
					t.Error("a block says what it is: apache, apache htaccess, or another language")
				}
			})
		}
	}
}

// loads reads a configuration as "httpd -t" does, and a .htaccess file in it.
func loads(t *testing.T, page, conf, htaccess string) {
	dir := t.TempDir()
	conf, htaccess = inside(t, dir, conf), inside(t, dir, htaccess)
	var b strings.Builder
	for _, m := range Builtin {
		if !m.Static && (folder(m) == page && !m.OnRequest || slices.Contains(usual, m.Name) || uses(m, conf+htaccess)) && !strings.Contains(conf, m.Name) &&
			(!strings.HasPrefix(m.Name, "mpm_") || m.Name == mpmOf(page)) {
			fmt.Fprintf(&b, "LoadModule %s modules/mod.so\n", m.Name)
		}
	}
	fmt.Fprintf(&b, "ServerRoot %s\nServerName www.example.com\nErrorLog %[1]s/error.log\nListen 127.0.0.1:8080\n", dir)
	b.WriteString(conf)
	file := filepath.Join(dir, "httpd.conf")
	if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	l := &server.Loader{Builtin: Builtin, Source: httpdconf.OS, Root: dir}
	gen, diags := l.Load(file)
	complain(t, diags)
	if gen == nil {
		return
	}
	if err := gen.RunServer(server.CheckConfig); err != nil {
		t.Error(err)
	}
	if htaccess == "" {
		return
	}
	tree, diags := httpdconf.ParseHtaccess(filepath.Join(dir, ".htaccess"), htaccess,
		httpdconf.Options{Host: gen.Config.Set.Reading(directives.All), Version: server.Version, ServerRoot: dir})
	complain(t, diags)
	_, diags = directives.CompileHtaccess(tree, gen.Config.Set, directives.Setup{ServerRoot: dir, Owner: gen, InJail: func(p string) string { return p }},
		directives.Cmd{Server: gen.Config.Main, Path: dir, Override: directives.All, OverrideOpts: ^uint32(0)})
	complain(t, diags)
}

func complain(t *testing.T, diags httpdconf.Diagnostics) {
	for _, d := range diags {
		if d.Severity == httpdconf.Error || d.Severity == httpdconf.Warning {
			t.Errorf("%v: %s", d.Pos, d.Summary)
		}
	}
}

// mpmOf is the MPM of a page's examples: its own, or the usual one.
func mpmOf(page string) string {
	if strings.HasPrefix(page, "mpm_") {
		return page + "_module"
	}
	return "mpm_event_module"
}

// uses tells whether a text has a directive of the module.
func uses(m *server.Module, text string) bool {
	return slices.ContainsFunc(m.Directives, func(d directives.Directive) bool {
		return regexp.MustCompile(`(?im)^\s*` + regexp.QuoteMeta(d.Name) + `\b`).MatchString(text)
	})
}

// outside are paths of examples.
var outside = regexp.MustCompile(`(^|[\s"'=:|])(/(?:srv|etc|var|run|usr/share)/[\w./-]*\w)`)

// contents are what the files of examples have to hold, by the ends of their names.
var contents = map[string]string{".pem": "server.pem", ".crt": "server.pem", ".key": "server.key"}

// inside moves the paths of an example below dir and makes what they name: files
// when they have an ending, else directories.
func inside(t *testing.T, dir, text string) string {
	made := map[string]bool{}
	text = outside.ReplaceAllStringFunc(text, func(s string) string {
		m := outside.FindStringSubmatch(s)
		made[dir+m[2]] = true
		return m[1] + dir + m[2]
	})
	for _, path := range slices.Sorted(maps.Keys(made)) {
		end := filepath.Ext(path)
		if end == "" || end == ".d" {
			if err := os.MkdirAll(path, 0o755); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		var data []byte
		if from, ok := contents[end]; ok {
			var err error
			if data, err = os.ReadFile("../compat-tests/testdata/tls/" + from); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return text
}
