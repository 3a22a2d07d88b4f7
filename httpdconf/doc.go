// Package httpdconf reads Apache's configuration text into a tree of
// directives: continuation lines, quotes, ${variables}, sections. It knows no
// directive by name. What Apache executes while it reads (Define, Include,
// LoadModule, <IfModule>, <Macro> …) is a [ReadFunc] that the caller's [Host]
// gives for a name; those that need nothing but the reader are here.
//
// Every node keeps its file, line and column, and how the reader came there by
// Include or Use. Problems are data ([Diagnostic]); nothing is printed.
package httpdconf

// Pos is a place in a configuration text.
type Pos struct {
	// File is the file's name as Apache prints it. Inside a macro it says
	// which, and where it was used: macro 'X' (defined on line 1 of "f")
	// used on line 5 of "f".
	File   string
	Line   int // of the directive's last physical line, as in Apache's messages; from 1
	Column int // of its first character, from 1
	Via    *Via
}

// Via is the Include or Use through which the reader came to a text.
type Via struct {
	Pos   Pos
	Macro bool
}

// Node is a directive or a section.
type Node struct {
	Name     string // as written, without the brackets of a section
	Args     string // the rest of the line with variables replaced; of a section, what stands before its '>'
	Section  bool
	Closed   bool // of a section: the '>' was there
	Pos      Pos
	Parent   *Node   // the section it stands in; nil at the top
	Children []*Node // of a section
	Raw      string  // text that a ReadFunc took as it stands, see [Reader.RawBody]
}

// Tree is a configuration that was read.
type Tree struct {
	Nodes      []*Node
	ServerRoot string            // as the text left it
	RuntimeDir string            // for what is made at run time, absolute; "" when the text names none
	Includes   []Included        // the files, in the order of reading
	Vars       map[string]string // of Define with a value, as the text left them; by name in lower case
	Defined    map[string]bool   // names that are defined, with or without a value
}

// Included is a file that was read.
type Included struct {
	File  string
	Line  int // of the Include in the file above; 0 for the main file
	Depth int // 0 for the main file
}

// ReadFunc is what a directive does while the text is read. An error's text
// is Apache's message; the reader adds the position.
type ReadFunc func(r *Reader, n *Node) error

// Host answers what depends on the modules that are active.
type Host interface {
	// OnRead gives what a directive does while it is read; nil when it waits
	// for the walk over the tree. known is false for a name that no active
	// module declares: such a directive is kept in the tree.
	OnRead(name string, section bool) (f ReadFunc, known bool)
	// ModuleActive tells whether a module is active, by identifier
	// (rewrite_module) or source name (mod_rewrite.c).
	ModuleActive(name string) bool
}

// Options say where the text comes from and what it finds.
type Options struct {
	Source     Source
	Host       Host
	Defines    []string          // -D
	Vars       map[string]string // what Define with a value has said before (.htaccess)
	Before     []string          // -C: read before the file
	After      []string          // -c: read after it
	ServerRoot string            // -d; until the text says otherwise
	Version    string            // what <IfVersion> compares with
}
