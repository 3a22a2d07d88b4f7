package directives

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/donjon-httpd/donjon/httpdconf"
)

// Cmd is one occurrence of a directive being compiled: what Apache's cmd_parms
// tells a setter.
type Cmd struct {
	*Directive
	Node   *httpdconf.Node
	Server *Server // the server or virtual host it stands in
	Conf   *Conf   // the per-directory configuration it fills: a section's, or the server's defaults

	// Path is what the innermost section, or the directory of the .htaccess
	// file, is for; "" outside sections (Apache's cmd->path NULL).
	Path string

	Override     Context // what is allowed here
	OverrideOpts uint32  // which Options a .htaccess file may set: bits of the core module
	OverrideList map[string]bool
	Htaccess     bool // in a .htaccess file

	// Limited is the set of methods of an enclosing <Limit>, as bits that the
	// core module numbers; -1 outside.
	Limited int64

	c *compiler
}

// String is the directive as written, for setters that quote it in errors.
func (c *Cmd) String() string {
	if c.Node.Args == "" {
		return c.Name
	}
	return c.Name + " " + c.Node.Args
}

// InSection tells whether the directive stands in a directory, location or
// files section or in a .htaccess file.
func (c *Cmd) InSection() bool { return c.Path != "" }

// Owner is what [Setup] named: whoever knows the active modules.
func (c *Cmd) Owner() any { return c.c.opt.Owner }

// ServerRootRelative makes a path absolute as Apache does: below ServerRoot.
func (c *Cmd) ServerRootRelative(path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(c.c.opt.ServerRoot, path)
}

// RuntimeDir is the directory for what is made at run time; "" when the text
// names none.
func (c *Cmd) RuntimeDir() string { return c.c.tree.RuntimeDir }

// InJail is the spelling under which a real path is reached while requests are
// served: translated when ChrootFixRoot is on, else path itself.
func (c *Cmd) InJail(path string) string {
	if c.c.opt.InJail == nil {
		return path
	}
	return c.c.opt.InJail(path)
}

// Warn records a problem that does not stop the server. Apache logs it as a
// line of its own, so the text says where when that matters.
func (c *Cmd) Warn(format string, args ...any) {
	c.c.report(c.Node, httpdconf.Warning, fmt.Sprintf(format, args...), "")
	c.c.diags[len(c.c.diags)-1].NoPos = true
}

// Note records what nobody but an attentive reader of "-t" needs to know.
func (c *Cmd) Note(format string, args ...any) {
	c.c.report(c.Node, httpdconf.Note, fmt.Sprintf(format, args...), "")
}

// LogWarning is Warn for what Apache writes as a whole line of the error log,
// with time, module and process, even before the log is open.
func (c *Cmd) LogWarning(format string, args ...any) { c.LogAs("warn", format, args...) }

// LogAs is LogWarning at another level, by its name in LogLevel.
func (c *Cmd) LogAs(level, format string, args ...any) {
	c.Warn(format, args...)
	c.c.diags[len(c.c.diags)-1].Level = level
	name, section := strings.CutPrefix(c.Name, "<")
	if rows := c.c.set.Lookup(name, section); len(rows) > 0 {
		c.c.diags[len(c.c.diags)-1].Module = strings.TrimSuffix(rows[0].Module, "_module")
	}
}

// Check refuses the directive in the places that f names, in Apache's words;
// Compile has done it for the row's own Forbid.
func (c *Cmd) Check(f Forbid) error { return checkContext(c, f) }

// Lookup finds the rows of another directive among the active modules.
func (c *Cmd) Lookup(name string) []*Row { return c.c.set.Lookup(name, false) }

// Earlier is the last occurrence of a directive before this one in the main
// server, or nil. ChrootDir asks it for DocumentRoot.
func (c *Cmd) Earlier(name string) *httpdconf.Node {
	var found *httpdconf.Node
	for _, n := range c.c.tree.Nodes {
		if n == c.Node {
			break
		}
		if !n.Section && strings.EqualFold(n.Name, name) {
			found = n
		}
	}
	return found
}

