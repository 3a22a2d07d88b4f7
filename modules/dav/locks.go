package dav

import (
	"strconv"
	"strings"
	"time"

	"github.com/donjon-httpd/donjon/server"
)

// activeLocks are the activelock elements of locks.
func activeLocks(locks []*server.DavLock) string {
	var b strings.Builder
	for _, l := range locks {
		kind, scope, depth, timeout := "", "", "0", "Infinite"
		if l.Type == writeLock {
			kind = "<D:write/>"
		}
		switch l.Scope {
		case server.DavExclusive:
			scope = "<D:exclusive/>"
		case server.DavShared:
			scope = "<D:shared/>"
		}
		if l.Infinite {
			depth = "infinity"
		}
		if l.Expires != 0 {
			timeout = "Second-" + strconv.FormatInt(l.Expires-time.Now().Unix(), 10)
		}
		b.WriteString("<D:activelock>\n<D:locktype>" + kind + "</D:locktype>\n<D:lockscope>" + scope + "</D:lockscope>\n<D:depth>" +
			depth + "</D:depth>\n" + l.Owner + "<D:timeout>" + timeout + "</D:timeout>\n<D:locktoken>\n<D:href>" + l.Token.String() +
			"</D:href>\n</D:locktoken>\n</D:activelock>\n")
	}
	return b.String()
}

const writeLock = 1

// parseLockinfo reads the body of a LOCK.
func parseLockinfo(doc *document, l *server.DavLock) *server.DavError {
	if !doc.root.is("lockinfo") {
		return newError(400, "The request body contains an unexpected XML root element.")
	}
	for _, e := range doc.root.children {
		inner := ""
		if len(e.children) > 0 {
			inner = e.children[0].name
		}
		switch {
		case e.name == "locktype" && inner == "write" && l.Type == 0:
			l.Type = writeLock
		case e.name == "lockscope" && inner == "exclusive" && l.Scope == server.DavNoScope:
			l.Scope = server.DavExclusive
		case e.name == "lockscope" && inner == "shared" && l.Scope == server.DavNoScope:
			l.Scope = server.DavShared
		case e.name == "owner" && l.Owner == "":
			l.Owner = e.full(doc.spaces)
		default:
			return newError(412, "The server cannot satisfy the LOCK request due to an unknown XML element (\""+e.name+
				"\") within the DAV:lockinfo element.")
		}
	}
	return nil
}

// lock makes a lock, or gives those that the If field names a new time.
func (m *method) lock(r *server.Request) server.Status {
	doc, s := readXML(r)
	if s != server.OK {
		return s
	}
	depth, _ := depthOf(r, infinity)
	if v, has := r.FieldIn("Depth"); has && depth != infinity && v != "0" {
		elog.Error(r).Msg("AH00595: Depth must be 0 or \"infinity\" for LOCK.")
		return 400
	}
	res, s := m.resource(r)
	if s != server.OK {
		return s
	}
	if parent := m.repo.Parent(res); parent != nil && (!parent.Exists || !parent.Collection) {
		return fail(r, newError(409, "The parent resource of "+server.EscapeHTML(r.URI)+" does not exist or is not a collection."), nil)
	}
	db, err := m.provider.Locks.Open(r, server.DavLockChange)
	if err != nil {
		return fail(r, err, nil)
	}
	locks, list, err := m.makeLock(r, res, db, doc, depth)
	if err2 := db.Close(); err == nil {
		err = err2
	}
	if err != nil {
		r.Out.Unset("Lock-Token")
		return fail(r, err, list)
	}
	r.Unrepeatable()
	r.Status, r.StatusLine, r.ContentType = 200, "", xmlType
	found := "<D:lockdiscovery/>\n"
	if len(locks) > 0 {
		found = "<D:lockdiscovery>\n" + activeLocks(locks) + "\n</D:lockdiscovery>\n"
	}
	r.WriteString(xmlHead + "<D:prop xmlns:D=\"DAV:\">\n" + found + "</D:prop>")
	return server.OK
}

func (m *method) makeLock(r *server.Request, res *server.DavResource, db server.DavLockDB, doc *document, depth int) (
	[]*server.DavLock, []server.DavResponse, *server.DavError) {
	now := time.Now()
	l := &server.DavLock{Direct: true, Token: server.NewDavToken(), Infinite: depth == infinity, User: r.User}
	if doc != nil {
		if err := parseLockinfo(doc, l); err != nil {
			return nil, nil, err
		}
	}
	list, err := m.validate(r, res, validation{depth: depth, parent: m.stateOf(r, res, db) == null, scope: l.Scope, lock: true, locks: db})
	if err != nil {
		return nil, list, err.Push(err.Status, "Could not LOCK "+server.EscapeHTML(r.URI)+" due to a failed precondition (e.g. other locks).")
	}
	l.Expires = timeoutOf(r, now)
	if doc == nil {
		all, err := ifField(r)
		if err != nil {
			return nil, nil, err
		}
		tokens := positiveTokens(all)
		if tokens == nil {
			e := &server.DavError{Status: 400, ID: server.DavErrIfAbsent,
				Text: "No locktokens were specified in the \"If:\" header, so the refresh could not be performed."}
			return nil, nil, e.Push(400, "The lock refresh for "+server.EscapeHTML(r.URI)+" failed because no lock tokens were specified in an \"If:\" header.")
		}
		locks, err := db.Refresh(res, tokens, l.Expires)
		return locks, nil, err
	}
	if l.Expires != 0 {
		l.Expires = max(l.Expires, now.Unix()+m.conf.timeout)
	}
	if err := m.addLock(r, res, db, l); err != nil {
		return nil, nil, err
	}
	r.Out.Set("Lock-Token", "<"+l.Token.String()+">")
	return []*server.DavLock{l}, nil, nil
}

