package dav

import (
	"strconv"
	"strings"

	"github.com/donjon-httpd/donjon/server"
)

// change is one property to set or to remove.
type change struct {
	prop   *element
	remove bool
	err    *server.DavError
	do     func() (undo func(), err *server.DavError) // of a live property; nil: it is stored
}

// proppatch changes all of the properties that it names, or none.
func (m *method) proppatch(r *server.Request) server.Status {
	res, s := m.resource(r)
	if s != server.OK {
		return s
	}
	doc, s := readXML(r)
	if s != server.OK {
		return s
	}
	if !res.Exists {
		return 404
	}
	if doc == nil || !doc.root.is("propertyupdate") {
		elog.Error(r).Msg("AH00587: The request body does not contain a \"propertyupdate\" element.")
		return 400
	}
	if _, err := m.validate(r, res, validation{}); err != nil {
		return fail(r, err, nil)
	}
	p := &patch{m: m, res: res, doc: doc}
	failed, s := p.collect(r)
	if s == server.OK && !failed {
		failed = p.apply()
	}
	failed = p.close(failed)
	if s != server.OK {
		return s
	}
	list := p.list
	text := patched(list)
	if failed {
		text = unpatched(list)
	}
	for _, c := range list {
		logError(r, c.err)
	}
	multistatus(r, 207, doc.spaces)
	writeResponse(r, &server.DavResponse{Href: res.URI, Propstats: text})
	r.WriteString("</D:multistatus>\n")
	return server.OK
}

// patch is the work on one PROPPATCH.
type patch struct {
	m    *method
	res  *server.DavResource
	doc  *document
	list []*change
	db   server.DavPropertyDB // opened with the first property that is stored
	shut bool                 // it could not be
	undo []func()
}

// collect reads what the body wants, and judges whether it can be.
func (p *patch) collect(r *server.Request) (failed bool, s server.Status) {
	for _, command := range p.doc.root.children {
		if !command.is("set") && !command.is("remove") {
			continue
		}
		group := command.child("prop")
		if group == nil {
			elog.Error(r).Msg("AH00588: A \"prop\" element is missing inside the propertyupdate command.")
			return false, 400
		}
		for _, e := range group.children {
			c := &change{prop: e, remove: command.name == "remove"}
			p.judge(c)
			failed = failed || c.err != nil
			p.list = append(p.list, c)
		}
	}
	return failed, server.OK
}

func (p *patch) name(c *change) server.DavName {
	return server.DavName{Space: p.doc.uri(c.prop), Name: c.prop.name}
}

func (p *patch) judge(c *change) {
	name := p.name(c)
	known := func(list []server.DavLiveProperty) (l server.DavLiveProperty, ok bool) {
		for _, l := range list {
			if l.Space == name.Space && l.Name == name.Name {
				return l, true
			}
		}
		return l, false
	}
	_, core := known(coreProperties)
	l, live := known(p.m.repo.Live())
	switch {
	case core || live && !l.Writable || live && p.res.Collection:
		c.err = &server.DavError{Status: 409, ID: server.DavErrPropReadonly, Text: "Property is read-only."}
	case live:
		value := c.prop.text.String()
		if len(c.prop.children) > 0 {
			value += c.prop.children[0].after.String()
		}
		c.do, c.err = p.m.repo.PatchLive(p.res, l, value, c.remove)
	case p.shut:
		c.err = &server.DavError{Status: 500, ID: server.DavErrPropNoDatabase,
			Text: "Attempted to set/remove a property without a valid, open, read/write property database."}
	case p.db == nil:
		var err *server.DavError
		if p.db, err = p.m.provider.Properties.Write(p.res); err != nil {
			p.db, p.shut = nil, true
			c.err = &server.DavError{Status: 500, ID: server.DavErrPropOpening, Text: "Could not open the property database.", Under: err}
		}
	}
}

// apply makes the changes up to the first one that fails.
func (p *patch) apply() (failed bool) {
	var numbers []int
	for _, c := range p.list {
		if c.do != nil {
			back, err := c.do()
			if c.err = err; err != nil {
				return true
			}
			if back != nil {
				p.undo = append(p.undo, back)
			}
			continue
		}
		if numbers == nil {
			var err *server.DavError
			if numbers, err = p.db.Map(p.doc.spaces); err != nil {
				c.err = unexecuted(err)
				return true
			}
		}
		if c.remove {
			p.db.Delete(p.name(c))
		} else {
			p.db.Set(p.name(c), c.prop.lang, c.prop.inner(numbers))
		}
	}
	return false
}

func unexecuted(err *server.DavError) *server.DavError {
	return &server.DavError{Status: 500, ID: server.DavErrPropExec, Text: "Could not execute PROPPATCH.", Under: err}
}

// close keeps the changes, or takes them back when one has failed.
func (p *patch) close(failed bool) bool {
	if p.db != nil {
		if err := p.db.Close(!failed && len(p.list) > 0); err != nil {
			p.list[len(p.list)-1].err, failed = unexecuted(err), true
		}
	}
	if failed {
		for i := len(p.undo) - 1; i >= 0; i-- {
			p.undo[i]()
		}
	}
	return failed
}

func patched(list []*change) string {
	var b strings.Builder
	for _, c := range list {
		b.WriteString(c.prop.empty())
	}
	return propstat(b.String(), "200 OK")
}

func unpatched(list []*change) string {
	var b strings.Builder
	for _, c := range list {
		if c.err == nil {
			c.err = newError(424, "Attempted DAV:set operation could not be completed due to other errors.")
			if c.remove {
				c.err = newError(424, "Attempted DAV:remove operation could not be completed due to other errors.")
			}
		}
		b.WriteString("<D:propstat>\n<D:prop>" + c.prop.empty() + "</D:prop>\n<D:status>HTTP/1.1 " + strconv.Itoa(c.err.Status) +
			" (status)</D:status>\n<D:responsedescription>\n" + c.err.Text + "</D:responsedescription>\n</D:propstat>\n")
	}
	return b.String()
}
