package dav

import (
	"slices"
	"strings"

	"github.com/donjon-httpd/donjon/server"
)

// options says what the resource can do.
func (m *method) options(r *server.Request) server.Status {
	res, s := m.resource(r)
	if s != server.OK {
		return s
	}
	doc, s := readXML(r)
	if s != server.OK {
		return s
	}
	if doc != nil && !doc.root.is("options") {
		elog.Error(r).Msg("AH00584: The \"options\" element was not found.")
		return 400
	}
	r.Unrepeatable() // locks come and go
	r.Out.Set("DAV", "1,2")
	if set := m.repo.PropertySet(); set != "" {
		r.Out.Add("DAV", set)
	}
	r.Out.Set("MS-Author-Via", "DAV")
	methods := m.methods(r, res)
	r.Out.Set("Allow", strings.Join(methods, ","))
	if doc == nil {
		r.SetContentLength(0)
		return server.OK
	}
	var b strings.Builder
	for _, e := range doc.root.children {
		var err *server.DavError
		switch {
		case e.is("supported-method-set"):
			err = supportedMethods(&b, e, methods)
		case e.is("supported-live-property-set"):
			err = m.supportedProperties(&b, r, res, e)
		case e.is("supported-report-set"):
			err = supportedReports(&b, e)
		}
		if err != nil {
			return fail(r, err, nil)
		}
	}
	r.Status, r.StatusLine, r.ContentType = 200, "", xmlType
	r.WriteString(xmlHead + "<D:options-response xmlns:D=\"DAV:\">\n" + b.String() + "</D:options-response>\n")
	return server.OK
}

func (m *method) methods(r *server.Request, res *server.DavResource) []string {
	switch m.stateOf(r, res, nil) {
	case exists:
		list := []string{"OPTIONS", "GET", "HEAD", "POST", "DELETE", "TRACE", "PROPFIND", "PROPPATCH", "COPY", "MOVE"}
		if !res.Collection {
			list = append(list, "PUT")
		}
		return append(list, "LOCK", "UNLOCK")
	case lockNull:
		return []string{"OPTIONS", "MKCOL", "PROPFIND", "PUT", "LOCK", "UNLOCK"}
	case unknown:
		return []string{"OPTIONS"}
	}
	return []string{"OPTIONS", "MKCOL", "PUT", "LOCK"}
}

// asksFor reads the elements of one of the sets: the name and the namespace that
// each asks for. none is the error for one without a name.
func asksFor(set *element, of, none string, f func(name, space string)) *server.DavError {
	for _, e := range set.children {
		if !e.is(of) {
			continue
		}
		name, space := "", davSpace
		for _, a := range e.attrs {
			switch {
			case a.space != davIndex:
			case a.name == "name":
				name = a.value
			case a.name == "namespace":
				space = a.value
			}
		}
		if name == "" {
			return newError(400, none)
		}
		f(name, space)
	}
	return nil
}

func supportedMethods(b *strings.Builder, set *element, methods []string) *server.DavError {
	b.WriteString("<D:supported-method-set>\n")
	show := func(name, _ string) {
		if slices.ContainsFunc(methods, func(m string) bool { return strings.EqualFold(m, name) }) {
			b.WriteString("<D:supported-method D:name=\"" + name + "\"/>\n")
		}
	}
	if len(set.children) == 0 {
		for _, name := range methods {
			show(name, "")
		}
	}
	err := asksFor(set, "supported-method", "A DAV:supported-method element does not have a \"name\" attribute", show)
	b.WriteString("</D:supported-method-set>\n")
	return err
}

func (m *method) supportedProperties(b *strings.Builder, r *server.Request, res *server.DavResource, set *element) *server.DavError {
	db, err := m.provider.Locks.Open(r, server.DavLockRead)
	if err != nil {
		return err.Push(err.Status, "The lock database could not be opened, preventing the reporting of supported lock properties.")
	}
	defer db.Close()
	p := &properties{m: m, r: r, res: res, db: db, ask: &asked{what: supported, discovery: true}}
	b.WriteString("<D:supported-live-property-set>\n")
	if len(set.children) == 0 {
		b.WriteString(p.all())
	}
	err = asksFor(set, "supported-live-property", "A DAV:supported-live-property element does not have a \"name\" attribute",
		func(name, space string) {
			if l, _, ok, _ := p.live(server.DavName{Space: space, Name: name}); ok {
				b.WriteString(p.text(l, ""))
			}
		})
	b.WriteString("</D:supported-live-property-set>\n")
	return err
}

// supportedReports are none.
func supportedReports(b *strings.Builder, set *element) *server.DavError {
	b.WriteString("<D:supported-report-set>\n</D:supported-report-set>\n")
	return asksFor(set, "supported-report", "A DAV:supported-report element does not have a \"name\" attribute", func(string, string) {})
}
