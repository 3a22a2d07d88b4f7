package server

import (
	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/httpdconf"
)

// What one module offers to others stands in fields of its [Module]; who wants
// it asks the generation, or, while directives are compiled, [ActiveModules].
// No module names another.

// LogItem is a % item of LogFormat.
type LogItem struct {
	Name string // behind the %: "h", or "^FB"
	// Orig: without < or >, the item looks at the request as it came, not as
	// internal redirects left it.
	Orig bool
	// Check refuses an argument when the format is read; nil accepts all.
	Check func(arg string) error
	// Append writes the item for r behind dst. arg is what stood in braces.
	// It answers false, with dst unchanged, when there is nothing: "-" is logged.
	Append func(dst []byte, r *Request, arg string) ([]byte, bool)
}

// ActiveModules are the modules that are active in the configuration being compiled.
func ActiveModules(cmd *directives.Cmd) []*Module {
	switch o := cmd.Owner().(type) {
	case *Loader:
		return o.active
	case *Generation:
		return o.Modules
	}
	return nil
}

// IsReplayed tells whether a child compiles what its parent has checked, see
// [Loader.Replayed].
func IsReplayed(cmd *directives.Cmd) bool {
	l, ok := cmd.Owner().(*Loader)
	return ok && l.Replayed()
}

// ChecksRoots tells whether DocumentRoot must exist: not with -T.
func ChecksRoots(cmd *directives.Cmd) bool {
	l, ok := cmd.Owner().(*Loader)
	return !ok || !l.NoRoots
}

// OutsideOf is where files outside of the jail are read from while directives
// are compiled: a child finds what its parent has read.
func OutsideOf(cmd *directives.Cmd) httpdconf.Source {
	if l, ok := cmd.Owner().(*Loader); ok && l.Source != nil {
		return l.Source
	}
	return httpdconf.OS
}

// TLSVariable is a variable of an encrypted connection, as SSL_PROTOCOL; "" for
// one that is not there.
func (r *Request) TLSVariable(name string) string {
	if r.Gen.tlsVariable == nil {
		return ""
	}
	return r.Gen.tlsVariable(r, name)
}
