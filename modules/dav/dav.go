// Package dav lets clients change resources, lock them, and keep properties with
// them (mod_dav, WebDAV classes 1 and 2: RFC 4918). What holds the resources is a
// provider that another module brings.
package dav

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/httpdconf"
	"github.com/donjon-httpd/donjon/server"
)

// Module is dav_module.
var Module = server.Module{
	Name: "dav_module",
	Directives: directives.Table{
		{Name: "DAV", In: directives.InDir, Usage: "specify the DAV provider for a directory or location",
			Set: slot.Take1((*config).setProvider)},
		{Name: "DAVBasePath", In: directives.InDir, Usage: "specify the DAV repository base URL",
			Set: slot.Take1(func(c *config, _ *directives.Cmd, path string) error { c.base = path; return nil })},
		{Name: "DAVMinTimeout", In: directives.InServer | directives.InDir, Usage: "specify minimum allowed timeout",
			Set: slot.Take1((*config).setMinTimeout)},
		{Name: "DAVDepthInfinity", In: directives.InServer | directives.InDir,
			Usage: "allow Depth infinity PROPFIND requests",
			Set:   slot.Flag(func(c *config, on bool) { c.infinity = directives.Given(on) })},
		{Name: "DAVLockDiscovery", In: directives.InServer | directives.InDir,
			Usage: "allow lock discovery by PROPFIND requests",
			Set:   slot.Flag(func(c *config, on bool) { c.discovery = directives.Given(on) })},
	},
	Hooks: []server.Hook{
		server.PostConfig.Middle(registerMethods),
		server.Fixups.Middle(fixup).When(slot.If((*config).enabled)).Plain(),
		server.Handler.Named(handlerName, handle),
	},
}

const handlerName = "dav-handler"

var (
	elog = server.NewLog("dav")
	slot = directives.NewDirSlot(merge)
)

type config struct {
	provider  *server.DavProvider // nil says nothing
	regex     bool                // the provider was named in a section with a regular expression
	base      string              // DAVBasePath, which only repositories that are not files ask for
	infinity  directives.Opt[bool]
	discovery directives.Opt[bool]
	timeout   int64 // least life of a lock, in seconds; 0 says nothing
}

func merge(base, add config) config {
	if add.provider == nil {
		add.provider, add.regex = base.provider, base.regex
	}
	if add.base == "" {
		add.base = base.base
	}
	add.infinity = add.infinity.Or(base.infinity)
	add.discovery = add.discovery.Or(base.discovery)
	if add.timeout == 0 {
		add.timeout = base.timeout
	}
	return add
}

func (c *config) enabled() bool { return c.provider != nil }

func (c *config) setProvider(cmd *directives.Cmd, name string) error {
	switch {
	case strings.EqualFold(name, "on"):
		name = "filesystem"
	case strings.EqualFold(name, "off"):
		cmd.Note("DAV Off does not turn off what a section around has turned on, as in Apache (AH00578)")
		c.provider = nil
		return nil
	}
	for _, m := range server.ActiveModules(cmd) {
		if m.DavProvider != nil && m.DavProvider.Name == name {
			c.provider, c.regex = m.DavProvider, inRegex(cmd.Node)
			return nil
		}
	}
	return fmt.Errorf("Unknown DAV provider: %s", name)
}

// inRegex tells whether a directive stands in a section whose path is a regular expression.
func inRegex(n *httpdconf.Node) bool {
	for n = n.Parent; n != nil; n = n.Parent {
		switch strings.ToLower(n.Name) {
		case "directorymatch", "locationmatch":
			return true
		case "directory", "location":
			return strings.HasPrefix(strings.TrimSpace(n.Args), "~")
		}
	}
	return false
}

