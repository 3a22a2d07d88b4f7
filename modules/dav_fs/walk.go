package dav_fs

import (
	"os"
	"path"

	"github.com/donjon-httpd/donjon/server"
)

// Walk visits the files of directories in their own order, then what is nothing
// but locked. Links are passed over, as in Apache.
func (repository) Walk(w *server.DavWalk, res *server.DavResource, depth int) *server.DavError {
	root := *res
	if root.Collection {
		root.URI = trimSlash(root.URI)
		if root.URI != "/" {
			root.URI += "/"
		}
	}
	return walk(w, &root, depth)
}

func walk(w *server.DavWalk, res *server.DavResource, depth int) *server.DavError {
	if err := w.Visit(res); err != nil {
		return err
	}
	if depth == 0 || !res.Collection {
		return nil
	}
	names, err := entries(res.Path)
	if err != nil {
		return failed(404, "", err)
	}
	inner := depth
	if inner > 0 {
		inner--
	}
	for _, name := range names {
		if hidden(name) {
			continue
		}
		child := &server.DavResource{Path: path.Join(res.Path, name), URI: res.URI + name, Exists: true}
		st, err := os.Lstat(child.Path)
		if err != nil {
			elog.Error(w.Request).Err(cause(err)).Msgf("AH10472: could not access file (%s) during directory walk", child.Path)
			continue
		}
		child.Info = server.FinfoOf(st)
		switch child.Info.Type {
		case server.RegularFile:
			if err := w.Visit(child); err != nil {
				return err
			}
		case server.Directory:
			child.Collection = true
			child.URI += "/"
			if err := walk(w, child, inner); err != nil {
				return err
			}
		}
	}
	if w.Locks == nil {
		return nil
	}
	nulls, failure := w.Locks.NullMembers(res)
	if failure != nil {
		return failure
	}
	for _, name := range nulls {
		child := &server.DavResource{Path: path.Join(res.Path, name), URI: res.URI + name}
		locks, err := w.Locks.Locks(child, true)
		if err != nil {
			return err
		}
		if len(locks) == 0 {
			continue
		}
		if err := w.Visit(child); err != nil {
			return err
		}
	}
	return nil
}
