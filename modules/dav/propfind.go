package dav

import (
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/donjon-httpd/donjon/server"
)

// propfind tells the properties of the resource, and of those in it as Depth says.
func propfind(r *server.Request) server.Status {
	f, s := lookup(r)
	if s != server.OK {
		return s
	}
	depth, s := depthOf(r, infinity)
	if s != server.OK {
		return s
	}
	if !f.exists() {
		return 404
	}
	if depth == infinity && f.collection() && !slot.Of(r.Dir).infinity.Else(false) {
		return answer(r, 403, "PROPFIND requests with a Depth of \"infinity\" are not allowed for "+server.EscapeHTML(r.URI)+".")
	}
	ask, s := readPropfind(r)
	if s != server.OK {
		return s
	}
	if s := ready(r, f); s != server.OK {
		return s
	}
	r.Unrepeatable()
	r.Status, r.StatusLine = 207, ""
	r.ContentType = `text/xml; charset="utf-8"`
	r.WriteString("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<D:multistatus xmlns:D=\"DAV:\"" + ask.declare() + ">\n")
	walk(r, f, depth, ask)
	r.WriteString("</D:multistatus>\n")
	return server.OK
}

// walk answers for f, then for the directories' entries in their own order. A
// directory that cannot be read ends there, for the response has begun.
func walk(r *server.Request, f *resource, depth int, ask *asked) {
	r.WriteString(response(r, f, ask))
	if !f.collection() || depth == 0 {
		return
	}
	dir, err := os.Open(f.path)
	if err != nil {
		elog.Error(r).Err(cause(err)).Msgf("cannot read collection %s", f.path)
		return
	}
	names, _ := dir.Readdirnames(-1)
	dir.Close()
	if depth == 1 {
		depth = 0
	}
	var later []*resource
	for _, name := range names {
		if hidden(name) {
			continue
		}
		st, err := os.Lstat(f.path + "/" + name)
		if err != nil || st.Mode()&os.ModeSymlink != 0 {
			continue
		}
		child := &resource{path: f.path + "/" + name, uri: strings.TrimSuffix(f.uri, "/") + "/" + name, info: server.FinfoOf(st)}
		if child.collection() {
			child.uri += "/"
		}
		later = append(later, child)
	}
	for _, child := range later {
		walk(r, child, depth, ask)
	}
}

// response is one resource's part of the body.
func response(r *server.Request, f *resource, ask *asked) string {
	var b, missing, spaces strings.Builder
	live := properties(r, f)
	put := func(p property, name bool) {
		if name {
			b.WriteString("<" + p.prefix + p.name + "/>\n")
			return
		}
		b.WriteString(p.xml())
	}
	switch ask.what {
	case allProperties:
		for _, p := range live {
			put(p, false)
		}
	case onlyNames:
		for _, p := range live {
			put(p, true)
		}
	default:
		absent := map[string]string{}
		for _, want := range ask.names {
			if p, ok := find(live, want); ok {
				put(p, false)
				continue
			}
			if want.Space == "" {
				missing.WriteString("<" + want.Local + "/>\n")
				continue
			}
			g, ok := absent[want.Space]
			if !ok {
				g = "g" + strconv.Itoa(len(absent))
				absent[want.Space] = g
				spaces.WriteString(" xmlns:" + g + "=\"" + server.EscapeHTML(want.Space) + "\"")
			}
			missing.WriteString("<" + g + ":" + want.Local + "/>\n")
		}
	}
	text := "<D:response xmlns:lp1=\"DAV:\" xmlns:lp2=\"http://apache.org/dav/props/\"" + spaces.String() + ">\n<D:href>" +
		server.EscapeHTML(server.EscapeURIPath(f.uri)) + "</D:href>\n"
	if b.Len() > 0 || missing.Len() == 0 {
		text += propstat(b.String(), "200 OK")
	}
	if missing.Len() > 0 {
		text += propstat(missing.String(), "404 Not Found")
	}
	return text + "</D:response>\n"
}

func propstat(props, status string) string {
	return "<D:propstat>\n<D:prop>\n" + props + "</D:prop>\n<D:status>HTTP/1.1 " + status + "</D:status>\n</D:propstat>\n"
}

// property is one that follows from the file.
type property struct{ space, prefix, name, value string }

func (p property) xml() string {
	if p.value == "" {
		return "<" + p.prefix + p.name + "/>\n"
	}
	return "<" + p.prefix + p.name + ">" + p.value + "</" + p.prefix + p.name + ">\n"
}

const (
	davSpace    = "DAV:"
	apacheSpace = "http://apache.org/dav/props/"
)

// properties are the live ones in Apache's order: those of mod_dav_fs, then
// those of mod_dav.
func properties(r *server.Request, f *resource) []property {
	var list []property
	add := func(space, prefix, name, value string) { list = append(list, property{space, prefix, name, value}) }
	kind := ""
	if f.collection() {
		kind = "<D:collection/>"
	}
	add(davSpace, "lp1:", "resourcetype", kind)
	add(davSpace, "lp1:", "creationdate", changed(f).UTC().Format("2006-01-02T15:04:05Z"))
	if f.info.Type == server.RegularFile {
		add(davSpace, "lp1:", "getcontentlength", strconv.FormatInt(f.info.Size, 10))
	}
	add(davSpace, "lp1:", "getlastmodified", f.info.Mtime.UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT"))
	if tag := r.FileETag(f.info); tag != "" {
		add(davSpace, "lp1:", "getetag", tag)
	}
	if f.info.Type == server.RegularFile {
		x := "F"
		if f.info.Mode&0o100 != 0 {
			x = "T"
		}
		add(apacheSpace, "lp2:", "executable", x)
	}
	add(davSpace, "D:", "supportedlock", "")
	add(davSpace, "D:", "lockdiscovery", "")
	if sub := r.SubRequestURI(server.EscapePath(f.uri)); sub.ContentType != "" {
		add(davSpace, "D:", "getcontenttype", sub.ContentType)
	}
	return list
}

// changed is the time that Apache gives for the creation: the inode's.
func changed(f *resource) time.Time {
	var st syscall.Stat_t
	if syscall.Stat(f.path, &st) != nil {
		return f.info.Mtime
	}
	return time.Unix(st.Ctim.Unix())
}
