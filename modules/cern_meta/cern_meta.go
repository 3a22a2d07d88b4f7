// Package cern_meta adds the fields that stand in a file's meta file, as the
// server of CERN had them (mod_cern_meta).
package cern_meta

import (
	"bufio"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// Module is cern_meta_module.
var Module = server.Module{
	Name: "cern_meta_module",
	Directives: directives.Table{
		{Name: "MetaFiles", In: directives.Indexes, Usage: "Limited to 'on' or 'off'",
			Set: slot.Flag(func(c *config, on bool) { c.on = on })},
		{Name: "MetaDir", In: directives.Indexes, Usage: "the name of the directory containing meta files",
			Set: slot.Take1(func(c *config, _ *directives.Cmd, name string) error { c.dir = name; return nil })},
		{Name: "MetaSuffix", In: directives.Indexes, Usage: "the filename suffix for meta files",
			Set: slot.Take1(func(c *config, _ *directives.Cmd, suffix string) error {
				c.suffix = directives.Given(suffix)
				return nil
			})},
	},
	Hooks: []server.Hook{server.Fixups.Middle(addFields).When(slot.If(func(c *config) bool { return c.on }))},
}

var elog = server.NewLog("cern_meta")

// slot is merged as in Apache: a section that says anything of this module says
// MetaFiles off too, unless it says on.
var slot = directives.NewDirSlot(func(base, add config) config {
	if add.dir == "" {
		add.dir = base.dir
	}
	add.suffix = add.suffix.Or(base.suffix)
	return add
})

type config struct {
	on     bool
	dir    string
	suffix directives.Opt[string]
}

func addFields(r *server.Request) server.Status {
	if r.Finfo.Type == server.NoFile || r.Finfo.Type == server.Directory || strings.HasSuffix(r.URI, "/") {
		return server.Declined
	}
	if strings.LastIndexByte(r.Filename, '/') <= 0 {
		elog.Error(r).Msgf("AH01561: internal error in mod_cern_meta: %s", r.Filename)
		return server.Declined
	}
	c := slot.Of(r.Dir)
	dir := c.dir
	if dir == "" {
		dir = ".web"
	}
	name := path.Dir(r.Filename) + "/" + dir + "/" + path.Base(r.Filename) + c.suffix.Else(".meta")
	// Who may not have the meta file does not get what is in it.
	if sub := r.SubRequestFile(name); sub.Status != 200 {
		return server.Declined
	}
	f, err := os.Open(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return server.Declined
	case err != nil:
		elog.Error(r).Msgf("AH01562: meta file permissions deny server access: %s", name)
		return 403
	}
	defer f.Close()
	return read(r, f)
}

// maxLine is how much of a line is read; what is longer goes on as another line.
const maxLine = 8190

// read takes fields up to the end. An empty line ends them too, and then only
// type and status count (observed on 2.4.71).
func read(r *server.Request, in io.Reader) server.Status {
	lines := bufio.NewReaderSize(in, maxLine)
	var fields server.Fields
	for {
		piece, err := lines.ReadSlice('\n')
		line := strings.TrimSuffix(string(piece), "\n")
		if len(line) < len(piece) && len(line) > 0 {
			line = strings.TrimSuffix(line, "\r")
		}
		if len(piece) == 0 && err != nil {
			break
		}
		if line == "" {
			return server.OK
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			elog.Error(r).Msgf("AH01560: malformed header in meta file: %s", r.Filename)
			return 500
		}
		value = strings.TrimLeft(value, " \t\n\v\f\r")
		switch {
		case strings.EqualFold(name, "Content-type"):
			r.ContentType = lowerType(strings.TrimRight(value, " \t\n\v\f\r"))
		case strings.EqualFold(name, "Status"):
			if n := server.Atoi(value); n != 0 || strings.HasPrefix(value, "0") {
				r.Status = n
			}
			r.StatusLine = value
		default:
			fields.Set(name, value)
		}
	}
	for _, f := range fields.All() {
		r.Out.Set(f.Name, f.Value)
	}
	return server.OK
}

// lowerType spells a media type in lower case, but not its parameters.
func lowerType(t string) string {
	mime, parameters, found := strings.Cut(t, ";")
	if !found {
		return server.LowerASCII(t)
	}
	return server.LowerASCII(mime) + ";" + parameters
}
