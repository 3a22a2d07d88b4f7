package fixroot

import "strings"

// Pattern translates a path with something to be filled in later: "$1" of
// AliasMatch, "%0" of VirtualDocumentRoot, "*" of UserDir. Only literal text at
// the beginning can be compared, and nothing after it is cleaned, since
// "$1/.." is not the empty path when $1 holds a slash. A pattern whose variable
// part reaches into the jail's own name stays as it is. Without translation
// (see Root.Request) the pattern is given back.
func (r Root) Pattern(p string) (jailPattern string, translated bool) {
	if !r.Fix() {
		return p, false
	}
	for _, dir := range r.dirs {
		rest, ok := under(p, dir)
		if !ok {
			continue
		}
		if rest == "" || strings.Trim(rest, "/") == "" {
			return "/", true
		}
		return rest, true
	}
	return p, false
}

// UserDir translates one word of a UserDir directive. Its forms (mod_userdir):
//
//	public_html               below the user's home directory: left alone
//	/srv/www1/home            the user's name is appended
//	/srv/www1/home/*/www      the user's name replaces the star
//	http://host/*/            a redirect: left alone
func (r Root) UserDir(word string) (jailWord string, translated bool) {
	return r.Pattern(word)
}

// CoreDump is the working directory of a jailed process, which is where Linux
// puts a core: the jail path of CoreDumpDirectory, or "/" when that is unset or
// lies outside. Without translation it is what was configured.
func (r Root) CoreDump(dir string) string {
	if !r.Fix() {
		return dir
	}
	in, ok := r.Inside(dir)
	if !ok {
		return "/"
	}
	return in
}
