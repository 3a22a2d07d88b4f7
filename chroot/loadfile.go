package chroot

import (
	"fmt"
	"path/filepath"
	"strings"
)

// LoadFile does what the directive of that name asks, before the jail closes.
// As in mod_so, arg is tried relative to serverRoot, and then, when it has no
// slash, in the dynamic linker's directories. The error is Apache's sentence
// with the dynamic linker's reason, "Cannot load X into server: X: cannot open
// shared object file: No such file or directory".
//
// There are two builds of it. With the build tag "dlopen" the library is mapped
// by dlopen(RTLD_NOW|RTLD_GLOBAL). Without, which is the normal build, the file
// is found and its header examined, as far as dlopen would refuse it, and nothing
// is mapped (see MapsLibraries): no C code is in this program that could call
// the library. Apache needs LoadFile for the libraries of its modules and, in a
// jail, for those that the C library loads late; here neither exists.
//
// dlopen is not free to have. It makes the program a dynamic one that needs
// ld.so and libc.so.6 at every start; it sets runtime.iscgo, so that
// syscall.AllThreadsSyscall answers ENOTSUP, and with it goes the only way to
// take a capability from every thread of a process in a user namespace:
// ChrootDir without root is impossible in that build (measured with purego
// 0.11.3 and Go 1.26; the drop from root works, through libc's setresuid).
func LoadFile(arg, serverRoot string) error {
	if !strings.HasPrefix(arg, "/") {
		if err := load(filepath.Join(serverRoot, arg)); err == nil {
			return nil
		} else if strings.Contains(arg, "/") {
			return cannotLoad(arg, err)
		}
	}
	if err := load(arg); err != nil {
		return cannotLoad(arg, err)
	}
	return nil
}

func cannotLoad(arg string, reason error) error {
	return fmt.Errorf("Cannot load %s into server: %w", arg, reason)
}
