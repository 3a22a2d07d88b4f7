package dav

import (
	"io"
	"strconv"
	"strings"

	"github.com/donjon-httpd/donjon/server"
)

// put writes the body as the resource's content, or a part of it.
func (m *method) put(r *server.Request) server.Status {
	res, s := m.resource(r)
	if s != server.OK {
		return s
	}
	if res.Collection {
		return answer(r, 409, "Cannot PUT to a collection.")
	}
	was := m.stateOf(r, res, nil)
	if list, err := m.validate(r, res, validation{parent: was == null}); err != nil {
		return fail(r, err, list)
	}
	at, ranged, ok := contentRange(r)
	if !ok {
		return answer(r, 400, "Malformed Content-Range header for PUT "+server.EscapeHTML(r.URI)+".")
	}
	stream, err := m.repo.Open(res, ranged)
	if err != nil {
		return fail(r, err.Push(err.Status, "Unable to PUT new contents for "+server.EscapeHTML(r.URI)+"."), nil)
	}
	err = receive(r, stream, at)
	if err2 := stream.Close(err == nil); err == nil {
		err = err2
	}
	if err != nil {
		return fail(r, err, nil)
	}
	if err := m.notify(r, res, was, 0); err != nil {
		return fail(r, err.Push(err.Status, "The file was PUT successfully, but there was a problem updating its lock information."), nil)
	}
	return created(r, server.EscapeURIPath(r.URI), "Resource", was == exists)
}

// receive writes the request's body from offset at on. What is left of the body
// after an error is read, too.
func receive(r *server.Request, out server.DavStream, at int64) (failure *server.DavError) {
	if r.Body == nil {
		return nil
	}
	buf := make([]byte, 32<<10)
	for {
		n, err := r.Body.Read(buf)
		if n > 0 && failure == nil {
			if _, err := out.WriteAt(buf[:n], at); err != nil {
				failure = out.Failed(err)
			}
			at += int64(n)
		}
		switch {
		case err == io.EOF:
			return failure
		case err != nil:
			return &server.DavError{Status: int(r.BodyFailed(err)), Cause: err,
				Text: "An error occurred while reading the request body (URI: " + server.EscapeHTML(r.URI) + ")"}
		}
	}
}

// remove is DELETE.
func (m *method) remove(r *server.Request) server.Status {
	if s := r.DiscardBody(); s != server.OK {
		return s
	}
	res, s := m.resource(r)
	if s != server.OK {
		return s
	}
	if !res.Exists {
		return 404
	}
	depth, ok := depthOf(r, infinity)
	if res.Collection && (depth != infinity || !ok) {
		elog.Error(r).Msg("AH00582: Depth must be \"infinity\" for DELETE of a collection.")
		return 400
	}
	if !res.Collection && depth == 1 {
		elog.Error(r).Msg("AH00583: Depth of \"1\" is not allowed for DELETE.")
		return 400
	}
	uri := server.EscapeHTML(r.URI)
	if list, err := m.validate(r, res, validation{depth: depth, parent: true, dependent: true}); err != nil {
		return fail(r, err.Push(err.Status, "Could not DELETE "+uri+" due to a failed precondition (e.g. locks)."), list)
	}
	if s := m.release(r, res, nil); s != server.OK {
		return s
	}
	if list, err := m.repo.Remove(res); err != nil {
		return fail(r, err.Push(err.Status, "Could not DELETE "+uri+"."), list)
	}
	return empty(r)
}

func (m *method) mkcol(r *server.Request) server.Status {
	if r.ContentLength != 0 {
		return 415
	}
	res, s := m.resource(r)
	if s != server.OK {
		return s
	}
	if res.Exists {
		return 405
	}
	was := m.stateOf(r, res, nil)
	if list, err := m.validate(r, res, validation{parent: was == null}); err != nil {
		return fail(r, err, list)
	}
	if err := m.repo.MakeCollection(res); err != nil {
		return fail(r, err, nil)
	}
	if err := m.notify(r, res, was, 0); err != nil {
		return fail(r, err.Push(err.Status, "The MKCOL was successful, but there was a problem updating its lock information."), nil)
	}
	return created(r, server.EscapeURIPath(r.URI), "Collection", false)
}

// destined is where a COPY or MOVE leads.
type destined struct {
	sub    *server.Request
	to     *server.DavResource
	target string // the escaped path
}

