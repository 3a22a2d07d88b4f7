package dav

import (
	"fmt"
	"slices"
	"strings"

	"github.com/donjon-httpd/donjon/server"
)

// validation is what a method asks before it changes something
// (dav_validate_request): the request's conditions, and whether it names the
// locks of what it changes.
type validation struct {
	depth      int
	parent     bool            // the collection around changes too
	unmodified bool            // the resource itself does not
	scope      server.DavScope // of a lock that is wanted
	lock       bool            // the method is LOCK
	dependent  bool            // members that fail make it 424, not 207
	token      *server.DavToken
	locks      server.DavLockDB // open already; nil
}

// mostShared is how many shared locks a resource may have (observed on 2.4.71).
const mostShared = 1026

// validate answers nil when the request may go on. Members that fail come beside
// the error.
func (m *method) validate(r *server.Request, res *server.DavResource, v validation) ([]server.DavResponse, *server.DavError) {
	if s := m.conditions(r, res); s != server.OK {
		return nil, newError(int(s), "")
	}
	all, err := ifField(r)
	if err != nil {
		return nil, err
	}
	if v.token != nil {
		own := condition{uri: trimSlash(res.URI), terms: []term{{kind: lockTerm, lock: *v.token}}, dummy: true}
		all = append([]condition{own}, all...)
	}
	db := v.locks
	if db == nil {
		if db, err = m.provider.Locks.Open(r, server.DavLockCheck); err != nil {
			return nil, err
		}
		defer db.Close()
	}
	check := &checker{m: m, r: r, db: db, all: all, v: v}
	var list []server.DavResponse
	if res.Exists && v.depth != 0 && (all != nil || !v.unmodified) {
		walk := &server.DavWalk{Request: r, Locks: db, Visit: func(one *server.DavResource) *server.DavError {
			err := check.resource(one, false)
			if err == nil || err.Status >= 500 || m.repo.Same(one, res) {
				return err
			}
			list = append(list, server.DavResponse{Href: one.URI, Status: err.Status})
			return nil
		}}
		err = m.repo.Walk(walk, res, infinity)
		slices.Reverse(list) // as Apache, which puts each before the others
	} else {
		err = check.resource(res, false)
	}
	if err != nil {
		return nil, err
	}
	if v.parent {
		if list, err = check.parent(res, list); err != nil {
			return nil, err
		}
	}
	if list == nil {
		return nil, nil
	}
	const other = "An error occurred on another resource, preventing the requested operation on this resource."
	if v.dependent {
		return list, newError(424, other)
	}
	first := server.DavResponse{Href: res.URI, Status: 424, Text: other}
	if v.lock {
		first.Propstats = "<D:propstat>\n<D:prop><D:lockdiscovery/></D:prop>\n<D:status>HTTP/1.1 424 Failed Dependency</D:status>\n</D:propstat>\n"
	}
	return append([]server.DavResponse{first}, list...), newError(207, "Error(s) occurred on resources during the validation process.")
}

// conditions are those of HTTP; "*" asks whether there is a resource.
func (m *method) conditions(r *server.Request, res *server.DavResource) server.Status {
	if v, has := r.FieldIn("If-Match"); has && strings.HasPrefix(v, "*") && !res.Exists {
		return 412
	}
	_, had := r.Out.Lookup("ETag")
	if tag := m.repo.ETag(r, res); tag != "" && !had {
		r.Out.Set("ETag", tag)
		defer r.Out.Unset("ETag")
	}
	s := r.MeetsConditions()
	if s == 412 {
		if v, has := r.FieldIn("If-None-Match"); has && strings.HasPrefix(v, "*") && !res.Exists {
			return server.OK
		}
	}
	return s
}

// parent judges the collection around; what fails there is told of it, not of the request.
func (c *checker) parent(res *server.DavResource, list []server.DavResponse) ([]server.DavResponse, *server.DavError) {
	parent := c.m.repo.Parent(res)
	if parent == nil {
		return nil, newError(403, "Cannot access parent of repository root.")
	}
	err := c.resource(parent, true)
	if err == nil {
		return list, nil
	}
	p := server.DavResponse{Href: parent.URI, Status: err.Status,
		Text: "A validation error has occurred on the parent resource, preventing the operation on the resource specified by the Request-URI."}
	if err.Text != "" {
		p.Text += " The error was: " + err.Text
	}
	return append([]server.DavResponse{p}, list...), nil
}

type checker struct {
	m   *method
	r   *server.Request
	db  server.DavLockDB
	all []condition
	v   validation
}

