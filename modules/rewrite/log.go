package rewrite

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/donjon-httpd/donjon/server"
)

// logf writes a line at trace1 to trace8 in Apache's form. The arguments are
// strings, so that a line that is not written allocates nothing.
func logf(r *server.Request, level int, perdir, format string, args ...string) {
	e := elog.Trace(level, r)
	if e == nil {
		return
	}
	user := "-"
	if r.User != "" {
		user = r.User
	} else if r.UserSet {
		user = `""`
	}
	kind, redirects := "initial", 0
	if r.Main != nil {
		kind = "subreq"
	}
	for p := r.Prev; p != nil; p = p.Prev {
		redirects++
	}
	if redirects > 0 {
		kind += "/redir#" + strconv.Itoa(redirects)
	}
	if perdir != "" {
		perdir = "[perdir " + perdir + "] "
	}
	list := make([]any, len(args))
	for i, a := range args {
		list[i] = a
	}
	e.Msgf("%s - %s [%s/sid#%s][rid#%s/%s] %s%s", r.ClientIP, user, r.ServerName(), pointer(r.Server), pointer(r), kind, perdir,
		fmt.Sprintf(format, list...))
}

// trace is logf for a list of rules, which has asked once whether any line is wanted.
func (c *context) trace(level int, perdir, format string, args ...string) {
	if c.traced {
		logf(c.r, level, perdir, format, args...)
	}
}

// traced tells whether any line of ours would be written for a request.
func traced(r *server.Request) bool { return elog.Trace(1, r) != nil }

// pointer names an object as Apache's %pp does.
func pointer(p any) string { return strings.TrimPrefix(fmt.Sprintf("%p", p), "0x") }
