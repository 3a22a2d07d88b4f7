//go:build dlopen

package chroot

import "github.com/ebitengine/purego"

// MapsLibraries tells whether LoadFile maps the library into the process.
const MapsLibraries = true

// load maps a library for the life of the process, its symbols for all that
// come later, as apr_dso_load does.
func load(name string) error {
	_, err := purego.Dlopen(name, purego.RTLD_NOW|purego.RTLD_GLOBAL)
	return err
}
