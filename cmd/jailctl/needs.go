package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// need is a file that a program wants, called as the program calls it.
type need struct {
	Path string `json:"path"`
	For  string `json:"for"`
	Why  string `json:"why"`
	// Feature is empty for what the program cannot start without; else what goes
	// wrong without it, and the name for provision -with.
	Feature string `json:"feature,omitempty"`
	// Conditional is set of what the program loads in some cases only: a module of
	// Perl that is named behind a condition or in a function.
	Conditional bool `json:"conditional,omitempty"`
}

// finder gathers what programs need from the files of the machine.
type finder struct {
	linker *linker
	seen   map[string]bool
	needs  []need
	lost   []need // needed, and not on the machine either
	// What is found now is loaded in some cases only.
	conditional bool
}

func newFinder() *finder { return &finder{linker: newLinker("/"), seen: map[string]bool{}} }

// program adds a program, with all it needs to start.
func (f *finder) program(name string) error {
	path, err := lookPath(name)
	if err != nil {
		return err
	}
	f.file(path, path, "the program itself", "")
	return nil
}

func lookPath(name string) (string, error) {
	if strings.Contains(name, "/") {
		path, err := filepath.Abs(name)
		if err == nil {
			_, err = os.Stat(path)
		}
		return path, err
	}
	for _, dir := range []string{"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"} {
		if st, err := os.Stat(filepath.Join(dir, name)); err == nil && st.Mode().IsRegular() && st.Mode()&0o111 != 0 {
			return filepath.Join(dir, name), nil
		}
	}
	return "", fmt.Errorf("%s: no such program in the usual directories", name)
}

// file adds path, and what it needs in its turn.
func (f *finder) file(path, by, why, feature string) {
	if f.seen[path] {
		return
	}
	f.seen[path] = true
	n := need{Path: path, For: by, Why: why, Feature: feature, Conditional: f.conditional}
	if _, err := os.Stat(path); err != nil {
		f.lost = append(f.lost, n)
		return
	}
	f.needs = append(f.needs, n)
	if o := readObject(path); o != nil {
		f.object(path, by, o, feature)
		return
	}
	f.script(path, by, feature)
}

func (f *finder) object(path, by string, o *object, feature string) {
	if o.interpreter != "" {
		f.file(o.interpreter, path, "the dynamic linker (PT_INTERP)", feature)
	}
	for _, soname := range o.needed {
		if dynamicLinker.MatchString(soname) {
			continue // who starts the program is this library: it is not looked for
		}
		lib := f.linker.library(soname, o)
		if lib == "" {
			f.lost = append(f.lost, need{Path: soname, For: path, Why: "a library (DT_NEEDED)", Feature: feature})
			continue
		}
		f.file(lib, path, "a library (DT_NEEDED)", feature)
	}
	base := filepath.Base(path)
	if target, err := filepath.EvalSymlinks(path); err == nil {
		base = filepath.Base(target)
	}
	if phpCLI.MatchString(base) {
		f.php(path, phpCLI.FindStringSubmatch(base)[1])
	}
	if feature == "" && !strings.HasPrefix(filepath.Base(path), "libc.so") {
		f.features(path, by, o)
	}
}

// script adds the interpreter of a "#!" line, and the modules of a Perl script.
func (f *finder) script(path, by, feature string) {
	line := firstLine(path)
	if !strings.HasPrefix(line, "#!") {
		return
	}
	words := strings.Fields(line[2:])
	if len(words) == 0 {
		return
	}
	f.file(words[0], path, "the interpreter (#!)", feature)
	interpreter := words[0]
	if filepath.Base(words[0]) == "env" {
		for _, w := range words[1:] {
			if strings.HasPrefix(w, "-") || strings.Contains(w, "=") {
				continue
			}
			if found, err := lookPath(w); err == nil {
				interpreter = found
				f.file(found, path, "the interpreter (#! through env)", feature)
			}
			break
		}
	}
	if strings.HasPrefix(filepath.Base(interpreter), "perl") {
		f.perl(path)
	}
	_ = by
}