// addLock locks a resource and, through it, what is in it.
func (m *method) addLock(r *server.Request, res *server.DavResource, db server.DavLockDB, l *server.DavLock) *server.DavError {
	if err := db.Append(res, false, []*server.DavLock{l}); err != nil {
		return err
	}
	if !res.Collection || !l.Infinite {
		return nil
	}
	return m.repo.Walk(&server.DavWalk{Request: r, Visit: func(one *server.DavResource) *server.DavError {
		if m.repo.Same(one, res) {
			return nil
		}
		return db.Append(one, true, []*server.DavLock{l})
	}}, res, infinity)
}

// unlock removes the lock of the Lock-Token field, from all that it holds.
func (m *method) unlock(r *server.Request) server.Status {
	v, has := r.FieldIn("Lock-Token")
	if !has {
		elog.Error(r).Msgf("AH00596: Unlock failed (%s):  No Lock-Token specified in header", r.Filename)
		return 400
	}
	if len(v) < 2 || v[0] != '<' || v[len(v)-1] != '>' {
		return 400
	}
	token, err := server.ParseDavToken(v[1 : len(v)-1])
	if err != nil {
		return fail(r, err.Push(400, "The UNLOCK on "+server.EscapeHTML(r.URI)+" failed -- an invalid lock token was specified in the \"If:\" header."), nil)
	}
	res, s := m.resource(r)
	if s != server.OK {
		return s
	}
	list, err := m.validate(r, res, validation{token: &token, parent: m.stateOf(r, res, nil) == lockNull})
	if err != nil {
		return fail(r, err, list)
	}
	if s := m.release(r, res, &token); s != server.OK {
		return s
	}
	return empty(r)
}

// release removes a lock from where it was made and from all that inherited it,
// or all locks below a resource without a token (dav_unlock).
func (m *method) release(r *server.Request, res *server.DavResource, token *server.DavToken) server.Status {
	db, err := m.provider.Locks.Open(r, server.DavLockChange)
	if err != nil {
		return 500
	}
	err = m.releaseIn(r, res, db, token)
	if err2 := db.Close(); err == nil {
		err = err2
	}
	if err != nil {
		logError(r, err)
		return server.Status(err.Status)
	}
	return server.OK
}

func (m *method) releaseIn(r *server.Request, res *server.DavResource, db server.DavLockDB, token *server.DavToken) *server.DavError {
	for token != nil {
		l, err := db.Find(res, *token)
		switch {
		case err != nil:
			return err
		case l == nil:
			return newError(400, "The specified locktoken does not correspond to an existing lock on this resource.")
		}
		if l.Direct {
			break
		}
		if res = m.repo.Parent(res); res == nil {
			return newError(500, "The lock database is corrupt. A direct lock could not be found for the corresponding indirect lock on this resource.")
		}
	}
	if err := db.Remove(res, token); err != nil {
		return err
	}
	if !res.Collection {
		return nil
	}
	return m.repo.Walk(&server.DavWalk{Request: r, Locks: db, Visit: func(one *server.DavResource) *server.DavError {
		return db.Remove(one, token)
	}}, res, infinity)
}

// notify tells the locks that a resource has come to be (dav_notify_created). It
// inherits those of the collection around.
func (m *method) notify(r *server.Request, res *server.DavResource, was state, depth int) *server.DavError {
	if was == exists || was == unknown {
		return nil
	}
	db, err := m.provider.Locks.Open(r, server.DavLockChange)
	if err != nil {
		return err
	}
	if was == null {
		if err = m.inherit(r, res, db, true); err != nil {
			err = err.Push(err.Status, "The resource was created successfully, but there was a problem inheriting locks from the parent resource.")
		}
	} else if err = db.Created(res); err == nil && depth != 0 {
		err = m.inherit(r, res, db, false)
	}
	if err2 := db.Close(); err == nil {
		err = err2
	}
	return err
}

// inherit hands locks down to a resource and what is in it: those of the
// collection around, or the resource's own.
func (m *method) inherit(r *server.Request, res *server.DavResource, db server.DavLockDB, fromParent bool) *server.DavError {
	from := res
	if fromParent {
		if from = m.repo.Parent(res); from == nil {
			return newError(500, "Could not fetch parent resource. Unable to inherit locks from the parent and apply them to this resource.")
		}
	}
	locks, err := db.Locks(from, false)
	if err != nil {
		return err
	}
	var down []*server.DavLock
	for _, l := range locks {
		if !l.Direct || l.Infinite {
			down = append(down, l)
		}
	}
	if down == nil {
		return nil
	}
	return m.repo.Walk(&server.DavWalk{Request: r, Locks: db, Visit: func(one *server.DavResource) *server.DavError {
		if !fromParent && m.repo.Same(one, res) {
			return nil
		}
		return db.Append(one, true, down)
	}}, res, infinity)
}
