// Package directives gives configuration its meaning. A module declares each
// of its directives once, as a row of a [Table]: name, where it may stand, how
// its arguments are read, and a typed setter. From that one declaration come
// the parsing, Apache's error sentences, "httpd -L", the reference page and the
// "did you mean" hints.
//
// [Compile] walks the tree that httpdconf read, looks every name up in the
// [Set] of active modules, checks context and arguments, and calls the setter
// with a pointer to the module's own configuration type. Nothing here knows a
// directive by name.
//
// A module's configuration lives in slots: a [DirSlot] for what may differ per
// directory ([Conf] is one vector of them) and a [ServerSlot] for what belongs
// to a virtual host ([Server]). Slots are merged by the function their module
// gave, as Apache's merge_dir_config and merge_server_config do.
package directives

import (
	"fmt"
	"strings"

	"github.com/donjon-httpd/donjon/httpdconf"
)

// Context says where a directive may stand: Apache's req_override.
type Context uint16

// The override classes (the first five) imply all three contexts: server
// configuration, directory sections, and .htaccess files whose AllowOverride
// grants the class.
const (
	Limit Context = 1 << iota // AllowOverride Limit
	Options
	FileInfo
	AuthConfig
	Indexes
	unset     // AllowOverride was not given
	InDir     // <Directory> and its like, not .htaccess (ACCESS_CONF)
	InServer  // server configuration and <VirtualHost> (RSRC_CONF)
	nonfatal1 // AllowOverride Nonfatal=Override
	nonfatal2 // AllowOverride Nonfatal=Unknown
	InProxy   // <Proxy> sections, besides what may stand in any section (PROXY_CONF)
)

const (
	// None grants nothing: AllowOverride None.
	None Context = 0
	// All is AllowOverride All: every override class.
	All = Limit | Options | FileInfo | AuthConfig | Indexes
	// MainFile is what may stand in the server's own files outside sections:
	// not what needs a section around it (AuthConfig, Limit).
	MainFile = InServer | Options | FileInfo | Indexes
	// Unset marks an AllowOverride that was not given.
	Unset = unset
	// NonfatalOverride turns "not allowed here" in .htaccess into a warning.
	NonfatalOverride = nonfatal1
	// NonfatalUnknown turns an unknown name in .htaccess into a warning.
	NonfatalUnknown = nonfatal2
)

// Forbid lists places where a directive cannot stand though its Context would
// allow it (ap_check_cmd_context).
type Forbid uint8

const (
	NotInVirtualHost Forbid = 1 << iota
	NotInLimit
	NotInDirectory
	NotInLocation
	NotInFiles
	NotInHtaccess
	NotInProxy

	NotInDirLocFile = NotInDirectory | NotInLocation | NotInFiles
	NotInDirContext = NotInLimit | NotInDirLocFile | NotInProxy
	// GlobalOnly directives belong to the main server alone.
	GlobalOnly = NotInVirtualHost | NotInDirContext
)

// Reads says when the path that a directive names is opened.
type Reads uint8

const (
	NoPath     Reads = iota // the argument is no path
	BeforeJail              // read by the parent, or by a child before it enters the jail: a real path
	InJail                  // read while requests are served: must lie inside the jail
)

// Directive is a row of a module's table, Apache's command_rec.
type Directive struct {
	Name    string  // "Alias", or "<Directory" for a section, as Apache prints it in errors
	In      Context // where it may stand
	Forbid  Forbid  // where, for all that, it cannot
	Usage   string  // Apache's own text, which its errors print: "a fakename and a realname"
	Set     Setter
	Reads   Reads
	NoOp    string // why it has no effect here: said by -t as a debug note; "" for a directive that has one
	Early   bool   // compiled before all others, because paths depend on it (ChrootDir)
	Details string // one paragraph for the reference page, where Usage does not say enough
}

// Table is a module's list of directives.
type Table []Directive

// Arity is Apache's cmd_how: how the rest of the line is split into arguments.
type Arity uint8

const (
	Raw      Arity = iota // RAW_ARGS: the setter splits
	Argv                  // TAKE_ARGV: all words
	NoArgs                // NO_ARGS
	One                   // TAKE1
	Two                   // TAKE2
	OneTwo                // TAKE12
	Three                 // TAKE3
	TwoThree              // TAKE23
	OneThree              // TAKE13
	OneTwoThree
	Each      // ITERATE: once for each word
	EachAfter // ITERATE2: once for each word after the first
	OnOff     // FLAG
)

