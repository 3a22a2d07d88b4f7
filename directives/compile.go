package directives

import (
	"fmt"

	"github.com/donjon-httpd/donjon/httpdconf"
)

// Server is the main server or a virtual host: what Apache calls a server_rec.
// What the modules know of it is in slots.
type Server struct {
	Virtual  bool
	Main     *Server         // the main server; nil in the main server itself
	Node     *httpdconf.Node // the <VirtualHost> section; nil in the main server
	Defaults *Conf           // lookup_defaults: per-directory configuration outside all sections
	slots    []any
}

// Config is a compiled configuration. It is immutable and serves any number of
// requests at once.
type Config struct {
	Main  *Server
	Hosts []*Server // in the order of the text
	Tree  *httpdconf.Tree
	Set   *Set
}

// Setup is what Compile needs beyond the tree.
type Setup struct {
	ServerRoot string
	// Owner is what Cmd.Owner gives: whoever knows the active modules.
	Owner any
	// Early is called when the rows marked Early are compiled, before all
	// others; it returns the translation that Cmd.InJail makes, or nil.
	Early func(main *Server) func(path string) string
	// InJail is that translation, when it is known beforehand (.htaccess).
	InJail func(path string) string
	// Defaults prepares the main server before anything is compiled.
	Defaults func(main *Server)
}

type compiler struct {
	tree   *httpdconf.Tree
	set    *Set
	opt    Setup
	config *Config
	diags  httpdconf.Diagnostics
	early  map[*httpdconf.Node]error // outcome of the directives compiled early
	passed bool                      // the early pass is over
}

// Compile turns a tree into a configuration. When the diagnostics hold an
// error the configuration must not be served. The first error is the one that
// Apache would have stopped at.
func Compile(tree *httpdconf.Tree, set *Set, opt Setup) (*Config, httpdconf.Diagnostics) {
	main := &Server{Defaults: &Conf{}}
	c := &compiler{tree: tree, set: set, opt: opt, config: &Config{Main: main, Tree: tree, Set: set}}
	if opt.Defaults != nil {
		opt.Defaults(main)
	}
	top := Cmd{Server: main, Conf: main.Defaults, Override: MainFile, Limited: -1, c: c}
	c.compileEarly(top)
	if opt.Early != nil {
		c.opt.InJail = opt.Early(main)
	}
	c.passed = true
	c.walk(tree.Nodes, &top)
	c.mergeHosts()
	return c.config, c.diags
}

// CompileHtaccess turns the tree of a .htaccess file into a Conf. cmd gives
// Server, Path, Override, OverrideOpts and OverrideList. When the
// diagnostics hold an error the file must not be used: the first is Apache's.
func CompileHtaccess(tree *httpdconf.Tree, set *Set, opt Setup, cmd Cmd) (*Conf, httpdconf.Diagnostics) {
	c := &compiler{tree: tree, set: set, opt: opt, config: &Config{Main: cmd.Server}, passed: true}
	conf := &Conf{}
	cmd.Conf, cmd.Htaccess, cmd.Limited, cmd.c = conf, true, -1, c
	c.walk(tree.Nodes, &cmd)
	return conf, c.diags
}

// compileEarly runs the rows on which paths depend. Their errors wait until
// the walk comes by, so that errors appear in the order of the text.
func (c *compiler) compileEarly(top Cmd) {
	c.early = map[*httpdconf.Node]error{}
	for _, n := range c.tree.Nodes {
		if n.Section {
			continue
		}
		for _, row := range c.set.Lookup(n.Name, false) {
			if row.Early {
				cmd := top
				cmd.Directive, cmd.Node = row.Directive, n
				c.early[n] = cmd.invoke()
			}
		}
	}
}

// walk compiles siblings in the context of outer.
func (c *compiler) walk(nodes []*httpdconf.Node, outer *Cmd) {
	cmd := *outer
	for _, n := range nodes {
		rows := c.set.Lookup(n.Name, n.Section)
		if len(rows) == 0 {
			c.unknown(n, &cmd)
			continue
		}
		for _, row := range rows {
			if row.Set.onRead != nil {
				continue
			}
			cmd.Directive, cmd.Node = row.Directive, n
			var err error
			if row.Early && cmd.Override&InServer != 0 && !cmd.Server.Virtual {
				err = c.early[n]
			} else {
				err = cmd.invoke()
			}
			if err == ErrDecline {
				continue
			}
			if err != nil {
				c.report(n, httpdconf.Error, err.Error(), hintOf(err))
				_, bare := err.(*Bare)
				c.diags[len(c.diags)-1].NoPos = bare
				break
			}
		}
	}
}

// ErrDecline is returned by a setter that leaves the directive to the next
// module that declares it (DECLINE_CMD).
var ErrDecline = fmt.Errorf("declined")

// Hinted is an error with advice that Apache does not print.
type Hinted struct {
	Err  error
	Hint string
}

func (h *Hinted) Error() string { return h.Err.Error() }
func (h *Hinted) Unwrap() error { return h.Err }

func hintOf(err error) string {
	if h, ok := err.(*Hinted); ok {
		return h.Hint
	}
	return ""
}

// Bare is an error that Apache prints by itself, with neither file nor line,
// because the place that finds it ends the program (an unknown User).
type Bare struct{ Err error }

func (b *Bare) Error() string { return b.Err.Error() }
func (b *Bare) Unwrap() error { return b.Err }

// invoke is Apache's invoke_cmd: context, arguments, setter.
func (c *Cmd) invoke() error {
	if c.Override&c.In == 0 && !c.OverrideList[lower(c.Name)] {
		if c.Override&NonfatalOverride != 0 {
			c.c.report(c.Node, httpdconf.Warning,
				fmt.Sprintf("AH02295: %s in .htaccess forbidden by AllowOverride", c.Name), "")
			return nil
		}
		return notAllowed(c.Directive, c.Node)
	}
	return c.split(c.Node.Args, func(args []string) error {
		if err := checkContext(c, c.Forbid); err != nil {
			return err
		}
		if c.NoOp != "" && !c.Htaccess {
			c.c.report(c.Node, httpdconf.Note, fmt.Sprintf("%s has no effect here: %s", c.Name, c.NoOp), "")
		}
		return c.Set.run(c, args)
	})
}

func (c *compiler) unknown(n *httpdconf.Node, cmd *Cmd) {
	name := n.Name
	if n.Section {
		name = "<" + name
	}
	if cmd.Override&NonfatalUnknown != 0 {
		c.report(n, httpdconf.Warning, fmt.Sprintf("AH02296: Unknown directive %s perhaps misspelled or defined by a module "+
			"not included in the server configuration", lower(name)), "")
		return
	}
	c.report(n, httpdconf.Error, fmt.Sprintf("Invalid command '%s', perhaps misspelled or defined by a module "+
		"not included in the server configuration", name), c.set.suggest(n.Name, n.Section))
}

func (c *compiler) report(n *httpdconf.Node, sev httpdconf.Severity, text, hint string) {
	c.diags = append(c.diags, httpdconf.Diagnostic{Severity: sev, Pos: n.Pos, Code: "AH00526", Summary: text, Hint: hint})
}

// mergeHosts lays every virtual host over the main server (ap_fixup_virtual_hosts).
func (c *compiler) mergeHosts() {
	for _, v := range c.config.Hosts {
		v.slots = serverSlots.overlay(c.config.Main.slots, v.slots)
		v.Defaults = Merge(c.config.Main.Defaults, v.Defaults)
	}
}
