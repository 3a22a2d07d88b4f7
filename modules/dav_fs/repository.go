package dav_fs

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"strings"
	"syscall"

	"github.com/donjon-httpd/donjon/server"
)

// repository is files and directories (dav_hooks_repository_fs).
type repository struct{}

// Admit keeps clients out of .DAV, with any method.
func (repository) Admit(r *server.Request) server.Status {
	if !inStateDir(r.Filename + r.PathInfo) {
		return server.OK
	}
	elog.Error(r).Msgf("AH10619: access to %s state directory denied for %s", stateDir, r.Filename)
	return 403
}

func (repository) Resource(r *server.Request) (*server.DavResource, *server.DavError) {
	p := r.Filename + r.PathInfo
	if inStateDir(p) {
		return nil, failed(403, "Access to the state directory denied.", nil)
	}
	res := &server.DavResource{URI: trimSlash(r.URI), Path: trimSlash(p), Info: r.Finfo}
	if r.Finfo.Type == server.NoFile {
		return res, nil
	}
	res.Exists, res.Collection = true, r.Finfo.Type == server.Directory
	if r.PathInfo == "" || r.PathInfo == "/" && res.Collection {
		return res, nil
	}
	if !res.Collection {
		return nil, failed(400, "The URL contains extraneous path components. The resource could not be identified.", nil)
	}
	res.Exists, res.Collection, res.Info = false, false, server.Finfo{}
	return res, nil
}

func trimSlash(p string) string {
	if len(p) > 1 {
		return strings.TrimSuffix(p, "/")
	}
	return p
}

func (repository) Parent(res *server.DavResource) *server.DavResource {
	if res.URI == "/" || res.Path == "/" {
		return nil
	}
	parent := &server.DavResource{URI: path.Dir(trimSlash(res.URI)), Path: path.Dir(res.Path), Collection: true}
	if st, err := os.Stat(parent.Path); err == nil {
		parent.Info, parent.Exists = server.FinfoOf(st), true
	}
	return parent
}

func (repository) Same(a, b *server.DavResource) bool {
	if a.Info.Type != server.NoFile && b.Info.Type != server.NoFile {
		return a.Info.Inode == b.Info.Inode
	}
	return a.Path == b.Path
}

func (repository) ETag(r *server.Request, res *server.DavResource) string {
	if !res.Exists {
		return ""
	}
	return r.FileETag(res.Info)
}

func (repository) MakeCollection(res *server.DavResource) *server.DavError {
	err := os.Mkdir(res.Path, 0o777)
	switch {
	case errors.Is(err, syscall.ENOSPC):
		return failed(507, "There is not enough storage to create this collection.", err)
	case errors.Is(err, fs.ErrNotExist):
		return failed(409, "Cannot create collection; intermediate collection does not exist.", err)
	case err != nil:
		return failed(403, "Unable to create collection.", err)
	}
	st, err := os.Stat(res.Path)
	if err == nil {
		res.Info = server.FinfoOf(st)
	}
	res.Exists, res.Collection = true, true
	return nil
}

// stream is a file that takes the place of the resource when it is closed, or
// the resource itself when a part of it is written.
type stream struct {
	*os.File
	res  *server.DavResource
	temp bool
}

func (repository) Open(res *server.DavResource, ranged bool) (server.DavStream, *server.DavError) {
	s := &stream{res: res, temp: !ranged}
	var err error
	if ranged {
		s.File, err = os.OpenFile(res.Path, os.O_WRONLY|os.O_CREATE, 0o666)
	} else {
		s.File, err = createTemp(path.Dir(res.Path), 0o666)
	}
	if err != nil {
		return nil, failed(statusOf(err), "An error occurred while opening a resource for writing: "+res.Path+".", err)
	}
	return s, nil
}

func (s *stream) Close(commit bool) *server.DavError {
	err := s.File.Close()
	switch {
	case !s.temp && !commit:
		return nil // what was written is written
	case !commit:
		if err := os.Remove(s.Name()); err != nil {
			return failed(500, "There was a problem removing (rolling back) the resource when it was being closed.", err)
		}
		return nil
	case s.temp && err == nil:
		err = os.Rename(s.Name(), s.res.Path)
	}
	if err != nil {
		os.Remove(s.Name()) //nolint:errcheck // the first error is told
		return failed(500, "There was a problem writing the file atomically after writes.", err)
	}
	if st, err := os.Stat(s.res.Path); err == nil {
		s.res.Info = server.FinfoOf(st)
	}
	s.res.Exists = true
	return nil
}

func (s *stream) Failed(err error) *server.DavError {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return failed(507, "There is not enough storage to write to this resource.", err)
	}
	return failed(500, "An error occurred while writing to a resource.", err)
}