// Setter is what a directive does with its arguments. Slots make them, see
// [DirSlot] and [ServerSlot]; [OnRead] makes those that act while the text is read.
type Setter struct {
	arity  Arity
	run    func(cmd *Cmd, args []string) error // args as the arity gives them, absent ones ""
	onRead httpdconf.ReadFunc
}

// Arity tells how the setter's arguments are split.
func (s Setter) Arity() Arity { return s.arity }

// OnRead makes a setter that acts while the text is read (EXEC_ON_READ), such
// as Define or LoadModule. Arguments are checked against arity before f is called.
func OnRead(arity Arity, f httpdconf.ReadFunc) Setter { return Setter{arity: arity, onRead: f} }

// split cuts args into words as arity wants and calls f for each set of them.
// Its errors are Apache's invoke_cmd's.
func (d *Directive) split(args string, f func([]string) error) error {
	bad := func(what string) error {
		if d.Usage == "" {
			return fmt.Errorf("%s %s", d.Name, what)
		}
		return fmt.Errorf("%s %s, %s", d.Name, what, d.Usage)
	}
	word := func() string {
		var w string
		w, args = httpdconf.Getword(args)
		return w
	}
	var w [3]string
	switch d.Set.arity {
	case Raw:
		w[0] = args
		return f(w[:1])
	case Argv:
		const maxArgc = 64 // AP_MAX_ARGC
		argv := make([]string, 0, 8)
		for {
			a := word()
			if a == "" && args == "" {
				break
			}
			argv = append(argv, a)
			if len(argv) == maxArgc || args == "" {
				break
			}
		}
		return f(argv)
	case NoArgs:
		if args != "" {
			return fmt.Errorf("%s takes no arguments", d.Name)
		}
		return f(nil)
	case One:
		w[0] = word()
		if w[0] == "" || args != "" {
			return bad("takes one argument")
		}
		return f(w[:1])
	case Two:
		w[0], w[1] = word(), word()
		if w[0] == "" || w[1] == "" || args != "" {
			return bad("takes two arguments")
		}
		return f(w[:2])
	case OneTwo:
		w[0], w[1] = word(), word()
		if w[0] == "" || args != "" {
			return bad("takes 1-2 arguments")
		}
		return f(w[:2])
	case Three:
		w[0], w[1], w[2] = word(), word(), word()
		if w[0] == "" || w[1] == "" || w[2] == "" || args != "" {
			return bad("takes three arguments")
		}
		return f(w[:3])
	case TwoThree:
		w[0], w[1], w[2] = word(), word(), word()
		if w[0] == "" || w[1] == "" || args != "" {
			return bad("takes two or three arguments")
		}
		return f(w[:3])
	case OneThree:
		w[0], w[1] = word(), word()
		third := args != ""
		w[2] = word()
		if w[0] == "" || (w[1] != "" && !third) || args != "" {
			return bad("takes one or three arguments")
		}
		return f(w[:3])
	case OneTwoThree:
		w[0], w[1], w[2] = word(), word(), word()
		if w[0] == "" || args != "" {
			return bad("takes one, two or three arguments")
		}
		return f(w[:3])
	case Each:
		w[0] = word()
		if w[0] == "" {
			return bad("requires at least one argument")
		}
		for w[0] != "" {
			if err := f(w[:1]); err != nil {
				return err
			}
			w[0] = word()
		}
		return nil
	case EachAfter:
		w[0] = word()
		if w[0] == "" || args == "" {
			return bad("requires at least two arguments")
		}
		for w[1] = word(); w[1] != ""; w[1] = word() {
			if err := f(w[:2]); err != nil {
				return err
			}
		}
		return nil
	case OnOff:
		w[0] = word()
		if !strings.EqualFold(w[0], "on") && !strings.EqualFold(w[0], "off") {
			return fmt.Errorf("%s must be On or Off", d.Name)
		}
		return f(w[:1])
	}
	return fmt.Errorf("%s is improperly configured internally (server bug)", d.Name)
}