func firstLine(path string) string {
	file, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer file.Close()
	line, _ := bufio.NewReader(io.LimitReader(file, 512)).ReadString('\n')
	return strings.TrimSpace(line)
}

// dynamicLinker is what libc.so.6 needs, by whatever path PT_INTERP calls it.
var dynamicLinker = regexp.MustCompile(`^ld(?:-linux|-musl|64)?[\w-]*\.so(?:\.\d+)?$`)

var (
	phpCLI  = regexp.MustCompile(`^php(?:-cgi|-fpm)?([0-9]+\.[0-9]+)$`)
	phpExt  = regexp.MustCompile(`(?m)^\s*(?:zend_)?extension\s*=\s*"?([^"\s;]+)`)
	perlUse = regexp.MustCompile(`(?m)^\s*(?:use|no)\s+([A-Za-z_]\w*(?:::\w+)*)`)
	perlTop = regexp.MustCompile(`(?m)^require\s+([A-Za-z_]\w*(?:::\w+)*)\s*;`)
	perlPod = regexp.MustCompile(`(?ms)^=[a-z].*?(?:^=cut\b[^\n]*|\z)`)
	perlISA = regexp.MustCompile(`(?m)^\s*use\s+(?:parent|base)\b([^;]*);`)
	perlReq = regexp.MustCompile(`\brequire\s+(?:"([\w/.]+\.p[lmh])"|'([\w/.]+\.p[lmh])'|([A-Za-z_]\w*(?:::\w+)*))`)
	perlNam = regexp.MustCompile(`[A-Za-z_]\w*(?:::\w+)+|\b[A-Z]\w+`)
)

// php adds the configuration and the extensions it loads.
func (f *finder) php(path, version string) {
	sapi := "cli"
	if strings.Contains(filepath.Base(path), "cgi") {
		sapi = "cgi"
	}
	dir := "/etc/php/" + version + "/" + sapi
	files, _ := filepath.Glob(dir + "/conf.d/*.ini")
	for _, ini := range append([]string{dir + "/php.ini"}, files...) {
		text, err := os.ReadFile(ini)
		if err != nil {
			continue
		}
		f.file(ini, path, "configuration of PHP", "")
		for _, m := range phpExt.FindAllStringSubmatch(string(text), -1) {
			ext := m[1]
			if !strings.HasSuffix(ext, ".so") {
				ext += ".so"
			}
			if !filepath.IsAbs(ext) {
				found, _ := filepath.Glob("/usr/lib/php/20*/" + ext)
				for _, e := range found {
					f.file(e, ini, "an extension of PHP", "")
				}
				continue
			}
			f.file(ext, ini, "an extension of PHP", "")
		}
	}
}

// perl adds the modules that a script names, and those that they name: first what
// is loaded in any case, then what is loaded in some. Names are taken from the
// text: a module that a program makes up while it runs is not found; trace finds it.
func (f *finder) perl(script string) {
	type named struct{ file, by string }
	dirs := perlDirs()
	var later []named
	visited := map[string]bool{}
	follow := func(queue []named) {
		for len(queue) > 0 {
			at := queue[0]
			queue = queue[1:]
			if at.by != "" {
				f.perlModule(at.file, at.by, dirs)
			}
			text, err := os.ReadFile(at.file)
			if err != nil || visited[at.file] {
				continue
			}
			visited[at.file] = true
			always, sometimes := perlNames(string(text))
			for _, rel := range always {
				if path := inDirs(dirs, rel); path != "" {
					queue = append(queue, named{path, at.file})
				}
			}
			for _, rel := range sometimes {
				if path := inDirs(dirs, rel); path != "" {
					later = append(later, named{path, at.file})
				}
			}
		}
	}
	follow([]named{{script, ""}})
	f.conditional = true
	for len(later) > 0 {
		queue := later
		later = nil
		follow(queue)
	}
	f.conditional = false
}

