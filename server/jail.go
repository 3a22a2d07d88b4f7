package server

import (
	"github.com/donjon-httpd/donjon/chroot"
	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/fixroot"
)

// JailConfig is what the chroot module says about the jail; the parent, the
// child and the translation of paths need it. It belongs to the main server.
type JailConfig struct {
	Dir         string // canonical real path; "" for none
	Spelled     string // as ChrootDir said it, made absolute; Dir without its links followed
	FixRoot     bool
	User, Group string // as written: a name or "#id"

	// Locks beyond the change of root; package chroot says what each does.
	PrivateMounts, Landlock directives.Opt[chroot.Wish]
	NewPrivs                bool   // ChrootNoNewPrivs Off
	Bounding                uint64 // ChrootBoundingSet: a bit for each capability that programs may gain
	KeepDescriptors         bool   // ChrootCloseDescriptors Off
}

// Jail is the slot of the jail's configuration.
var Jail = directives.NewServerSlot(func(base, _ JailConfig) JailConfig { return base })

// JailOf is the translation between real paths and paths in the jail.
func JailOf(main *directives.Server) fixroot.Root {
	j := Jail.Of(main)
	return fixroot.New(j.Dir, j.FixRoot, j.Spelled)
}
