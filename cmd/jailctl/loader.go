package main

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
)

// linker finds libraries as ld.so(8) would, without running anything: RPATH or
// RUNPATH of the file that asks, the cache that ldconfig made, the usual
// directories. Names are those of outside, below root.
type linker struct {
	root  string            // where the files are; "/" for the machine itself
	cache map[string]string // soname to path, of 64-bit libraries
}

func newLinker(root string) *linker {
	text, _ := os.ReadFile(filepath.Join(root, "etc/ld.so.cache")) // without one the directories count
	return &linker{root: root, cache: parseCache(text)}
}

// The cache's second format, which glibc has written since 2.2: dl-cache.h.
const (
	cacheMagic  = "glibc-ld.so.cache1.1"
	cacheHeader = 48
	cacheEntry  = 24
)

// parseCache reads ld.so.cache. What is damaged is passed over: the directories
// are still looked through then.
func parseCache(text []byte) map[string]string {
	libs := map[string]string{}
	at := bytes.Index(text, []byte(cacheMagic))
	if at < 0 || len(text)-at < cacheHeader {
		return libs
	}
	text = text[at:]
	n := int(binary.LittleEndian.Uint32(text[20:]))
	for i := range min(n, (len(text)-cacheHeader)/cacheEntry) {
		e := text[cacheHeader+i*cacheEntry:]
		name := cString(text, binary.LittleEndian.Uint32(e[4:]))
		path := cString(text, binary.LittleEndian.Uint32(e[8:]))
		if _, seen := libs[name]; !seen && name != "" && filepath.IsAbs(path) {
			libs[name] = path
		}
	}
	return libs
}

func cString(text []byte, at uint32) string {
	if int64(at) >= int64(len(text)) {
		return ""
	}
	s := text[at:]
	if end := bytes.IndexByte(s, 0); end >= 0 {
		return string(s[:end])
	}
	return ""
}

// object is what an ELF file says about itself.
type object struct {
	interpreter string
	needed      []string
	paths       []string // RUNPATH, else RPATH
	imports     map[string]bool
	class       elf.Class
	machine     elf.Machine
}

// readObject gives nil for what is no ELF file.
func readObject(name string) *object {
	f, err := elf.Open(name)
	if err != nil {
		return nil
	}
	defer f.Close()
	o := &object{imports: map[string]bool{}, class: f.Class, machine: f.Machine}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP && p.Filesz < 4096 {
			b := make([]byte, p.Filesz)
			if _, err := p.ReadAt(b, 0); err == nil {
				o.interpreter = strings.TrimRight(string(b), "\x00")
			}
		}
	}
	o.needed, _ = f.ImportedLibraries() // a static program has none
	for _, tag := range []elf.DynTag{elf.DT_RUNPATH, elf.DT_RPATH} {
		if list, err := f.DynString(tag); err == nil && len(list) > 0 && o.paths == nil {
			for p := range strings.SplitSeq(strings.Join(list, ":"), ":") {
				o.paths = append(o.paths, strings.NewReplacer("$ORIGIN", filepath.Dir(name), "${ORIGIN}", filepath.Dir(name)).Replace(p))
			}
		}
	}
	symbols, _ := f.ImportedSymbols() // likewise
	for _, s := range symbols {
		o.imports[s.Name] = true
	}
	return o
}

// library finds soname for the object that needs it; "" when it is nowhere.
func (l *linker) library(soname string, by *object) string {
	if strings.Contains(soname, "/") {
		return soname
	}
	candidates := make([]string, 0, 12)
	for _, dir := range by.paths {
		candidates = append(candidates, filepath.Join(dir, soname))
	}
	if path := l.cache[soname]; path != "" {
		candidates = append(candidates, path)
	}
	for _, dir := range []string{"/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib/aarch64-linux-gnu", "/usr/lib/aarch64-linux-gnu",
		"/lib64", "/usr/lib64", "/lib", "/usr/lib"} {
		candidates = append(candidates, filepath.Join(dir, soname))
	}
	for _, c := range candidates {
		if o := readObject(filepath.Join(l.root, c)); o != nil && o.class == by.class && o.machine == by.machine {
			return c
		}
	}
	return ""
}
