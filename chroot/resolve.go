package chroot

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// None is the argument of ChrootDir that means no jail, exactly so.
const None = "none"

// Resolve gives the directory that ChrootDir's argument means, canonical through
// symbolic links, "" for "none". serverRoot and documentRoot are what ServerRoot
// and the main server's DocumentRoot hold at the end of the configuration's
// line; documentRoot is "" when none has been given before ChrootDir. An
// argument is
//
//	/path          itself
//	path           relative to serverRoot
//	SERVER_ROOT    serverRoot
//	DOCUMENT_ROOT  documentRoot
//	none           no jail
//
// The errors are for the administrator; the caller prefixes "ChrootDir: ".
func Resolve(arg, serverRoot, documentRoot string) (dir string, err error) {
	spelled, err := Spelled(arg, serverRoot, documentRoot)
	if err != nil || spelled == "" {
		return "", err
	}
	canonical, err := filepath.EvalSymlinks(spelled)
	if err != nil {
		return "", notDirectory(spelled)
	}
	if st, err := os.Stat(canonical); err != nil || !st.IsDir() {
		return "", notDirectory(spelled)
	}
	if canonical, err = filepath.Abs(canonical); err != nil {
		return "", err
	}
	if sameAsRoot(canonical) {
		return "", fmt.Errorf("Chroot to <%s> would be no jail: it is the root of the whole system; name the directory to lock the server into, or none", arg)
	}
	return canonical, nil
}

// Spelled is the directory as an absolute path in the administrator's own
// words, its symbolic links not followed: other directives of the same
// configuration are likely to spell it so (see fixroot.New).
func Spelled(arg, serverRoot, documentRoot string) (string, error) {
	switch arg {
	case None:
		return "", nil
	case "":
		return "", errors.New("Chroot to an empty path")
	case "SERVER_ROOT":
		arg = serverRoot
		if arg == "" {
			return "", errors.New("SERVER_ROOT needs a ServerRoot")
		}
	case "DOCUMENT_ROOT":
		arg = documentRoot
		if arg == "" {
			return "", errors.New("DOCUMENT_ROOT needs a DocumentRoot directive before it")
		}
	}
	if !filepath.IsAbs(arg) {
		// Not filepath.Join: it would clean "link/.." away before the link is followed.
		arg = serverRoot + "/" + arg
	}
	return arg, nil
}

func notDirectory(dir string) error {
	return fmt.Errorf("Chroot to something that is not a directory <%s>.", dir)
}

// sameAsRoot also knows "/" by its inode: a bind mount of it is no jail either.
func sameAsRoot(dir string) bool {
	if dir == "/" {
		return true
	}
	a, err1 := os.Stat("/")
	b, err2 := os.Stat(dir)
	return err1 == nil && err2 == nil && os.SameFile(a, b)
}
