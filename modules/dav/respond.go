package dav

import (
	"strings"

	"github.com/donjon-httpd/donjon/server"
)

const (
	xmlType = `text/xml; charset="utf-8"`
	xmlHead = `<?xml version="1.0" encoding="utf-8"?>` + "\n"
)

// answer is a page with Apache's frame for WebDAV (dav_error_response).
func answer(r *server.Request, status int, text string) server.Status {
	r.Unrepeatable()
	r.Status, r.StatusLine = status, ""
	r.ContentType = "text/html; charset=ISO-8859-1"
	line := server.StatusText(status)
	r.WriteString("<!DOCTYPE HTML PUBLIC \"-//W3C//DTD HTML 4.01//EN\" \"http://www.w3.org/TR/html4/strict.dtd\">\n<html>\n<head>\n<title>" + line +
		"</title>\n</head><body>\n<h1>" + line[4:] + "</h1>\n<p>" + text + "</p>\n" + r.Signature("<hr />\n") + "</body></html>\n")
	return server.OK
}

// created is 201 with the place of what is new, or 204 when it replaced something.
// uri is escaped.
func created(r *server.Request, uri, what string, replaced bool) server.Status {
	if replaced {
		return empty(r)
	}
	r.Out.Set("Location", r.ConstructURL(uri))
	return answer(r, 201, what+" "+server.EscapeHTML(uri)+" has been created.")
}

func empty(r *server.Request) server.Status {
	r.Unrepeatable()
	r.Status, r.StatusLine = 204, ""
	return server.OK
}

// fail logs an error from its outermost description to its cause, and answers
// with its status, or with what failed for members (dav_handle_err).
func fail(r *server.Request, err *server.DavError, list []server.DavResponse) server.Status {
	r.Unrepeatable()
	logError(r, err)
	if list == nil {
		r.Notes.Set("verbose-error-to", "*")
		return server.Status(err.Status)
	}
	multistatus(r, err.Status, nil)
	for i := range list {
		writeResponse(r, &list[i])
	}
	r.WriteString("</D:multistatus>\n")
	return server.OK
}

func logError(r *server.Request, err *server.DavError) {
	for ; err != nil; err = err.Under {
		if err.Text == "" {
			continue
		}
		e := elog.Error(r)
		if err.Cause != nil {
			e = e.Err(err.Cause)
		}
		e.Msgf("%s  [%d, #%d]", err.Text, err.Status, err.ID)
	}
}

// newError is an error without a cause.
func newError(status int, text string) *server.DavError {
	return &server.DavError{Status: status, Text: text}
}

// multistatus begins the body; spaces are those of the request's body.
func multistatus(r *server.Request, status int, spaces []string) {
	r.Unrepeatable()
	r.Status, r.StatusLine = status, ""
	r.ContentType = xmlType
	r.WriteString(xmlHead + `<D:multistatus xmlns:D="DAV:"` + declare(spaces) + ">\n")
}

func writeResponse(r *server.Request, p *server.DavResponse) {
	var b strings.Builder
	b.WriteString("<D:response" + p.Spaces + ">\n<D:href>" + server.EscapeXML(server.EscapeURIPath(p.Href)) + "</D:href>\n")
	if p.Propstats == "" {
		b.WriteString("<D:status>HTTP/1.1 " + server.StatusText(p.Status) + "</D:status>\n")
	} else {
		b.WriteString(p.Propstats)
	}
	if p.Text != "" {
		b.WriteString("<D:responsedescription>" + p.Text + "</D:responsedescription>\n")
	}
	b.WriteString("</D:response>\n")
	r.WriteString(b.String())
}

// propstat is an element of that name; props are XML.
func propstat(props, status string) string {
	return "<D:propstat>\n<D:prop>\n" + props + "</D:prop>\n<D:status>HTTP/1.1 " + status + "</D:status>\n</D:propstat>\n"
}
