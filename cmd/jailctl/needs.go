package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
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
}

// finder gathers what programs need from the files of the machine.
type finder struct {
	linker *linker
	seen   map[string]bool
	needs  []need
	lost   []need // needed, and not on the machine either
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
	n := need{Path: path, For: by, Why: why, Feature: feature}
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
	switch {
	case phpCLI.MatchString(base):
		f.php(path, phpCLI.FindStringSubmatch(base)[1])
	case base == "perl" || strings.HasPrefix(base, "perl5"):
		f.perl(path, "")
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
		f.perl(interpreter, path)
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

var (
	phpCLI  = regexp.MustCompile(`^php(?:-cgi|-fpm)?([0-9]+\.[0-9]+)$`)
	phpExt  = regexp.MustCompile(`(?m)^\s*(?:zend_)?extension\s*=\s*"?([^"\s;]+)`)
	perlUse = regexp.MustCompile(`(?m)^\s*(?:use|require|no)\s+([A-Za-z_]\w*(?:::\w+)*)`)
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

// perl adds the modules that a script names, and those that they name. Names are
// taken from the text: a module that a program makes up while it runs is not
// found; trace finds it.
func (f *finder) perl(interpreter, script string) {
	if script == "" {
		return
	}
	dirs := perlDirs()
	queue := []string{script}
	visited := map[string]bool{}
	for len(queue) > 0 {
		file := queue[0]
		queue = queue[1:]
		if visited[file] {
			continue
		}
		visited[file] = true
		text, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		for _, rel := range perlNames(string(text)) {
			for _, dir := range dirs {
				path := filepath.Join(dir, rel)
				if _, err := os.Stat(path); err != nil {
					continue
				}
				f.file(path, file, "a module of Perl", "")
				queue = append(queue, path)
				stem := strings.TrimSuffix(rel, ".pm")
				// XSLoader takes the one beside the module, else DynaLoader the first of @INC.
				for _, arch := range slices.Concat([]string{dir}, dirs) {
					so := filepath.Join(arch, "auto", stem, filepath.Base(stem)+".so")
					if _, err := os.Stat(so); err == nil {
						f.file(so, path, "the compiled part of a Perl module", "")
						break
					}
				}
				if extra := filepath.Join(dir, stem+"Heavy.pl"); exists(extra) {
					f.file(extra, path, "a part of a Perl module", "")
				}
				break
			}
		}
	}
	_ = interpreter
}

// perlNames gives the modules a text names, as files.
func perlNames(text string) []string {
	if i := strings.Index(text, "\n__END__"); i >= 0 {
		text = text[:i]
	}
	var names []string
	add := func(module string) {
		name := strings.ReplaceAll(module, "::", "/") + ".pm"
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, m := range perlUse.FindAllStringSubmatch(text, -1) {
		add(m[1])
	}
	for _, m := range perlReq.FindAllStringSubmatch(text, -1) {
		switch {
		case m[1] != "":
			names = append(names, m[1])
		case m[2] != "":
			names = append(names, m[2])
		default:
			add(m[3])
		}
	}
	for _, m := range perlISA.FindAllStringSubmatch(text, -1) {
		for _, base := range perlNam.FindAllString(m[1], -1) {
			add(base)
		}
	}
	return names
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