// resource judges one resource (dav_validate_resource_state).
func (c *checker) resource(res *server.DavResource, isParent bool) *server.DavError {
	locks, err := c.db.Locks(res, true)
	if err != nil {
		return err.Push(500, "The locks could not be queried for verification against a possible \"If:\" header.")
	}
	seen, err := c.allowed(locks)
	if err != nil {
		return err
	}
	if c.all == nil {
		if seen {
			return nil
		}
		return newError(423, "This resource is locked and an \"If:\" header was not supplied to allow access to the resource.")
	}
	dummy := c.all[0].dummy
	if len(locks) == 0 && dummy {
		if isParent {
			return nil
		}
		return newError(400, "The locktoken specified in the \"Lock-Token:\" header is invalid because this resource has no outstanding locks.")
	}
	uri, etag := trimSlash(res.URI), c.m.repo.ETag(c.r, res)
	applies, matched, reason := false, false, ""
	for _, list := range c.all {
		if list.uri != "" && list.uri != uri {
			continue
		}
		applies = true
		why, named, err := c.holds(list, locks, etag)
		seen = seen || named
		if err != nil {
			return err
		}
		if why == "" {
			matched = true
			break
		}
		reason = why
	}
	wrongToken := newError(400, "The locktoken specified in the \"Lock-Token:\" header did not specify one of this resource's locktoken(s).")
	switch {
	case (matched || !applies) && (seen || c.submitted(locks)):
		return nil
	case !applies:
		return newError(423, "This resource is locked and the \"If:\" header did not specify one of the locktokens for this resource's lock(s).")
	case dummy:
		return wrongToken
	case !matched:
		return newError(412, "The precondition(s) specified by the \"If:\" header did not match this resource. At least one failure is because: "+reason)
	}
	e := newError(423, "This resource is locked and the \"If:\" header did not specify one of the locktokens for this resource's lock(s).")
	e.ID = 1
	return e
}

// allowed judges a lock that is wanted beside those that are there. seen says that
// none of them has to be named.
func (c *checker) allowed(locks []*server.DavLock) (seen bool, err *server.DavError) {
	switch c.v.scope {
	case server.DavExclusive:
		if len(locks) > 0 {
			return false, newError(423, "Existing lock(s) on the requested resource prevent an exclusive lock.")
		}
		return true, nil
	case server.DavShared:
		for _, l := range locks {
			if l.Scope == server.DavExclusive {
				return false, newError(423, "The requested resource is already locked exclusively.")
			}
		}
		if len(locks) >= mostShared {
			return false, newError(403, "The maximum shared lock count has been reached.")
		}
		return true, nil
	}
	return len(locks) == 0 || c.v.unmodified, nil
}

// holds judges a list; why it does not is told in Apache's words. named says that
// one of the resource's locks was in it.
func (c *checker) holds(list condition, locks []*server.DavLock, etag string) (why string, named bool, err *server.DavError) {
	for _, t := range list.terms {
		switch t.kind {
		case etagTerm:
			same := strings.TrimPrefix(t.etag, "W/") == strings.TrimPrefix(etag, "W/")
			switch {
			case !t.not && !same:
				return "an entity-tag was specified, but the resource's actual ETag does not match.", named, nil
			case t.not && same:
				return "an entity-tag was specified using the \"Not\" form, but the resource's actual ETag matches the provided entity-tag.", named, nil
			}
		case lockTerm:
			l := lockOf(locks, t.lock)
			named = named || l != nil
			switch {
			case l == nil && !t.not:
				return "a State-token was supplied, but it was not found in the locks on this resource.", named, nil
			case l != nil && t.not:
				return "a State-token was supplied, which used a \"Not\" condition. The State-token was found in the locks on this resource", named, nil
			case l != nil && l.User != "" && l.User != c.r.User:
				return "", named, newError(403, fmt.Sprintf("User \"%s\" submitted a locktoken created by user \"%s\".", c.r.User, l.User))
			}
		case unknownTerm:
			if !t.not {
				return "an unknown state token was supplied", named, nil
			}
		}
	}
	return "", named, nil
}

func lockOf(locks []*server.DavLock, token server.DavToken) *server.DavLock {
	for _, l := range locks {
		if l.Token == token {
			return l
		}
	}
	return nil
}

// submitted tells whether the If field asserts one of the locks anywhere. One that
// another user has made, or that stands behind "Not", does not count.
func (c *checker) submitted(locks []*server.DavLock) bool {
	for _, list := range c.all {
		for _, t := range list.terms {
			if t.kind != lockTerm || t.not {
				continue
			}
			if l := lockOf(locks, t.lock); l != nil && (l.User == "" || l.User == c.r.User) {
				return true
			}
		}
	}
	return false
}
