// Package fixroot translates between the two spellings of a path: as it is
// called outside ("/srv/www1/htdocs", the real path) and as it is called by a
// process whose root is the jail ("/htdocs" when the jail is /srv/www1).
//
// Everything here is a pure function of text: no file is looked at, so the
// answer is the same before and after the jail closes. That has a price: a
// symbolic link is not followed. The jail's directory should therefore be
// canonical, and the way the administrator spelt it can be given beside it
// (see New).
//
// A path starts with a slash or it is left alone: relative paths, "~user",
// URLs and "|program" mean the same in both worlds.
package fixroot

import (
	"path"
	"strings"
)

// Root is the jail as seen by the translation. The zero Root is no jail: every
// method gives back what it was given. A Root is immutable and safe for
// concurrent use.
type Root struct {
	dirs []string // cleaned; dirs[0] is the canonical one
	fix  bool
}

// New makes the Root of the jail at realDir, an absolute path; fix is
// ChrootFixRoot. spelled holds other names of the same directory, for instance
// the one in ChrootDir before its symbolic links were followed; paths that
// begin with one of them are inside as well. An empty or relative realDir, and
// "/", give the zero Root.
func New(realDir string, fix bool, spelled ...string) Root {
	if !isAbs(realDir) || path.Clean(realDir) == "/" {
		return Root{}
	}
	r := Root{dirs: []string{path.Clean(realDir)}, fix: fix}
	for _, s := range spelled {
		if s = path.Clean(s); isAbs(s) && s != "/" && s != r.dirs[0] {
			r.dirs = append(r.dirs, s)
		}
	}
	return r
}

// Jailed tells whether there is a jail at all.
func (r Root) Jailed() bool { return len(r.dirs) > 0 }

// Fix tells whether real paths are translated: there is a jail and
// ChrootFixRoot is On.
func (r Root) Fix() bool { return r.Jailed() && r.fix }

// Dir is the jail's canonical real path, "" without a jail.
func (r Root) Dir() string {
	if !r.Jailed() {
		return ""
	}
	return r.dirs[0]
}

// Inside translates a real path to the path inside the jail; ok is false, and
// the path unchanged, when it lies elsewhere. The comparison is by component:
// /srv/www10 is not inside /srv/www1. "." and ".." and repeated slashes are
// resolved first; a trailing slash is kept, because Apache's Alias and
// DirectorySlash tell "/icons" from "/icons/". The jail's directory is "/".
// Without a jail every absolute path is inside, as it is.
func (r Root) Inside(p string) (jailPath string, ok bool) {
	if !isAbs(p) {
		return p, false
	}
	if !r.Jailed() {
		return p, true
	}
	clean := path.Clean(p)
	for _, dir := range r.dirs {
		rest, found := under(clean, dir)
		switch {
		case !found:
			continue
		case rest == "":
			return "/", true
		case strings.HasSuffix(p, "/"):
			return rest + "/", true
		default:
			return rest, true
		}
	}
	return p, false
}

// Outside gives the real path of a jail path, for messages and for sections
// that were written for the real path. ".." cannot climb out of the jail, as it
// cannot in a chroot. Relative paths are left alone.
func (r Root) Outside(jailPath string) string {
	if !r.Jailed() || !isAbs(jailPath) {
		return jailPath
	}
	clean := path.Clean(jailPath)
	if clean == "/" {
		if jailPath == "/" {
			return r.dirs[0]
		}
		return r.dirs[0] + "/"
	}
	if strings.HasSuffix(jailPath, "/") {
		clean += "/"
	}
	return r.dirs[0] + clean
}

// Request gives the name under which a configured path is found at request
// time, from within the jail; translated tells whether it changed. With
// ChrootFixRoot On a real path inside the jail becomes its jail path; anything
// else stays as it is written, byte for byte, and is thereby a jail path.
//
// A path can be read both ways when the jail holds a copy of the way to itself
// (/srv/www1/srv/www1). Then the real reading wins, always: what a
// configuration means must not depend on what happens to be in the jail. The
// inner directory is reached by its full real path. For the same reason a path
// is to be translated once; the result is not for translating again.
func (r Root) Request(p string) (jailPath string, translated bool) {
	if !r.Fix() {
		return p, false
	}
	in, ok := r.Inside(p)
	return in, ok && in != p
}

// Both gives every spelling of the directory that a configured path names, the
// jail path first: what a section's path (<Directory>) is to be compared with.
// Without translation it is the path alone.
func (r Root) Both(p string) []string {
	in, translated := r.Request(p)
	if !translated {
		return []string{p}
	}
	return []string{in, p}
}

func isAbs(p string) bool { return strings.HasPrefix(p, "/") }

// under gives what follows dir in p, "" when they are the same.
func under(p, dir string) (rest string, ok bool) {
	rest, ok = strings.CutPrefix(p, dir)
	return rest, ok && (rest == "" || rest[0] == '/')
}
