package cgi

import (
	"io"
	"net/url"
	"path"
	"time"

	"github.com/donjon-httpd/donjon/server"
	"github.com/donjon-httpd/donjon/server/program"
)

// maxWord is how long a command may be, C's zero included (MAX_STRING_LEN).
const maxWord = 8192

// execElement is <!--#exec cmd="…" --> and <!--#exec cgi="…" -->.
func (f *Flavor) execElement(d server.SSIDocument) error {
	r := d.Request()
	if d.Arguments() == 0 {
		ev := f.log.Error(r)
		if !d.Printing() {
			ev = f.log.Warn(r)
		}
		ev.Msgf("AH03195: missing argument for exec element in %s", r.Filename)
	}
	switch {
	case !d.Printing():
		return nil
	case d.Arguments() == 0:
		d.Fail()
		return nil
	case !d.MayExec():
		f.log.Error(r).Msgf("AH01228: exec used but not allowed in %s", r.Filename)
		d.Fail()
		return nil
	}
	for {
		name, value, ok := d.Argument()
		if !ok {
			return nil
		}
		switch name {
		case "cmd":
			started, err := f.command(d, d.Expand(value, true, maxWord))
			if err != nil {
				return err
			}
			if !started {
				f.log.Error(r).Msgf("AH01229: execution failure for parameter \"%s\" to tag exec in file %s", name, r.Filename)
				d.Fail()
				return nil
			}
		case "cgi":
			if !f.script(d, d.Expand(value, false, maxWord)) {
				f.log.Error(r).Msgf("AH01230: invalid CGI ref \"%s\" in %s", value, r.Filename)
				d.Fail()
				return nil
			}
		default:
			f.log.Error(r).Msgf("AH01231: unknown parameter \"%s\" to tag exec in %s", name, r.Filename)
			d.Fail()
			return nil
		}
	}
}

// command runs a command of the shell, which has to be in the jail, and puts
// what it writes here. started is false when that cannot be done.
func (f *Flavor) command(d server.SSIDocument, text string) (started bool, err error) {
	r := d.Request()
	addSSIVars(r)
	dir, _ := path.Split(r.Filename)
	p, err := program.StartFor(r, program.Command{Path: "/bin/sh", Args: []string{"/bin/sh", "-c", text}, Dir: dir, NoInput: true})
	if err != nil {
		f.log.Error(r).Err(err).Msgf("AH01227: couldn't spawn child process: %s", text)
		return false, nil
	}
	defer p.Stdout.Close()
	timeout := server.CoreServer.Of(r.Server).Timeout.Else(server.DefaultTimeout)
	buf := make([]byte, 8192)
	for {
		p.Stdout.SetReadDeadline(time.Now().Add(timeout))
		n, err := p.Stdout.Read(buf)
		d.Write(buf[:n])
		if ferr := d.Flush(); ferr != nil {
			return true, ferr
		}
		switch err {
		case nil:
		case io.EOF:
			return true, nil
		default:
			p.End()
			return true, err
		}
	}
}

// addSSIVars adds what a command is told beside the variables of the document (add_ssi_vars).
func addSSIVars(r *server.Request) {
	if r.PathInfo != "" {
		r.Env.Set("PATH_INFO", server.EscapeShell(r.PathInfo))
		if sub := r.SubRequestURI(server.EscapeURIPath(r.PathInfo)); sub.Filename != "" {
			r.Env.Set("PATH_TRANSLATED", sub.Filename+sub.PathInfo)
		}
	}
	if r.HasArgs {
		r.Env.Set("QUERY_STRING", r.Args)
		args, err := url.PathUnescape(r.Args)
		if err != nil {
			args = r.Args
		}
		r.Env.Set("QUERY_STRING_UNESCAPED", server.EscapeShell(args))
	}
}

// script runs a CGI script here, with the document's path info and query.
func (f *Flavor) script(d server.SSIDocument, uri string) bool {
	r := d.Request()
	sub := r.SubRequestURI(uri)
	if sub.Status != 200 || sub.PathInfo != "" || sub.HasArgs || sub.Finfo.Type != server.RegularFile {
		return false
	}
	sub.PathInfo, sub.Args, sub.HasArgs = r.PathInfo, r.Args, r.HasArgs
	sub.ContentType = "application/x-httpd-cgi"
	d.Link().Take(sub)
	if sub.RunSub().IsRedirect() {
		if location, ok := sub.Out.Lookup("Location"); ok {
			location = server.EscapeHTML(location)
			d.Write([]byte(`<a href="` + location + `">` + location + "</a>"))
		}
	}
	return true
}
