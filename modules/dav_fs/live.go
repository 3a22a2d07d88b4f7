package dav_fs

import (
	"os"
	"strconv"
	"syscall"
	"time"

	"github.com/donjon-httpd/donjon/server"
)

// Namespaces of live properties.
const (
	davSpace    = "DAV:"
	apacheSpace = "http://apache.org/dav/props/"
)

// live are the properties that follow from a file, in the order of Apache's lists.
var live = []server.DavLiveProperty{
	{Space: davSpace, Name: "creationdate", Prefix: "lp1"},
	{Space: davSpace, Name: "getcontentlength", Prefix: "lp1"},
	{Space: davSpace, Name: "getlastmodified", Prefix: "lp1"},
	{Space: davSpace, Name: "getetag", Prefix: "lp1"},
	{Space: apacheSpace, Name: "executable", Prefix: "lp2", Writable: true},
}

func (repository) Live() []server.DavLiveProperty { return live }
func (repository) PropertySet() string            { return "<http://apache.org/dav/propset/fs/1>" }

func (repo repository) LiveValue(r *server.Request, res *server.DavResource, p server.DavLiveProperty) (string, bool) {
	if !res.Exists {
		return "", false
	}
	switch p.Name {
	case "creationdate":
		return changed(res).UTC().Format("2006-01-02T15:04:05Z"), true
	case "getcontentlength":
		return strconv.FormatInt(res.Info.Size, 10), !res.Collection
	case "getlastmodified":
		return res.Info.Mtime.UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT"), true
	case "getetag":
		tag := repo.ETag(r, res)
		return server.EscapeXML(tag), tag != ""
	}
	if res.Info.Mode&0o100 != 0 {
		return "T", !res.Collection
	}
	return "F", !res.Collection
}

// changed is the time that Apache gives for the creation: the inode's.
func changed(res *server.DavResource) time.Time {
	var st syscall.Stat_t
	if syscall.Stat(res.Path, &st) != nil {
		return res.Info.Mtime
	}
	return time.Unix(st.Ctim.Unix())
}

// PatchLive sets whether the owner may execute a file.
func (repository) PatchLive(res *server.DavResource, _ server.DavLiveProperty, value string, remove bool) (func() (func(), *server.DavError), *server.DavError) {
	const expects = "The 'executable' property expects a single character, valued 'T' or 'F'. "
	refused := func(text string) (func() (func(), *server.DavError), *server.DavError) {
		return nil, failed(409, text, nil)
	}
	switch {
	case remove:
		return refused("The 'executable' property cannot be removed.")
	case value == "":
		return refused(expects + "There was no value submitted.")
	case len(value) > 1:
		return refused(expects + "The value submitted has too many characters.")
	case value != "T" && value != "F":
		return refused(expects + "The value submitted is invalid.")
	}
	return func() (undo func(), err *server.DavError) {
		old := res.Info.Mode.Perm()
		mode := old &^ 0o100
		if value == "T" {
			mode |= 0o100
		}
		if mode == old {
			return nil, nil
		}
		if err := os.Chmod(res.Path, mode); err != nil {
			return nil, failed(500, "Could not set the executable flag of the target resource.", err)
		}
		return func() { os.Chmod(res.Path, old) }, nil //nolint:errcheck // Apache has no words for it either
	}, nil
}
