package dav_fs

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"

	"github.com/donjon-httpd/donjon/server"
)

// members collects what fails inside of a collection.
type members struct{ list []server.DavResponse }

func (m *members) failed(uri string, status int) {
	m.list = append(m.list, server.DavResponse{Href: uri, Status: status})
}

// responses are those of members that failed, the last one first; an error goes with them.
func (m *members) responses(text string) ([]server.DavResponse, *server.DavError) {
	if m.list == nil {
		return nil, nil
	}
	slices.Reverse(m.list)
	return m.list, failed(207, text, nil)
}

// Remove deletes files from the leaves on. Links and what else is neither file
// nor directory stay, and the directory around them with them, as in Apache.
func (repository) Remove(res *server.DavResource) ([]server.DavResponse, *server.DavError) {
	if !res.Collection {
		if err := os.Remove(res.Path); err != nil {
			return nil, failed(403, "Cannot remove resource", err)
		}
		res.Exists, res.Info = false, server.Finfo{}
		if err := os.Remove(stateFile(res)); err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) {
			return nil, failed(500, "Could not remove properties.", err)
		}
		return nil, nil
	}
	var m members
	if err := m.removeTree(res.Path, res.URI); err != nil {
		return nil, err
	}
	if list, err := m.responses("Error(s) occurred on some resources during the deletion process."); err != nil {
		return list, err
	}
	res.Exists, res.Collection, res.Info = false, false, server.Finfo{}
	return nil, nil
}

func (m *members) removeTree(dir, uri string) *server.DavError {
	names, err := entries(dir)
	if err != nil {
		return failed(404, "", err)
	}
	for _, name := range names {
		p, u := path.Join(dir, name), trimSlash(uri)+"/"+name
		st, err := os.Lstat(p)
		switch {
		case err != nil:
		case st.IsDir():
			if err := m.removeTree(p, u); err != nil {
				return err
			}
		case st.Mode().IsRegular():
			if os.Remove(p) != nil {
				m.failed(u, 403)
			}
		}
	}
	if syscall.Rmdir(dir) != nil {
		m.failed(trimSlash(uri), 403)
	}
	return nil
}

// entries are the names in a directory, in its own order.
func entries(dir string) ([]string, error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return d.Readdirnames(-1)
}

// Copy copies a file with its properties, or a directory and, unless depth is 0,
// what is in it: the properties are among that.
func (repository) Copy(from, to *server.DavResource, depth int) ([]server.DavResponse, *server.DavError) {
	list, err := transfer(from, to, depth)
	if err == nil {
		arrived(from, to)
	}
	return list, err
}

func transfer(from, to *server.DavResource, depth int) ([]server.DavResponse, *server.DavError) {
	if !from.Collection {
		if err := copyFile(from.Path, to.Path, from.Info.Mode); err != nil {
			return nil, err
		}
		return nil, moveState(from, to, false)
	}
	var m members
	if err := m.copyTree(from.Path, to.Path, from.URI, depth, true); err != nil {
		return nil, err
	}
	return m.responses("Error(s) occurred on some resources during the COPY/MOVE process.")
}

func arrived(from, to *server.DavResource) {
	to.Exists, to.Collection = true, from.Collection
	if st, err := os.Stat(to.Path); err == nil {
		to.Info = server.FinfoOf(st)
	}
}

// Move renames, or copies and deletes across file systems.
func (repo repository) Move(from, to *server.DavResource) ([]server.DavResponse, *server.DavError) {
	err := os.Rename(from.Path, to.Path)
	switch {
	case errors.Is(err, syscall.EXDEV):
		if list, err := transfer(from, to, server.DavInfinity); err != nil {
			return list, err
		}
		arrived(from, to)
		return repo.Remove(from)
	case err != nil:
		return nil, failed(500, "Could not rename resource.", err)
	}
	arrived(from, to)
	if !to.Collection {
		if err := moveState(from, to, true); err != nil {
			return nil, err
		}
	}
	from.Exists, from.Collection = false, false
	return nil, nil
}

// copyTree copies what is regular; links are left out.
func (m *members) copyTree(from, to, uri string, depth int, root bool) *server.DavError {
	if err := os.Mkdir(to, 0o777); err != nil {
		if root {
			return failed(403, "", err)
		}
		m.failed(uri+"/", 403)
	}
	if depth == 0 {
		return nil
	}
	names, err := entries(from)
	if err != nil {
		return failed(404, "", err)
	}
	for _, name := range names {
		if strings.HasPrefix(name, tempPrefix) || name == nullFile && path.Base(from) == stateDir {
			continue
		}
		p, u := path.Join(from, name), trimSlash(uri)+"/"+name
		st, err := os.Lstat(p)
		switch {
		case err != nil:
		case st.IsDir():
			if err := m.copyTree(p, path.Join(to, name), u, depth, false); err != nil {
				return err
			}
		case st.Mode().IsRegular():
			err := copyFile(p, path.Join(to, name), st.Mode())
			switch {
			case err == nil:
			case err.Status >= 500:
				return err
			default:
				m.failed(u, err.Status)
			}
		}
	}
	return nil
}

// copyFile copies content, and the permissions of a file that can be executed.
func copyFile(from, to string, mode fs.FileMode) *server.DavError {
	perm := fs.FileMode(0o666)
	if mode&0o100 != 0 {
		perm = mode.Perm()
	}
	in, err := os.Open(from)
	if err != nil {
		return failed(500, "Could not open file for reading", err)
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, perm)
	if err != nil {
		return failed(statusOf(err), "Could not open file for writing", err)
	}
	_, err = io.Copy(out, in)
	if err2 := out.Close(); err == nil {
		err = err2
	}
	if err != nil {
		os.Remove(to) //nolint:errcheck // the first error is told
		return failed(statusOf(err), "Could not write output file", err)
	}
	return nil
}

// moveState takes the properties of a file along. Those that the other place had
// from before go.
func moveState(from, to *server.DavResource, move bool) *server.DavError {
	src, dst := stateFile(from), stateFile(to)
	st, err := os.Lstat(src)
	if err != nil || !st.Mode().IsRegular() {
		return nil
	}
	makeStateDir(path.Dir(to.Path))
	if move {
		err := os.Rename(src, dst)
		switch {
		case err == nil:
			return nil
		case !errors.Is(err, syscall.EXDEV):
			return failed(500, "Could not move state file.", err)
		}
	}
	if err := copyFile(src, dst, 0o600); err != nil {
		return err
	}
	if move {
		os.Remove(src) //nolint:errcheck // it is a copy now
	}
	return nil
}
