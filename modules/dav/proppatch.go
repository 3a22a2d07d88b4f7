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
	list, failed, s := m.changes(r, res, doc)
	if s != server.OK {
		return s
	}
	if !failed {
		failed = m.apply(res, doc, list)
	}
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

// changes collects what the body wants, and judges whether it can be.
func (m *method) changes(r *server.Request, res *server.DavResource, doc *document) (list []*change, failed bool, s server.Status) {
	for _, command := range doc.root.children {
		if !command.is("set") && !command.is("remove") {
			continue
		}
		group := command.child("prop")
		if group == nil {
			elog.Error(r).Msg("AH00588: A \"prop\" element is missing inside the propertyupdate command.")
			return nil, false, 400
		}
		for _, e := range group.children {
			c := &change{prop: e, remove: command.name == "remove"}
			m.judge(res, doc, c)
			failed = failed || c.err != nil
			list = append(list, c)
		}
	}
	return list, failed, server.OK
}

func (m *method) judge(res *server.DavResource, doc *document, c *change) {
	uri := doc.uri(c.prop)
	known := func(list []server.DavLiveProperty) (l server.DavLiveProperty, ok bool) {
		for _, l := range list {
			if l.Space == uri && l.Name == c.prop.name {
				return l, true
			}
		}
		return l, false
	}
	_, core := known(coreProperties)
	l, live := known(m.repo.Live())
	switch {
	case core || live && !l.Writable || live && res.Collection:
		c.err = &server.DavError{Status: 409, ID: server.DavErrPropReadonly, Text: "Property is read-only."}
	case live:
		value := c.prop.text
		if len(c.prop.children) > 0 {
			value += c.prop.children[0].after
		}
		c.do, c.err = m.repo.PatchLive(res, l, value, c.remove)
	}
}

// apply makes the changes; the first one that fails takes all of them back.
func (m *method) apply(res *server.DavResource, doc *document, list []*change) (failed bool) {
	var db server.DavPropertyDB
	var numbers []int
	var undo []func()
	for _, c := range list {
		if c.do != nil {
			back, err := c.do()
			if c.err = err; err != nil {
				failed = true
				break
			}
			if back != nil {
				undo = append(undo, back)
			}
			continue
		}
		if db == nil {
			var err *server.DavError
			if db, err = m.provider.Properties.Write(res); err == nil {
				numbers, err = db.Map(doc.spaces)
			}
			if err != nil {
				c.err = &server.DavError{Status: 500, ID: server.DavErrPropExec, Text: "Could not execute PROPPATCH.", Under: err}
				failed = true
				break
			}
		}
		name := server.DavName{Space: doc.uri(c.prop), Name: c.prop.name}
		if c.remove {
			db.Delete(name)
		} else {
			db.Set(name, c.prop.lang, c.prop.inner(numbers))
		}
	}
	if db != nil {
		if err := db.Close(!failed); err != nil {
			list[len(list)-1].err = &server.DavError{Status: 500, ID: server.DavErrPropExec, Text: "Could not execute PROPPATCH.", Under: err}
			failed = true
		}
	}
	if failed {
		for i := len(undo) - 1; i >= 0; i-- {
			undo[i]()
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
