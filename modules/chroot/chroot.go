// Package chroot declares the jail: ChrootDir says which directory becomes the
// root of the serving processes, ChrootFixRoot whether paths of the
// configuration are translated. Entering it is package chroot's work at the top
// of the tree; this one only fills server.Jail, before anything else is compiled,
// because what a path means depends on it.
package chroot

import (
	"errors"
	"fmt"
	"strings"

	"github.com/donjon-httpd/donjon/chroot"
	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/httpdconf"
	"github.com/donjon-httpd/donjon/server"
)

// Module is chroot_module.
var Module = server.Module{
	Name:   "chroot_module",
	Static: true,
	Directives: directives.Table{
		{Name: "ChrootDir", In: directives.InServer, Forbid: directives.GlobalOnly, Early: true, Reads: directives.BeforeJail,
			Usage: "path to the directory to chroot", Set: server.Jail.Take1(setDir),
			Details: "An absolute path, a path relative to ServerRoot, SERVER_ROOT, DOCUMENT_ROOT (which needs a DocumentRoot " +
				"before it), or none. The last one wins."},
		{Name: "ChrootFixRoot", In: directives.InServer, Forbid: directives.GlobalOnly, Early: true,
			Usage: "On or Off", Set: server.Jail.Raw(setFixRoot),
			Details: "With On, paths of the configuration may be written as they are called outside: those that lie in the " +
				"jail are translated once, when the configuration is read."},
		{Name: "ChrootPrivateMounts", In: directives.InServer, Forbid: directives.GlobalOnly,
			Usage: "On, Off or Auto", Set: server.Jail.Take1(setWish(func(c *server.JailConfig) *directives.Opt[chroot.Wish] { return &c.PrivateMounts })),
			Details: "A mount namespace for each child, in which the jail is all there is. Auto, the default: where the system allows it."},
		{Name: "ChrootLandlock", In: directives.InServer, Forbid: directives.GlobalOnly,
			Usage: "On, Off or Auto", Set: server.Jail.Take1(setWish(func(c *server.JailConfig) *directives.Opt[chroot.Wish] { return &c.Landlock })),
			Details: "Landlock refuses to open anything outside of the jail, by whatever descriptor. Auto, the default: where the kernel has it."},
		{Name: "ChrootNoNewPrivs", In: directives.InServer, Forbid: directives.GlobalOnly, Usage: "Off if programs in the jail may gain privilege, else On",
			Set:     server.Jail.Flag(func(c *server.JailConfig, on bool) { c.NewPrivs = !on }),
			Details: "On, the default: set-user-ID files and file capabilities have no effect for programs in the jail."},
		{Name: "ChrootBoundingSet", In: directives.InServer, Forbid: directives.GlobalOnly,
			Usage: "None, or names of capabilities that programs in the jail may gain", Set: server.Jail.Iterate(addCapability),
			Details: "None, the default. It has a meaning only with ChrootNoNewPrivs Off, for programs that are set-user-ID root."},
		{Name: "ChrootCloseDescriptors", In: directives.InServer, Forbid: directives.GlobalOnly,
			Usage: "On or Off", Set: server.Jail.Flag(func(c *server.JailConfig, on bool) { c.KeepDescriptors = !on }),
			Details: "On, the default: descriptors that whoever started the server left open do not reach children and log programs."},
	},
}

func setDir(c *server.JailConfig, cmd *directives.Cmd, arg string) error {
	serverRoot := cmd.ServerRootRelative(".")
	documentRoot := ""
	if n := cmd.Earlier("DocumentRoot"); n != nil {
		word, _ := httpdconf.Getword(n.Args)
		documentRoot = cmd.ServerRootRelative(word)
	}
	dir, err := chroot.Resolve(arg, serverRoot, documentRoot)
	if err != nil {
		return fmt.Errorf("ChrootDir: %w", err)
	}
	spelled, err := chroot.Spelled(arg, serverRoot, documentRoot)
	if err != nil {
		return fmt.Errorf("ChrootDir: %w", err)
	}
	c.Dir, c.Spelled = dir, spelled
	return nil
}

// setWish is the setter of a lock that the kernel may lack.
func setWish(field func(*server.JailConfig) *directives.Opt[chroot.Wish]) func(*server.JailConfig, *directives.Cmd, string) error {
	return func(c *server.JailConfig, cmd *directives.Cmd, word string) error {
		wish, ok := chroot.ParseWish(word)
		if !ok {
			return fmt.Errorf("%s must be On, Off or Auto", cmd.Node.Name)
		}
		*field(c) = directives.Given(wish)
		return nil
	}
}

func addCapability(c *server.JailConfig, _ *directives.Cmd, word string) error {
	if strings.EqualFold(word, "none") {
		c.Bounding = 0
		return nil
	}
	bit, ok := chroot.Capability(word)
	if !ok {
		return fmt.Errorf("ChrootBoundingSet: %s is no capability", word)
	}
	c.Bounding |= bit
	return nil
}

func setFixRoot(c *server.JailConfig, _ *directives.Cmd, args string) error {
	word, _ := httpdconf.Getword(args)
	switch strings.ToLower(word) {
	case "on", "yes":
		c.FixRoot = true
	case "off", "no":
		c.FixRoot = false
	default:
		return errors.New("ChrootFixRoot must be On or Off")
	}
	return nil
}
