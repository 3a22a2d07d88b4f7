package httpdconf

import (
	"fmt"
	"strings"
)

// Severity of a diagnostic.
type Severity uint8

const (
	// Error: the configuration cannot be used.
	Error Severity = iota
	// Warning: it can, but something will surprise.
	Warning
	// Note: worth knowing, said by -t on request.
	Note
)

// Diagnostic is a problem with a place. Code is the number of Apache's
// message; it is "" for errors found while reading, which Apache prints
// without one and on one line.
type Diagnostic struct {
	Severity Severity
	Pos      Pos
	Code     string
	Summary  string // Apache's words where Apache has any
	Detail   string
	Hint     string // what to do
	NoPos    bool   // the message stands alone: Apache prints it without a line
	Module   string // short name of the module in whose name Apache logs a warning; "" where it prints the bare text
	Level    string // LogLevel's name for the level that Apache logs a warning with; "" is warn
}

// Diagnostics are problems in the order of the text.
type Diagnostics []Diagnostic

// Failed tells whether one of them is an error.
func (d Diagnostics) Failed() bool {
	_, ok := d.First()
	return ok
}

// First is the first error: the one that Apache would have stopped at.
func (d Diagnostics) First() (Diagnostic, bool) {
	for _, x := range d {
		if x.Severity == Error {
			return x, true
		}
	}
	return Diagnostic{}, false
}

// logged is how Apache writes what it logs.
var logged = strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\r", `\r`, "\t", `\t`)

// String is the diagnostic as Apache prints it, without the program's name.
// Errors found while reading carry the lines of the Includes that led there.
func (d Diagnostic) String() string {
	switch {
	case d.NoPos || d.Pos.File == "":
		return d.Summary
	case d.Severity != Error: // ours: Apache's own warnings have no position
		return fmt.Sprintf("%s:%d: %s", d.Pos.File, d.Pos.Line, d.Summary)
	case d.Code != "":
		return fmt.Sprintf("%s: Syntax error on line %d of %s:\n%s", d.Code, d.Pos.Line, d.Pos.File,
			logged.Replace(d.Summary))
	}
	text := fmt.Sprintf("Syntax error on line %d of %s: %s", d.Pos.Line, d.Pos.File, d.Summary)
	for v := d.Pos.Via; v != nil; v = v.Pos.Via {
		if !v.Macro {
			text = fmt.Sprintf("Syntax error on line %d of %s: %s", v.Pos.Line, v.Pos.File, text)
		}
	}
	return text
}
