// Package file_cache serves files as they were when the server started
// (mod_file_cache): CacheFile keeps them open, MMapFile in memory. They are
// opened before the jail closes, so that they may lie outside of it.
package file_cache

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// Module is file_cache_module.
var Module = server.Module{
	Name: "file_cache_module",
	Directives: directives.Table{
		{Name: "cachefile", In: directives.InServer, Reads: directives.BeforeJail,
			Usage: "A space separated list of files to add to the file handle cache at config time",
			Set:   hosts.Iterate(func(c *config, cmd *directives.Cmd, name string) error { return c.add(cmd, name, false) })},
		{Name: "mmapfile", In: directives.InServer, Reads: directives.BeforeJail,
			Usage: "A space separated list of files to mmap at config time",
			Set:   hosts.Iterate(func(c *config, cmd *directives.Cmd, name string) error { return c.add(cmd, name, true) })},
	},
	Hooks: []server.Hook{
		server.TranslateName.Middle(translate).Plain(),
		server.Handler.Middle(handle).Plain().Harmless(),
	},
}

// A host that names files has no others (there is no merging in Apache).
var hosts = directives.NewServerSlot(func(_, add config) config { return add })

// config is the files of a host by their names as requests find them.
type config struct{ files map[string]*file }

// file is one that was opened.
type file struct {
	info server.Finfo
	f    *os.File
	mem  []byte // of MMapFile; nil: f is read
}

var found server.RequestSlot[file]

// add opens a file; one that is not there is passed over with a warning.
func (c *config) add(cmd *directives.Cmd, name string, inMemory bool) error {
	path := filepath.Clean(cmd.ServerRootRelative(name))
	st, err := os.Stat(path)
	switch {
	case err != nil:
		cmd.LogWarning("%sAH00795: unable to stat(%s), skipping", reason(err), path)
		return nil
	case !st.Mode().IsRegular():
		cmd.LogWarning("AH00796: %s isn't a regular file, skipping", path)
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		cmd.LogWarning("%sAH00797: unable to open(%s, O_RDONLY), skipping", reason(err), path)
		return nil
	}
	e := &file{info: server.FinfoOf(st), f: f}
	if inMemory {
		e.mem = make([]byte, st.Size())
		if _, err := f.ReadAt(e.mem, 0); err != nil && st.Size() > 0 {
			cmd.LogWarning("%sAH00798: unable to mmap %s, skipping", reason(err), path)
			return nil
		}
		f.Close()
	}
	if c.files == nil {
		c.files = map[string]*file{}
	}
	c.files[cmd.InJail(path)] = e
	return nil
}

// reason is the beginning of a line about an error: "(2)No such file or directory: ".
func reason(err error) string {
	var path *fs.PathError
	var no syscall.Errno
	if errors.As(err, &path) {
		err = path.Err
	}
	if errors.As(err, &no) {
		return fmt.Sprintf("(%d)%s: ", int(no), server.Strerror(no))
	}
	return err.Error() + ": "
}

// translate finds a request for one of the files (file_cache_xlat): those below
// DocumentRoot, since what an Alias has mapped is not seen here.
func translate(r *server.Request) server.Status {
	files := hosts.Of(r.Server).files
	if len(files) == 0 {
		return server.Declined
	}
	if s := server.TranslateToFile(r); s != server.OK || r.Filename == "" {
		return s
	}
	e := files[r.Filename]
	if e == nil {
		return server.Declined
	}
	r.Unrepeatable()
	found.Set(r, e)
	r.Finfo = e.info
	return server.OK
}

// handle sends the file (file_cache_handler), when no other handler is wanted
// than the default one or that of its type.
func handle(r *server.Request) server.Status {
	e := found.Of(r)
	if e == nil || r.Handler != "default-handler" && !strings.Contains(r.Handler, "/") || r.Method != "GET" && r.Method != "HEAD" {
		return server.Declined
	}
	if s := r.DiscardBody(); s != server.OK {
		return s
	}
	if e.info.Mtime.After(r.Mtime) {
		r.Mtime = e.info.Mtime
	}
	r.SetLastModified()
	r.SetContentLength(e.info.Size)
	r.SetETag(e.f)
	if s := r.MeetsConditions(); s != server.OK {
		return s
	}
	b := server.Brigade{}
	switch {
	case e.info.Size == 0:
	case e.mem != nil:
		b.Buckets = []server.Bucket{{Mem: e.mem}}
	default:
		b.Buckets = []server.Bucket{{File: e.f, Len: e.info.Size}}
	}
	if r.EndWith(&b) != nil {
		return server.FilterError
	}
	return server.OK
}