// destination looks up what the Destination field names; a status other than OK
// ends the request.
func (m *method) destination(r *server.Request) (d *destined, s server.Status) {
	dest, has := r.FieldIn("Destination")
	if !has {
		host, ok1 := r.FieldIn("Host")
		path, ok2 := r.FieldIn("New-uri") // of Netscape's Roaming Profiles
		if !ok1 || !ok2 {
			elog.Error(r).Msg("AH00591: The request is missing a Destination header.")
			return nil, 400
		}
		dest = "http://" + host + path
	}
	target, err := parseDestination(r, dest)
	if err != nil {
		if err.Status == 400 {
			elog.Error(r).Msgf("AH00592: %s", err.Text)
			return nil, 400
		}
		return nil, answer(r, err.Status, err.Text)
	}
	if target == "" { // a subrequest is relative then
		target = r.URI[:strings.LastIndexByte(r.URI, '/')+1]
	}
	sub := r.SubRequestMethodURI(r.Method, target)
	if sub.Status != 200 {
		if auth, ok := sub.ErrOut.Lookup("WWW-Authenticate"); ok && sub.Status == 401 {
			r.ErrOut.Set("WWW-Authenticate", auth)
		}
		return nil, answer(r, sub.Status, "Destination URI had an error.")
	}
	other := slot.Of(sub.Dir).provider
	if other == nil {
		return nil, fail(r, newError(405, "DAV not enabled for "+server.EscapeHTML(sub.URI)), nil)
	}
	to, err := other.Repository.Resource(sub)
	if err != nil {
		return nil, fail(r, err.Push(err.Status, "Could not fetch resource information."), nil)
	}
	if other != m.provider {
		return nil, answer(r, 502, "Destination URI is handled by a different repository than the source URI. MOVE or COPY between repositories is not possible.")
	}
	return &destined{sub, to, target}, server.OK
}

// parseDestination gives the path of a Destination, which must be a URI of this
// server's scheme; its host and port are not compared (dav_lookup_uri).
func parseDestination(r *server.Request, dest string) (string, *server.DavError) {
	u, ok := splitURI(dest)
	switch {
	case !ok:
		return "", newError(400, "Invalid syntax in Destination URI.")
	case u.scheme == "":
		return "", newError(400, "Destination URI must be an absolute URI.")
	case u.rest != "":
		return "", newError(400, "Destination URI contains invalid components (a query or a fragment).")
	}
	if scheme := r.Scheme(); !strings.EqualFold(u.scheme, scheme) {
		want := strconv.Itoa(int(r.Conn.Local.Port()))
		port := u.port
		if port == "" {
			port = schemePorts[strings.ToLower(u.scheme)]
		}
		if port == "" {
			port = want
		}
		return "", newError(502, "Destination URI refers to different scheme or port ("+u.scheme+"://hostname:"+port+
			")\n(want: "+scheme+"://hostname:"+want+")")
	}
	return u.path, nil
}

// copyMove is COPY and MOVE.
func (m *method) copyMove(r *server.Request) server.Status {
	from, s := m.resource(r)
	if s != server.OK {
		return s
	}
	if !from.Exists {
		return 404
	}
	dest, s := m.destination(r)
	if dest == nil {
		return s
	}
	sub, to := dest.sub, dest.to
	over, ok := overwrite(r)
	if !ok {
		return 400
	}
	switch {
	case to.Exists && !over:
		return answer(r, 412, "Destination is not empty and Overwrite is not \"T\"")
	case m.repo.Same(from, to):
		return answer(r, 403, "Source and Destination URIs are the same.")
	}
	move := r.Method == "MOVE"
	depth, ok := depthOf(r, infinity)
	switch {
	case !ok:
		return 400
	case depth == 1:
		elog.Error(r).Msg("AH00593: Depth must be \"0\" or \"infinity\" for COPY or MOVE.")
		return 400
	case move && from.Collection && depth != infinity:
		elog.Error(r).Msg("AH00594: Depth must be \"infinity\" when moving a collection.")
		return 400
	}
	uri := server.EscapeHTML(r.URI)
	if list, err := m.validate(r, from, validation{depth: depth, parent: move, unmodified: !move, dependent: true}); err != nil {
		return fail(r, err.Push(err.Status, "Could not "+r.Method+" "+uri+" due to a failed precondition on the source (e.g. locks)."), list)
	}
	if list, err := m.validate(sub, to, validation{depth: infinity, parent: true, dependent: true}); err != nil {
		return fail(r, err.Push(err.Status, "Could not MOVE/COPY "+uri+" due to a failed precondition on the destination (e.g. locks)."), list)
	}
	switch {
	case from.Collection && depth == infinity && strings.HasPrefix(to.Path, from.Path+"/"):
		return answer(r, 403, "Source collection contains the Destination.")
	case from.Collection && strings.HasPrefix(from.Path, to.Path+"/"):
		return answer(r, 403, "Destination collection contains the Source and Overwrite has been specified.")
	}
	if s := r.DiscardBody(); s != server.OK {
		return s
	}
	if move {
		if s := m.release(r, from, nil); s != server.OK {
			return s
		}
	}
	was := m.stateOf(sub, to, nil)
	list, err := m.transfer(from, to, move, depth)
	if err != nil {
		return fail(r, err.Push(err.Status, "Could not MOVE/COPY "+uri+"."), list)
	}
	if err := m.notify(r, to, was, depth); err != nil {
		return fail(r, err.Push(err.Status, "The MOVE/COPY was successful, but there was a problem updating the lock information."), nil)
	}
	return created(r, dest.target, "Destination", was == exists)
}

// transfer puts from in to's place, which is made free first.
func (m *method) transfer(from, to *server.DavResource, move bool, depth int) ([]server.DavResponse, *server.DavError) {
	if to.Exists {
		if list, err := m.repo.Remove(to); err != nil {
			return list, err
		}
	}
	if move {
		return m.repo.Move(from, to)
	}
	return m.repo.Copy(from, to, depth)
}
