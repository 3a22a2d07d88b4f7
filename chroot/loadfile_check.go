//go:build !dlopen

package chroot

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
)

// MapsLibraries tells whether LoadFile maps the library into the process.
const MapsLibraries = false

// load finds a library and examines it. Errors are in the words of glibc's
// dlerror. What it needs in turn is not followed.
func load(name string) error {
	if strings.Contains(name, "/") {
		return examine(name)
	}
	for _, dir := range libraryDirs("/etc/ld.so.conf") {
		full := filepath.Join(dir, name)
		if err := examine(full); !errors.Is(err, os.ErrNotExist) && !errors.Is(err, errClass) {
			return err
		}
	}
	return cannotOpen(name, syscall.ENOENT)
}

// errClass is a library for a processor with other registers. The search for a
// bare name passes over it, as over one for another processor altogether, which
// glibc takes for a file that is not there.
var errClass = errors.New("wrong ELF class: ELFCLASS32")

// machines are the processors this program is built for, as ELF numbers them.
var machines = map[string]elf.Machine{
	"386": elf.EM_386, "amd64": elf.EM_X86_64, "arm": elf.EM_ARM, "arm64": elf.EM_AARCH64,
	"loong64": elf.EM_LOONGARCH, "ppc64le": elf.EM_PPC64, "riscv64": elf.EM_RISCV, "s390x": elf.EM_S390,
}

// elfHeader is how much of a file has to be there: the 64-bit ELF header.
const elfHeader = 64

func examine(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return cannotOpen(name, err)
	}
	defer f.Close()
	head := make([]byte, elfHeader)
	_, err = io.ReadFull(f, head)
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%s: file too short", name)
	case err != nil:
		return fmt.Errorf("%s: cannot read file data: %w", name, bare(err))
	}
	if err := header(head); errors.Is(err, os.ErrNotExist) {
		return cannotOpen(name, err)
	} else if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if isProgram(f) {
		return fmt.Errorf("%s: cannot dynamically load position-independent executable", name)
	}
	return nil
}

// header examines the first elfHeader bytes of a file.
func header(head []byte) error {
	if !bytes.HasPrefix(head, []byte(elf.ELFMAG)) {
		return errors.New("invalid ELF header")
	}
	class := elf.ELFCLASS64
	if slices.Contains([]string{"386", "arm"}, runtime.GOARCH) {
		class = elf.ELFCLASS32
	}
	if got := elf.Class(head[elf.EI_CLASS]); got != class {
		if got == elf.ELFCLASS32 {
			return errClass
		}
		return fmt.Errorf("wrong ELF class: %s", got)
	}
	if machine := elf.Machine(binary.NativeEndian.Uint16(head[18:])); machine != machines[runtime.GOARCH] {
		return syscall.ENOENT
	}
	if kind := elf.Type(binary.NativeEndian.Uint16(head[16:])); kind != elf.ET_DYN {
		if kind == elf.ET_EXEC {
			return errors.New("cannot dynamically load executable")
		}
		return errors.New("only ET_DYN and ET_EXEC can be loaded")
	}
	return nil
}

// isProgram tells a program that looks like a library, because it can be placed
// anywhere, by the flag that the linker gave it.
func isProgram(file io.ReaderAt) bool {
	f, err := elf.NewFile(file)
	if err != nil {
		return false
	}
	flags, err := f.DynValue(elf.DT_FLAGS_1)
	return err == nil && len(flags) > 0 && elf.DynFlag1(flags[0])&elf.DF_1_PIE != 0
}

func cannotOpen(name string, err error) error {
	return fmt.Errorf("%s: cannot open shared object file: %w", name, bare(err))
}

// bare takes Go's operation and path off a system's error and gives it the C
// library's capital.
func bare(err error) error {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return err
	}
	return cError{errno}
}

type cError struct{ syscall.Errno }

func (e cError) Error() string {
	text := e.Errno.Error()
	return strings.ToUpper(text[:1]) + text[1:]
}

func (e cError) Unwrap() error { return e.Errno }

// libraryDirs are the directories of the dynamic linker: ld.so(8) and
// ldconfig(8).
func libraryDirs(conf string) []string {
	var dirs []string
	for dir := range strings.SplitSeq(os.Getenv("LD_LIBRARY_PATH"), ":") {
		if dir != "" {
			dirs = append(dirs, dir)
		}
	}
	dirs = append(dirs, readLdConf(conf, 0)...)
	return append(dirs, "/lib64", "/usr/lib64", "/lib", "/usr/lib")
}

func readLdConf(name string, depth int) []string {
	text, err := os.ReadFile(name)
	if err != nil || depth > 8 {
		return nil
	}
	var dirs []string
	for line := range strings.Lines(string(text)) {
		line, _, _ = strings.Cut(line, "#")
		f := strings.Fields(line)
		switch {
		case len(f) == 2 && f[0] == "include":
			if !filepath.IsAbs(f[1]) {
				f[1] = filepath.Join(filepath.Dir(name), f[1])
			}
			names, _ := filepath.Glob(f[1]) // only a bad pattern is an error: no match
			for _, included := range names {
				dirs = append(dirs, readLdConf(included, depth+1)...)
			}
		case len(f) == 1:
			dirs = append(dirs, f[0])
		}
	}
	return dirs
}
