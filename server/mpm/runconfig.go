package mpm

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/donjon-httpd/donjon/chroot"
	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// DumpRunConfig prints -D DUMP_RUN_CFG in Apache's form.
func (p *Program) DumpRunConfig(w io.Writer, l *Loaded) {
	core := l.core()
	fmt.Fprintf(w, "ServerRoot: \"%s\"\n", core.ServerRoot)
	documentRoot := core.DocumentRoot
	if documentRoot != "" {
		documentRoot = l.Gen.Jail.Outside(documentRoot)
	} else {
		documentRoot = rootRelative(core.ServerRoot, "htdocs")
	}
	fmt.Fprintf(w, "Main DocumentRoot: \"%s\"\n", documentRoot)
	fmt.Fprintf(w, "Main ErrorLog: \"%s\"\n", errorLogSpec(l.Gen.Config.Main, p))
	runtime := server.RuntimeDir(l.Gen.Config.Tree)
	fmt.Fprintf(w, "Mutex default: dir=\"%s/\" mechanism=default \n", runtime)
	fmt.Fprintf(w, "PidFile: \"%s\"\n", p.PidFilePath(l))
	for _, d := range p.Defines {
		fmt.Fprintf(w, "Define: %s\n", d)
	}
	jail := l.jail()
	unused := ""
	if os.Geteuid() != 0 {
		unused = " not_used"
	}
	id, err := chroot.Lookup(orUnset(jail.User), orUnset(jail.Group))
	if err != nil {
		id.UID, id.GID = -1, -1
	}
	fmt.Fprintf(w, "User: name=\"%s\" id=%d%s\n", orUnset(jail.User), uint32(id.UID), unused)
	fmt.Fprintf(w, "Group: name=\"%s\" id=%d%s\n", orUnset(jail.Group), uint32(id.GID), unused)
	if jail.Dir != "" {
		fmt.Fprintf(w, "ChrootDir: \"%s\"%s\n", jail.Dir, unused)
	}
}

// CheckErrorLogs finds error logs whose directory is missing, as core's
// check_config hook does, so that -t tells of them.
func CheckErrorLogs(g *server.Generation, p *Program) error {
	for _, v := range append([]*directives.Server{g.Config.Main}, g.Config.Hosts...) {
		spec := errorLogSpec(v, p)
		if v.Virtual && spec == errorLogSpec(v.Main, p) || strings.HasPrefix(spec, "|") ||
			isSyslog(spec) {
			continue
		}
		dir := filepath.Dir(spec)
		st, err := os.Stat(dir)
		if err == nil && !st.IsDir() {
			err = syscall.ENOTDIR
		}
		if err != nil {
			of := "main error log"
			if v.Virtual {
				of = fmt.Sprintf("error log of vhost defined at %s:%d", v.Node.Pos.File, v.Node.Pos.Line)
			}
			return &startup{err, fmt.Sprintf("AH02291: Cannot access directory '%s/' for %s", strings.TrimSuffix(dir, "/"), of)}
		}
	}
	return nil
}

// RedirectStderr is -E: what is said before the error log is open goes to file.
func RedirectStderr(file string) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o666)
	if err != nil {
		return errors.Join(errors.New("could not open error log file "+file), err)
	}
	defer f.Close()
	return unix.Dup3(int(f.Fd()), 2, 0)
}