// Section compiles the directives inside the section into a Conf of its own.
// path becomes their Cmd.Path. Their errors are reported with their own lines.
func (c *Cmd) Section(path string) *Conf {
	conf := &Conf{}
	inner := *c
	inner.Conf, inner.Path = conf, path
	if !c.Htaccess {
		inner.Override = All | InDir
	}
	c.c.walk(c.Node.Children, &inner)
	return conf
}

// ProxySection is [Cmd.Section] for a section of a proxy's URLs.
func (c *Cmd) ProxySection(path string) *Conf {
	conf := &Conf{}
	inner := *c
	inner.Conf, inner.Path, inner.Override = conf, path, All|InDir|InProxy
	c.c.walk(c.Node.Children, &inner)
	return conf
}

// Block compiles the directives inside the section into a Conf of its own that
// stands apart from the walks (<AuthzProviderAlias>): only what override allows.
func (c *Cmd) Block(override Context) *Conf {
	inner := *c
	inner.Conf, inner.Override = &Conf{}, override
	c.c.walk(c.Node.Children, &inner)
	return inner.Conf
}

// Nested compiles the directives inside the section into the Conf around it,
// with change applied to what they see (<Limit>).
func (c *Cmd) Nested(change func(*Cmd)) {
	inner := *c
	change(&inner)
	c.c.walk(c.Node.Children, &inner)
}

// VirtualHost compiles the directives inside the section as a server of their own.
func (c *Cmd) VirtualHost(prepare func(*Server)) *Server {
	v := &Server{Virtual: true, Main: c.Server, Node: c.Node, Defaults: &Conf{}}
	prepare(v)
	inner := *c
	inner.Server, inner.Conf, inner.Path = v, v.Defaults, ""
	c.c.config.Hosts = append(c.c.config.Hosts, v)
	c.c.walk(c.Node.Children, &inner)
	return v
}

// Unclosed is the error for a section whose first line lacks its '>'.
func (c *Cmd) Unclosed() error {
	return fmt.Errorf("%s> directive missing closing '>'", c.Name)
}

func notAllowed(d *Directive, n *httpdconf.Node) error {
	if n.Parent != nil {
		return fmt.Errorf("%s not allowed in <%s> context", d.Name, n.Parent.Name)
	}
	return fmt.Errorf("%s not allowed here", d.Name)
}

func errHtaccess(d *Directive) error {
	return fmt.Errorf("%s%s cannot occur within htaccess files", d.Name, gt(d.Name))
}

// gt closes the name of a section in messages.
func gt(name string) string {
	if strings.HasPrefix(name, "<") && !strings.HasSuffix(name, ">") {
		return ">"
	}
	return ""
}

var within = []struct {
	bit   Forbid
	names []string
}{
	{NotInDirectory, []string{"Directory", "DirectoryMatch"}},
	{NotInLocation, []string{"Location", "LocationMatch"}},
	{NotInFiles, []string{"Files", "FilesMatch", "If", "ElseIf", "Else"}},
	{NotInProxy, []string{"Proxy", "ProxyMatch"}},
}

// checkContext is ap_check_cmd_context.
func checkContext(c *Cmd, f Forbid) error {
	name := c.Name + gt(c.Name)
	switch {
	case f == 0:
		return nil
	case f&NotInVirtualHost != 0 && c.Server.Virtual:
		return errors.New(name + " cannot occur within <VirtualHost> section")
	case f&NotInDirContext != 0 && c.Limited != -1: // whichever kind of section it asks about (observed on 2.4.71)
		return errors.New(name + " cannot occur within <Limit> or <LimitExcept> section")
	case f&NotInHtaccess != 0 && c.Htaccess:
		return errHtaccess(c.Directive)
	case f&NotInDirLocFile == NotInDirLocFile && c.InSection():
		return errors.New(name + " cannot occur within directory context")
	}
	for _, w := range within {
		if f&w.bit == 0 {
			continue
		}
		for p := c.Node.Parent; p != nil; p = p.Parent {
			for _, s := range w.names {
				if p.Section && strings.EqualFold(p.Name, s) {
					return fmt.Errorf("%s cannot occur within <%s> section", name, p.Name)
				}
			}
		}
	}
	return nil
}
