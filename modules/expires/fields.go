package expires

import (
	"strconv"
	"strings"
	"time"

	"github.com/donjon-httpd/donjon/server"
)

// filter stands ahead of the others that change the head, where a cache would
// see the fields.
var filter = &server.OutputFilter{Name: "MOD_EXPIRES", Plain: true, Level: server.ContentSetLevel - 2,
	Run: func(l *server.Link, b *server.Brigade) error {
		l.Remove()
		setFields(l.R)
		return l.Pass(b)
	}}

// insertFilter spares errors and subrequests; setFields waits for the head,
// which tells the Content-Type.
func insertFilter(r *server.Request) {
	if !server.Status(r.Status).IsError() && r.Main == nil {
		r.AddOutputFilter(filter, nil)
	}
}

func setFields(r *server.Request) {
	if server.Status(r.Status).IsError() || r.ErrOut.Has("Expires") || r.Out.Has("Expires") {
		return
	}
	rule, ok := slot.Of(r.Dir).find(r.ContentType)
	if !ok {
		return
	}
	base := r.Received
	if rule.modification {
		r.Unrepeatable() // max-age becomes less from second to second
		if r.Finfo.Type == server.NoFile {
			return
		}
		base = r.Finfo.Mtime
	}
	expires := base.Add(time.Duration(rule.seconds) * time.Second)
	if expires.Before(r.Received) {
		expires = r.Received
	}
	age := expires.Sub(r.Received) / time.Second
	r.Out.Merge("Cache-Control", "max-age="+strconv.FormatInt(int64(age), 10))
	r.SetRelativeDate(&r.Out, "Expires", expires.Sub(r.Received))
}

// find is the rule for a Content-Type.
func (c *config) find(contentType string) (rule, bool) {
	if contentType != "" {
		exact := contentType
		if i := strings.IndexByte(exact, ';'); i >= 0 {
			exact = strings.TrimRight(exact[:i], " \t")
		}
		if r, ok := c.byType[strings.ToLower(exact)]; ok {
			return r, true
		}
		if major, _, slash := strings.Cut(contentType, "/"); slash && c.wildcard {
			if r, ok := c.byType[strings.ToLower(major)+"/*"]; ok {
				return r, true
			}
		}
	}
	return c.fallback.Get()
}
