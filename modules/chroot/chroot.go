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
