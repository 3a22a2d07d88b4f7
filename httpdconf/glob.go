package httpdconf

import (
	"io/fs"
	"path"
	"strings"
	"syscall"
)

// hasGlob tells whether a path has wildcards (apr_fnmatch_test).
func hasGlob(s string) bool {
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '?', '*':
			return true
		case '\\':
			i++
		case '[':
			if strings.IndexByte(s[i+1:], ']') >= 0 {
				return true
			}
		}
	}
	return false
}

// matchName matches a name with a component of a pattern; a leading period is
// matched by a period only (APR_FNM_PERIOD).
func matchName(pattern, name string) bool {
	if strings.HasPrefix(name, ".") && !strings.HasPrefix(pattern, ".") {
		return false
	}
	pattern = strings.ReplaceAll(pattern, "[!", "[^")
	ok, err := path.Match(pattern, name)
	return ok && err == nil
}

var errNotExist = fs.ErrNotExist

// strerror spells a cause as C does: Go's text of an errno starts in lower case.
func strerror(err error) string {
	s := err.Error()
	if _, ok := err.(syscall.Errno); ok && s != "" {
		return strings.ToUpper(s[:1]) + s[1:]
	}
	return s
}