// setMinTimeout reads a number as atoi does: what is none is 0.
func (c *config) setMinTimeout(_ *directives.Cmd, seconds string) error {
	s := strings.TrimLeft(seconds, " ")
	minus := strings.HasPrefix(s, "-")
	end := 0
	for s = strings.TrimLeft(s, "+-"); end < len(s) && s[end] >= '0' && s[end] <= '9'; end++ {
	}
	n, _ := strconv.ParseInt(s[:end], 10, 32)
	if minus && n > 0 {
		return errors.New("DAVMinTimeout requires a non-negative integer.")
	}
	c.timeout = n
	return nil
}

// registerMethods makes methods known for which no provider is here, so that they
// are refused as Apache refuses them.
func registerMethods(*server.Generation) error {
	server.RegisterMethod("BIND")
	server.RegisterMethod("SEARCH")
	return nil
}

// fixup leaves GET and POST to who has them else: the repository is files.
func fixup(r *server.Request) server.Status {
	if s := slot.Of(r.Dir).provider.Repository.Admit(r); s != server.OK {
		return s
	}
	switch r.Method {
	case "GET", "HEAD", "POST":
		return server.Declined
	}
	if r.Simple && r.Main == nil {
		return server.Declined
	}
	r.Handler = handlerName
	return server.OK
}

// method is what all methods work with.
type method struct {
	provider *server.DavProvider
	repo     server.DavRepository
	conf     *config
}

func handle(r *server.Request) server.Status {
	c := slot.Of(r.Dir)
	if !c.enabled() { // SetHandler dav-handler
		return server.Declined
	}
	m := &method{provider: c.provider, repo: c.provider.Repository, conf: c}
	switch r.Method {
	case "OPTIONS":
		return m.options(r)
	case "PUT":
		return m.put(r)
	case "DELETE":
		return m.remove(r)
	case "MKCOL":
		return m.mkcol(r)
	case "COPY", "MOVE":
		return m.copyMove(r)
	case "PROPFIND":
		return m.propfind(r)
	case "PROPPATCH":
		return m.proppatch(r)
	case "LOCK":
		return m.lock(r)
	case "UNLOCK":
		return m.unlock(r)
	case "REPORT":
		return m.report(r)
	case "BASELINE-CONTROL":
		return 405 // by the module itself, not for want of a handler
	}
	return server.Declined
}

// resource is what the request is about; a status other than OK ends the request.
func (m *method) resource(r *server.Request) (*server.DavResource, server.Status) {
	res, err := m.repo.Resource(r)
	if err != nil {
		if m.conf.regex && m.conf.base == "" {
			elog.Error(server.ServerSubject(r.Gen, r.Server)).Msg("AH10484: failed to find repository for location configured via regex match - missing DAVBasePath?")
		}
		return nil, fail(r, err.Push(err.Status, "Could not fetch resource information."), nil)
	}
	return res, server.OK
}

// state is whether there is a resource, or nothing but locks on one.
type state uint8

const (
	null state = iota
	lockNull
	exists
	unknown // the locks could not be read
)

// stateOf asks db, or, if that is nil, the database of locks (dav_get_resource_state).
func (m *method) stateOf(r *server.Request, res *server.DavResource, db server.DavLockDB) state {
	switch {
	case res.Exists:
		return exists
	case r.PathInfo != "":
		return null
	}
	own := db == nil
	if own {
		var err *server.DavError
		if db, err = m.provider.Locks.Open(r, server.DavLockRead); err != nil {
			elog.Error(r).Msgf("AH00623: Failed to query lock-null status for %s", r.Filename)
			return unknown
		}
		defer db.Close()
	}
	has, err := db.Has(res)
	if err != nil && own {
		elog.Error(r).Msgf("AH00623: Failed to query lock-null status for %s", r.Filename)
		return unknown
	}
	if has {
		return lockNull
	}
	return null
}

// report has no report to give (RFC 3253): no provider of them is known.
func (m *method) report(r *server.Request) server.Status {
	doc, s := readXML(r)
	if s != server.OK {
		return s
	}
	if doc == nil {
		elog.Error(r).Msg("AH00614: The request body must specify a report.")
		return 400
	}
	res, s := m.resource(r)
	switch {
	case s != server.OK:
		return s
	case !res.Exists:
		return 404
	}
	return 501
}
