package dav

import (
	"errors"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path"
	"strconv"
	"strings"
	"syscall"

	"github.com/donjon-httpd/donjon/server"
)

// put writes the body beside the file and lets it take the file's place when
// all of it is there; a Content-Range changes the file itself, as in Apache.
func put(r *server.Request) server.Status {
	f, s := lookup(r)
	if s != server.OK {
		return s
	}
	if f.collection() {
		return answer(r, 409, "Cannot PUT to a collection.")
	}
	if s := ready(r, f); s != server.OK {
		return s
	}
	at, ranged, ok := contentRange(r)
	if !ok {
		return answer(r, 400, "Malformed Content-Range header for PUT "+server.EscapeHTML(r.URI)+".")
	}
	out, temp, err := f.create(ranged)
	if err != nil {
		elog.Error(r).Msgf("Unable to PUT new contents for %s.  [%d, #0]", server.EscapeHTML(f.uri), statusOf(err, 500))
		return fail(r, statusOf(err, 500), "An error occurred while opening a resource for writing: "+f.path+".", cause(err))
	}
	if temp != "" {
		defer os.Remove(temp) // in vain when it was renamed
	}
	if s := receive(r, out, at); s != server.OK {
		return s
	}
	if temp != "" {
		if err := os.Rename(temp, f.path); err != nil {
			return fail(r, statusOf(err, 500), "There was a problem moving the temporary file into place.", cause(err))
		}
	}
	return created(r, r.URI, "Resource", f.exists())
}

// create opens what a PUT writes to; temp is the name of a file that has yet to
// take its place.
func (f *resource) create(ranged bool) (out *os.File, temp string, err error) {
	if ranged {
		out, err = os.OpenFile(f.path, os.O_WRONLY|os.O_CREATE, 0o666)
		return out, "", err
	}
	for try := 0; ; try++ {
		temp = path.Join(path.Dir(f.path), tempPrefix+strconv.Itoa(os.Getpid())+"."+randomName())
		out, err = os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if !errors.Is(err, fs.ErrExist) || try == 100 {
			return out, temp, err
		}
	}
}

// receive writes the request's body to out from offset at on, and closes it.
func receive(r *server.Request, out *os.File, at int64) server.Status {
	defer out.Close()
	buf := make([]byte, 32<<10)
	for {
		n, err := r.Body.Read(buf)
		if n > 0 {
			if _, err := out.WriteAt(buf[:n], at); err != nil {
				return fail(r, statusOf(err, 500), "An error occurred while writing to a resource.", cause(err))
			}
			at += int64(n)
		}
		switch {
		case err == io.EOF:
			if err := out.Close(); err != nil {
				return fail(r, statusOf(err, 500), "An error occurred while writing to a resource.", cause(err))
			}
			return server.OK
		case err != nil:
			return r.BodyFailed(err)
		}
	}
}

// contentRange reads "bytes FIRST-LAST/LENGTH"; ok is false for anything else.
func contentRange(r *server.Request) (at int64, ranged, ok bool) {
	v, has := r.FieldIn("Content-Range")
	if !has {
		return 0, false, true
	}
	at, ok = parseContentRange(v)
	return at, true, ok
}

func parseContentRange(v string) (at int64, ok bool) {
	if len(v) < 6 || !strings.EqualFold(v[:6], "bytes ") {
		return 0, false
	}
	span, length, ok1 := strings.Cut(v[6:], "/")
	from, to, ok2 := strings.Cut(span, "-")
	first, err1 := strconv.ParseUint(strings.TrimSpace(from), 10, 62)
	last, err2 := strconv.ParseUint(to, 10, 62)
	if !ok1 || !ok2 || err1 != nil || err2 != nil || last < first {
		return 0, false
	}
	if length != "*" {
		n, err := strconv.ParseUint(length, 10, 62)
		if err != nil || n <= last {
			return 0, false
		}
	}
	return int64(first), true
}

// remove is DELETE.
func remove(r *server.Request) server.Status {
	if s := r.DiscardBody(); s != server.OK {
		return s
	}
	f, s := lookup(r)
	if s != server.OK {
		return s
	}
	if !f.exists() {
		return 404
	}
	depth, s := depthOf(r, infinity)
	if s != server.OK {
		return s
	}
	if f.collection() && depth != infinity {
		elog.Error(r).Msg("AH00582: Depth must be \"infinity\" for DELETE of a collection.")
		return 400
	}
	if !f.collection() && depth == 1 {
		elog.Error(r).Msg("AH00583: Depth of \"1\" is not allowed for DELETE.")
		return 400
	}
	if s := ready(r, f); s != server.OK {
		return s
	}
	if err := os.RemoveAll(f.path); err != nil {
		return fail(r, 403, "Could not DELETE "+server.EscapeHTML(f.uri)+".", cause(err))
	}
	return empty(r)
}