// inDirs is the first of the directories' files with that name; "" for none.
func inDirs(dirs []string, name string) string {
	for _, dir := range dirs {
		if path := filepath.Join(dir, name); fileThere(path) {
			return path
		}
	}
	return ""
}

// perlModule adds a module's file, and what it is compiled to or split into.
func (f *finder) perlModule(path, by string, dirs []string) {
	f.file(path, by, "a module of Perl", "")
	for _, dir := range dirs {
		rel, err := filepath.Rel(dir, path)
		if err != nil || !filepath.IsLocal(rel) {
			continue
		}
		stem := strings.TrimSuffix(rel, ".pm")
		for _, arch := range append([]string{dir}, dirs...) { // XSLoader looks beside the module first
			if so := filepath.Join(arch, "auto", stem, filepath.Base(stem)+".so"); fileThere(so) {
				f.file(so, path, "the compiled part of a Perl module", "")
				break
			}
		}
		if heavy := filepath.Join(dir, stem+"Heavy.pl"); fileThere(heavy) {
			f.file(heavy, path, "a part of a Perl module", "")
		}
		return
	}
}

func fileThere(path string) bool { _, err := os.Stat(path); return err == nil }

// perlNames gives the modules a text names, as files: those that are loaded in any
// case, by use anywhere or by require at the beginning of a line, and those that
// are loaded when something comes to them.
func perlNames(text string) (always, sometimes []string) {
	if i := strings.Index(text, "\n__END__"); i >= 0 {
		text = text[:i]
	}
	text = perlPod.ReplaceAllString(text, "")
	seen := map[string]bool{}
	add := func(list *[]string, name string) {
		// A script of the jail must not have files of the machine copied by a name that leads out of Perl's directories.
		if !seen[name] && filepath.IsLocal(name) {
			seen[name] = true
			*list = append(*list, name)
		}
	}
	module := func(name string) string { return strings.ReplaceAll(name, "::", "/") + ".pm" }
	for _, m := range perlUse.FindAllStringSubmatch(text, -1) {
		add(&always, module(m[1]))
	}
	for _, m := range perlISA.FindAllStringSubmatch(text, -1) {
		for _, base := range perlNam.FindAllString(m[1], -1) {
			add(&always, module(base))
		}
	}
	for _, m := range perlTop.FindAllStringSubmatch(text, -1) {
		add(&always, module(m[1]))
	}
	for _, m := range perlReq.FindAllStringSubmatch(text, -1) {
		switch {
		case m[1] != "":
			add(&sometimes, m[1])
		case m[2] != "":
			add(&sometimes, m[2])
		default:
			add(&sometimes, module(m[3]))
		}
	}
	return always, sometimes
}

func perlDirs() []string {
	var dirs []string
	for _, pattern := range []string{"/etc/perl", "/usr/local/lib/*/perl/5*", "/usr/local/share/perl/5*", "/usr/lib/*/perl5/5*",
		"/usr/share/perl5", "/usr/lib/*/perl-base", "/usr/lib/*/perl/5*", "/usr/share/perl/5*", "/usr/lib64/perl5", "/usr/share/perl5/vendor_perl"} {
		found, _ := filepath.Glob(pattern)
		for _, d := range found {
			// /usr/share/perl/5.36 is a link to 5.36.0: programs use the first name.
			if st, err := os.Lstat(d); err == nil && st.Mode()&os.ModeSymlink == 0 && strings.Count(filepath.Base(d), ".") == 2 && !strings.HasPrefix(d, "/usr/local") {
				if _, err := os.Stat(d[:strings.LastIndexByte(d, '.')]); err == nil {
					continue
				}
			}
			dirs = append(dirs, d)
		}
	}
	return dirs
}
