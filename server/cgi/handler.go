package cgi

import (
	"errors"
	"fmt"
	"path"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/donjon-httpd/donjon/server"
	"github.com/donjon-httpd/donjon/server/program"
)

// run is one script at work for one request.
type run struct {
	*Flavor
	r        *server.Request
	nph      bool // the script writes the whole response, status line and all
	timeout  time.Duration
	proc     *program.Process // nil when it could not be executed
	body     []byte           // what ScriptLog shows of the request's body
	input    *scriptOutput
	headRead bool // the script's fields have come
}

// handle is cgi_handler.
func (f *Flavor) handle(r *server.Request) server.Status {
	c := &run{Flavor: f, r: r, nph: strings.HasPrefix(path.Base(r.Filename), "nph-")}
	switch {
	case r.Options()&server.OptExecCGI == 0 && !scriptAliased(r):
		return c.refuse(403, f.NoExecCGI, "Options ExecCGI is off in this directory")
	case c.nph && r.Main != nil:
		return c.refuse(403, f.IncludedNPH, "attempt to include NPH CGI script")
	case r.Finfo.Type == server.NoFile:
		return c.refuse(404, f.NotFound, "script not found or unable to stat")
	case r.Finfo.Type == server.Directory:
		return c.refuse(403, f.IsDirectory, "attempt to invoke directory as script")
	case r.UsedPathInfo == server.PathInfoOff && r.PathInfo != "":
		return c.refuse(404, f.NoPathInfo, "AcceptPathInfo off disallows user's path")
	}
	r.AddCommonVars()
	r.AddCGIVars()
	c.timeout = f.slot.Of(r.Dir).timeout
	if c.timeout == 0 {
		c.timeout = server.CoreServer.Of(r.Server).Timeout.Else(server.DefaultTimeout)
	}
	if s := c.start(); s != server.OK {
		return s
	}
	if s := c.sendBody(); s != server.OK {
		c.end()
		return s
	}
	return c.respond()
}

// scriptAliased tells whether a ScriptAlias led here: then ExecCGI is not needed.
func scriptAliased(r *server.Request) bool {
	return strings.EqualFold(r.Notes.Get("alias-forced-type"), "cgi-script")
}

// start starts the script. One that cannot be executed is a script that wrote
// nothing, since Apache finds out behind its fork.
func (c *run) start() server.Status {
	dir, _ := path.Split(c.r.Filename)
	var err error
	c.proc, err = program.StartFor(c.r, program.Command{Path: c.r.Filename, Args: c.arguments(), Dir: dir, Stderr: c.stderr})
	var errno syscall.Errno
	switch {
	case err == nil:
		return server.OK
	case !errors.As(err, &errno) || errno == syscall.EAGAIN || errno == syscall.ENOMEM || errno == syscall.EMFILE || errno == syscall.ENFILE:
		c.log.Error(c.r).Err(err).Msgf("%s: couldn't spawn child process: %s", c.NotSpawned, c.r.Filename)
		return 500
	}
	what := "exec of '" + c.r.Filename + "' failed"
	if unix.Access(dir, unix.X_OK) != nil {
		what = "change of working directory failed"
	}
	if c.ExecFailed != "" {
		c.log.Error(c.r).Err(err).Msg(c.ExecFailed + ": " + what)
	} else {
		c.stderr(fmt.Sprintf("(%d)%s: %s", int(errno), server.Strerror(errno), what))
	}
	return server.OK
}

// arguments are the words of a query without "=" (RFC 3875 4.4: an indexed
// search), decoded and made harmless for a shell.
func (c *run) arguments() []string {
	args := []string{c.r.Filename}
	if q := c.r.Args; q != "" && !strings.Contains(q, "=") {
		for _, w := range strings.SplitN(q, "+", maxArgs) {
			w, _ = server.UnescapeURL(w)
			args = append(args, program.EscapeShell(w))
		}
	}
	return args
}

// maxArgs is how many words of a query become arguments.
const maxArgs = 4096