func mkcol(r *server.Request) server.Status {
	if r.ContentLength != 0 {
		return 415
	}
	f, s := lookup(r)
	if s != server.OK {
		return s
	}
	if f.exists() {
		r.Out.Set("Allow", "OPTIONS,GET,HEAD,POST,DELETE,TRACE,PROPFIND,COPY,MOVE")
		return 405
	}
	if s := ready(r, f); s != server.OK {
		return s
	}
	if err := os.Mkdir(f.path, 0o777); err != nil {
		text := "Unable to create collection."
		if errors.Is(err, fs.ErrNotExist) {
			text = "Cannot create collection; intermediate collection does not exist."
		}
		return fail(r, statusOf(err, 403), text, cause(err))
	}
	return created(r, r.URI, "Collection", false)
}

// copyMove is COPY and MOVE.
func copyMove(r *server.Request) server.Status {
	from, s := lookup(r)
	if s != server.OK {
		return s
	}
	if !from.exists() {
		return 404
	}
	dest, has := r.FieldIn("Destination")
	if !has {
		elog.Error(r).Msg("AH00591: The request is missing a Destination header.")
		return 400
	}
	u, err := url.Parse(dest)
	if err != nil || !strings.HasPrefix(u.Path, "/") {
		return answer(r, 400, "Invalid syntax in Destination URI.")
	}
	if u.Host == "" || u.Scheme == "" {
		elog.Error(r).Msgf("Destination URI must be an absolute URI: %s", dest)
		return 400
	}
	sub := r.SubRequestMethodURI(r.Method, u.EscapedPath())
	if sub.Status != 200 {
		return answer(r, sub.Status, "Destination URI had an error.")
	}
	if !slot.Of(sub.Dir).enabled() {
		return fail(r, 404, "DAV not enabled for "+server.EscapeHTML(sub.URI)+".", nil)
	}
	to, s := lookup(sub)
	if s != server.OK {
		return s
	}
	over, s := overwrite(r)
	if s != server.OK {
		return s
	}
	switch {
	case to.exists() && !over:
		return answer(r, 412, "Destination is not empty and Overwrite is not \"T\"")
	case to.path == from.path:
		return answer(r, 403, "Source and Destination URIs are the same.")
	case from.collection() && strings.HasPrefix(to.path, strings.TrimSuffix(from.path, "/")+"/"):
		return answer(r, 403, "Source collection contains the Destination.")
	case to.collection() && strings.HasPrefix(from.path, strings.TrimSuffix(to.path, "/")+"/"):
		return answer(r, 403, "Destination collection contains the Source and Overwrite has been specified.")
	}
	depth, s := depthOf(r, infinity)
	if s != server.OK {
		return s
	}
	if depth == 1 || r.Method == "MOVE" && from.collection() && depth != infinity {
		elog.Error(r).Msg("AH00589: Depth must be \"0\" or \"infinity\" for COPY or MOVE.")
		return 400
	}
	if s := r.DiscardBody(); s != server.OK {
		return s
	}
	if s := ready(r, from); s != server.OK {
		return s
	}
	if err := transfer(r.Method == "MOVE", from, to, depth); err != nil {
		status := statusOf(err, 500)
		elog.Error(r).Msgf("Could not MOVE/COPY %s.  [%d, #0]", server.EscapeHTML(from.uri), status)
		return fail(r, status, "Could not open file for writing", cause(err))
	}
	return created(r, u.EscapedPath(), "Destination", to.exists())
}

func overwrite(r *server.Request) (bool, server.Status) {
	v, has := r.FieldIn("Overwrite")
	switch {
	case !has || strings.EqualFold(v, "T"):
		return true, server.OK
	case strings.EqualFold(v, "F"):
		return false, server.OK
	}
	elog.Error(r).Msg("AH00590: An invalid Overwrite header was specified.")
	return false, 400
}

// transfer puts from in to's place. What was there is removed only when there
// is a directory to put the new one into.
func transfer(move bool, from, to *resource, depth int) error {
	if err := to.parentExists(); err != nil {
		return err
	}
	if to.exists() {
		if err := os.RemoveAll(to.path); err != nil {
			return err
		}
	}
	if move {
		err := os.Rename(from.path, to.path)
		if !errors.Is(err, syscall.EXDEV) {
			return err
		}
	}
	if err := copyTree(from.path, to.path, depth); err != nil {
		return err
	}
	if move {
		return os.RemoveAll(from.path)
	}
	return nil
}

// copyTree copies a file, or a directory and, with depth infinity, all that is
// in it. What is neither is left out.
func copyTree(from, to string, depth int) error {
	st, err := os.Stat(from)
	switch {
	case err != nil:
		return err
	case st.Mode().IsRegular():
		return copyFile(from, to, st.Mode().Perm())
	case !st.IsDir():
		return nil
	}
	if err := os.Mkdir(to, 0o777); err != nil {
		return err
	}
	if depth == 0 {
		return nil
	}
	list, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, e := range list {
		if strings.HasPrefix(e.Name(), tempPrefix) || e.Type()&fs.ModeSymlink != 0 {
			continue
		}
		if err := copyTree(path.Join(from, e.Name()), path.Join(to, e.Name()), depth); err != nil {
			return err
		}
	}
	return nil
}

func copyFile(from, to string, mode fs.FileMode) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, mode)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		out.Close()
		return err
	}
	return out.Close()
}
