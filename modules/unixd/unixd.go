// Package unixd is mod_unixd: who the serving processes become. ChrootDir,
// which Apache keeps here, is the chroot module's.
package unixd

import (
	"errors"
	"fmt"

	"github.com/donjon-httpd/donjon/chroot"
	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// Module is unixd_module.
var Module = server.Module{
	Name:   "unixd_module",
	Static: true,
	Directives: directives.Table{
		{Name: "User", In: directives.InServer, Forbid: directives.GlobalOnly,
			Usage: "Effective user id for this server", Set: server.Jail.Take1(setUser)},
		{Name: "Group", In: directives.InServer, Forbid: directives.GlobalOnly,
			Usage: "Effective group id for this server", Set: server.Jail.Take1(setGroup)},
		{Name: "Suexec", In: directives.InServer, Forbid: directives.GlobalOnly,
			Usage: "Enable or disable suEXEC support", Set: server.Jail.FlagErr(setSuexec)},
	},
}

// asRoot is Apache's refusal.
const asRoot = "Error:\tApache has not been designed to serve pages while\n" +
	"\trunning as root.  There are known race conditions that\n" +
	"\twill allow any local user to read any file on the system.\n" +
	"\tIf you still desire to serve pages as root then\n" +
	"\tadd -DBIG_SECURITY_HOLE to the CFLAGS env variable\n" +
	"\tand then rebuild the server.\n" +
	"\tIt is strongly suggested that you instead modify the User\n" +
	"\tdirective in your httpd.conf file to list a non-root\n" +
	"\tuser.\n"

// nobody stands for the half that is not being looked up.
const nobody = "#-1"

func setUser(c *server.JailConfig, _ *directives.Cmd, name string) error {
	id, err := chroot.Lookup(name, nobody)
	if err != nil {
		return unknown("AH00543", err)
	}
	if id.UID == 0 {
		return errors.New(asRoot)
	}
	c.User = name
	return nil
}

func setGroup(c *server.JailConfig, _ *directives.Cmd, name string) error {
	if _, err := chroot.Lookup(nobody, name); err != nil {
		return unknown("AH00544", err)
	}
	c.Group = name
	return nil
}

// unknown ends Apache where it is found, without a line of the configuration.
func unknown(number string, err error) error {
	return &directives.Bare{Err: fmt.Errorf("%s: %s: %w", number, server.ProgramName, err)}
}

// setSuexec answers as an Apache without the suexec program: scripts run as
// the user of the server.
func setSuexec(_ *server.JailConfig, _ *directives.Cmd, on bool) error {
	if on {
		return errors.New("suEXEC isn't supported: scripts run as the server's user")
	}
	return nil
}
