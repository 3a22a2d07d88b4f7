package dav

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"strings"
	"syscall"

	"github.com/donjon-httpd/donjon/server"
)

// What Apache keeps in a directory for itself; clients never see it.
const (
	stateDir   = ".DAV"
	tempPrefix = ".davfs.tmp"
)

func hidden(name string) bool { return name == stateDir || strings.HasPrefix(name, tempPrefix) }

// resource is a file or directory, there or not.
type resource struct {
	path string // without a slash at its end
	uri  string
	info server.Finfo
}

func (f *resource) exists() bool     { return f.info.Type != server.NoFile }
func (f *resource) collection() bool { return f.info.Type == server.Directory }

// lookup gives what the request is about (dav_fs_get_resource).
func lookup(r *server.Request) (*resource, server.Status) {
	f := &resource{path: strings.TrimSuffix(r.Filename+r.PathInfo, "/"), uri: r.URI, info: r.Finfo}
	if r.PathInfo != "" && r.PathInfo != "/" {
		if f.exists() && !f.collection() {
			return nil, fail(r, 400, "The URL contains extraneous path components. The resource could not be identified.", nil)
		}
		f.info = server.Finfo{}
	}
	if f.path == "" {
		f.path = "/"
	}
	for _, part := range strings.Split(f.path, "/") {
		if hidden(part) {
			return nil, 404
		}
	}
	return f, server.OK
}

// ready is what every method that changes something asks first: a lock
// database (observed on 2.4.71), then the request's conditions.
func ready(r *server.Request, f *resource) server.Status {
	if server.DavLockDB.Of(r.Server).Path == "" {
		r.Notes.Set("verbose-error-to", "*")
		elog.Error(r).Msgf("A lock database was not specified with the DAVLockDB directive. One must be specified to use the locking functionality.  [500, #401]")
		return 500
	}
	if f.exists() {
		r.Mtime = f.info.Mtime
		if tag := r.FileETag(f.info); tag != "" {
			r.Out.Set("ETag", tag)
		}
	}
	s := r.MeetsConditions()
	r.Out.Unset("ETag")
	if s != server.OK {
		return s
	}
	if v, ok := r.FieldIn("If"); ok {
		c, err := parseIf(v)
		if err != nil {
			return fail(r, 400, err.Error(), nil)
		}
		tag := ""
		if f.exists() {
			tag = r.FileETag(f.info)
		}
		if !c.holds(f.uri, tag) {
			return fail(r, 412, "The preconditions specified by the \"If:\" header did not match this resource.", nil)
		}
	}
	return server.OK
}

// statusOf is the answer to a failed change of the file system.
func statusOf(err error, other server.Status) server.Status {
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return 409
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return 507
	case errors.Is(err, fs.ErrPermission):
		return 403
	}
	return other
}

// parentExists tells whether there is a directory to put f into.
func (f *resource) parentExists() error {
	st, err := os.Stat(path.Dir(f.path))
	if err == nil && !st.IsDir() {
		err = syscall.ENOTDIR
	}
	return err
}
