// Package so is mod_so: LoadModule activates a module, LoadFile looks at a
// library. All modules are built into the program, so the file that LoadModule
// names need not exist; <IfModule> tells the truth about what was loaded.
package so

import (
	"github.com/donjon-httpd/donjon/chroot"
	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/httpdconf"
	"github.com/donjon-httpd/donjon/server"
)

// Module is so_module.
var Module = server.Module{
	Name:   "so_module",
	Static: true,
	Directives: directives.Table{
		{Name: "LoadModule", In: directives.InServer,
			Usage: "a module name and the name of a shared object file to load it from",
			Set:   directives.OnRead(directives.Two, loadModule)},
		{Name: "LoadFile", In: directives.InServer, Reads: directives.BeforeJail,
			Usage: "shared object file or library to load into the server at runtime",
			Set:   directives.OnRead(directives.Each, loadFile)},
	},
}

var elog = server.NewLog("so")

// activator is the Host of a reader that can load modules.
type activator interface {
	LoadModule(identifier, file string) (added bool, err error)
}

// fileLoader is the Host of a reader that wants to know of LoadFile lines.
type fileLoader interface{ LoadFile(n *httpdconf.Node) }

func loadModule(r *httpdconf.Reader, n *httpdconf.Node) error {
	name, rest := httpdconf.Getword(n.Args)
	file, _ := httpdconf.Getword(rest)
	added, err := r.Host().(activator).LoadModule(name, file)
	if err == nil && !added {
		elog.Warn(nil).Msgf("AH01574: module %s is already loaded, skipping", name)
	}
	return err
}

// loadFile runs in the parent, where the file has to exist, and again in each
// child before its jail closes.
func loadFile(r *httpdconf.Reader, n *httpdconf.Node) error {
	for args := n.Args; args != ""; {
		var file string
		if file, args = httpdconf.Getword(args); file == "" {
			continue
		}
		if err := chroot.LoadFile(file, r.ServerRoot()); err != nil {
			return err
		}
	}
	if l, ok := r.Host().(fileLoader); ok {
		l.LoadFile(n)
	}
	return nil
}
