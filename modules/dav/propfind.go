package dav

import (
	"github.com/donjon-httpd/donjon/server"
)

// propfind tells the properties of the resource, and of those in it as Depth says.
func (m *method) propfind(r *server.Request) server.Status {
	res, s := m.resource(r)
	if s != server.OK {
		return s
	}
	doc, s := readXML(r)
	if s != server.OK {
		return s
	}
	if m.stateOf(r, res, nil) == null {
		return 404
	}
	depth, ok := depthOf(r, infinity)
	if !ok {
		return 400
	}
	if depth == infinity && res.Collection && !m.conf.infinity.Else(false) {
		return answer(r, 403, "PROPFIND requests with a Depth of \"infinity\" are not allowed for "+server.EscapeHTML(r.URI)+".")
	}
	ask := &asked{doc: doc, discovery: m.conf.discovery.Else(true)}
	var spaces []string
	if doc != nil {
		if !doc.root.is("propfind") {
			elog.Error(r).Msg("AH00585: The \"propfind\" element was not found.")
			return 400
		}
		switch {
		case doc.root.child("allprop") != nil:
		case doc.root.child("propname") != nil:
			ask.what = onlyNames
		case doc.root.child("prop") != nil:
			ask.what = named
		default:
			elog.Error(r).Msg("AH00586: The \"propfind\" element does not contain one of the required child elements (the specific command).")
			return 400
		}
		spaces = doc.spaces
	}
	db, err := m.provider.Locks.Open(r, server.DavLockRead)
	if err != nil {
		return fail(r, err.Push(err.Status, "The lock database could not be opened, preventing access to the various lock properties for the PROPFIND."), nil)
	}
	defer db.Close()
	multistatus(r, 207, spaces)
	walk := &server.DavWalk{Request: r, Locks: db, Visit: func(one *server.DavResource) *server.DavError {
		found := (&properties{m: m, r: r, res: one, db: db, ask: ask}).result()
		p := server.DavResponse{Href: one.URI, Propstats: found.propstats, Spaces: found.spaces}
		writeResponse(r, &p)
		return nil
	}}
	if err := m.repo.Walk(walk, res, depth); err != nil {
		logError(r, err.Push(err.Status, "Provider encountered an error while streaming a multistatus PROPFIND response."))
		r.Exchange.Drop()
		return server.OK
	}
	r.WriteString("</D:multistatus>\n")
	return server.OK
}
