package server

import (
	"net/http"
	"strconv"
	"strings"
)

// die ends a request with a status: nothing more to do after OK and Done, else
// an error document or Apache's own page (ap_die).
func (r *Request) die(s Status) { r.dieWith(s, 200) }

// dieWith is ap_die_r: recursive is the status of the error that is being
// handled already, 200 for none.
func (r *Request) dieWith(s Status, recursive int) {
	if s == 401 && r.Forward {
		s, r.StatusLine = 407, "" // the proxy asks, not the server behind it
	}
	if s == OK || s == Done {
		r.End()
		return
	}
	if s < 100 || s > 599 {
		if r.HeadSent {
			return
		}
		if s == FilterError {
			corelog.Debug(r).Msg("AH02831: Response from AP_FILTER_ERROR")
		} else {
			corelog.Error(r).Msgf("AH01579: Invalid response status %d", int(s))
		}
		s = 500
	}
	if r.HeadSent {
		r.Conn.Close = true // the client cannot be told any more
		return
	}
	first := r
	var custom ErrorDocument
	hasCustom := false
	if recursive != 200 {
		for first.Prev != nil && first.Prev.Status != 200 {
			first = first.Prev
		}
	} else {
		recursive = 0
		custom, hasCustom = CoreDir.Of(r.Dir).ErrorDocuments[int(s)]
		hasCustom = hasCustom && !custom.Default
		if d, ok := r.customTexts[int(s)]; ok {
			custom, hasCustom = d, true
		}
	}
	r.Status = int(s)
	if dropsConnection(r.Status) {
		r.Conn.Close = true
	}
	if hasCustom && custom.Expr != nil {
		text, err := custom.Expr.Eval(r)
		if err != nil {
			hasCustom = false
		} else {
			custom = classifyDocument(text, custom)
		}
	}
	switch {
	case hasCustom && custom.URL != "":
		r.Status = 302
		r.Out.Set("Location", custom.URL)
	case hasCustom && custom.Path != "":
		r.NoLocalCopy = true
		r.Env.Set("REQUEST_METHOD", r.Method)
		if notes, ok := r.Notes.Lookup("error-notes"); ok {
			r.Env.Set("ERROR_NOTES", notes)
		}
		method := r.Method
		r.Method = "GET"
		r.InternalRedirect(custom.Path)
		r.Method = method
		return
	case hasCustom && custom.Text != "":
		first.sendError(recursive, &custom)
		return
	}
	first.sendError(recursive, nil)
}

// CustomResponse has an error of this request answered with a text
// (ap_custom_response).
func (r *Request) CustomResponse(s Status, text string) {
	r.customDocument(s, ErrorDocument{Text: text})
}

// CustomDocument is CustomResponse for what may also be a URL-path or a URL.
func (r *Request) CustomDocument(s Status, text string) {
	d := ErrorDocument{Text: text}
	switch scheme, _, ok := strings.Cut(text, ":"); {
	case strings.HasPrefix(text, "/"):
		d = ErrorDocument{Path: text}
	case ok && scheme != "" && strings.Trim(scheme, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-.") == "":
		d = ErrorDocument{URL: text}
	}
	r.customDocument(s, d)
}

func (r *Request) customDocument(s Status, d ErrorDocument) {
	if r.customTexts == nil {
		r.customTexts = map[int]ErrorDocument{}
	}
	r.customTexts[int(s)] = d
}

// classifyDocument sorts the value of an ErrorDocument's expression as its
// constant form would have been.
func classifyDocument(text string, d ErrorDocument) ErrorDocument {
	switch {
	case d.Text != "":
		return ErrorDocument{Text: text}
	case strings.HasPrefix(text, "/"):
		return ErrorDocument{Path: text}
	}
	return ErrorDocument{URL: text}
}

// dropsConnection lists the statuses after which the connection is closed
// (ap_status_drops_connection).
func dropsConnection(status int) bool {
	switch status {
	case 400, 408, 411, 413, 414, 500, 503, 501:
		return true
	}
	return false
}

// headerOnly tells whether responses of a status have no body.
func headerOnly(status int) bool { return status == 204 || status == 304 }

// sendError is ap_send_error_response. It starts the response over: what the
// handler had set for a success is forgotten, ErrOut stays.
func (r *Request) sendError(recursive int, custom *ErrorDocument) {
	status := r.Status
	location, hasLocation := r.Out.Lookup("Location")
	if !hasLocation {
		location, hasLocation = r.ErrOut.Lookup("Location")
	}
	r.ended = false
	r.pending = r.pending[:0]
	r.output = nil
	InsertErrorFilter.run(r)
	r.insertProtocolFilters()
	if headerOnly(status) {
		r.End()
		return
	}
	if !r.Simple {
		r.Out = r.ErrOut.Clone()
		r.ErrOut.Clear()
		if Status(status).IsRedirect() || status == 201 {
			if hasLocation && location != "" {
				r.Out.Set("Location", location)
			} else {
				location = ""
			}
		}
		r.ContentLanguages, r.ContentEncoding = nil, ""
		r.ContentType = "text/html; charset=iso-8859-1"
		if r.Env.Has("suppress-error-charset") {
			r.suppressCharset = true
			r.ContentType = "text/html"
		}
		if status == 405 || status == 501 {
			r.Out.Set("Allow", r.allowField())
		}
		if r.HeaderOnly {
			r.End()
			return
		}
	}
	if custom != nil && custom.Text != "" {
		r.WriteString(custom.Text)
		r.End()
		return
	}
	title := r.statusTitle()
	r.WriteString("<!DOCTYPE HTML PUBLIC \"-//W3C//DTD HTML 4.01//EN\" \"http://www.w3.org/TR/html4/strict.dtd\">\n<html><head>\n<title>" + title +
		"</title>\n</head><body>\n<h1>" + title[4:] + "</h1>\n")
	r.WriteString(r.cannedText(status, location))
	if recursive != 0 {
		r.WriteString("<p>Additionally, a " + StatusText(recursive) +
			"\nerror was encountered while trying to use an ErrorDocument to handle the request.</p>\n")
	}
	r.WriteString(r.Signature("<hr>\n"))
	r.WriteString("</body></html>\n")
	r.End()
}

// statusTitle is the status line of the page: the module's, if it begins with
// the status, else the standard one.
func (r *Request) statusTitle() string {
	l := r.StatusLine
	if strings.HasPrefix(l, strconv.Itoa(r.Status)) && (len(l) == 3 || l[3] == ' ') {
		if strings.TrimSpace(l[3:]) == "" {
			r.StatusLine = l[:3] + " Unknown Reason"
		}
		return r.StatusLine
	}
	return StatusText(r.Status)
}

// StatusText is a status with Apache's words: "404 Not Found".
func StatusText(status int) string {
	if text := statusTexts[status]; text != "" {
		return text
	}
	return "500 Internal Server Error"
}

// statusTexts are the status lines. Apache's words are not always those of net/http.
var statusTexts = func() map[int]string {
	words := map[int]string{102: "Processing", 207: "Multi-Status", 302: "Found", 306: "unused", 408: "Request Timeout",
		413: "Request Entity Too Large", 414: "Request-URI Too Long", 416: "Requested Range Not Satisfiable", 418: "unused",
		422: "Unprocessable Entity", 425: "unused", 505: "HTTP Version Not Supported", 509: "unused"}
	texts := map[int]string{}
	for status := 100; status < 600; status++ {
		w := words[status]
		if w == "" {
			w = http.StatusText(status)
		}
		if w != "" {
			texts[status] = strconv.Itoa(status) + " " + w
		}
	}
	return texts
}()

func (r *Request) noted(prefix, key, suffix string) string {
	return prefix + r.Notes.Get(key) + suffix
}

// cannedText is what a generated page says (get_canned_error_string).
func (r *Request) cannedText(status int, location string) string {
	method := EscapeHTML(r.Method)
	switch status {
	case 301, 302, 307, 308:
		return "<p>The document has moved <a href=\"" + EscapeHTML(location) + "\">here</a>.</p>\n"
	case 303:
		return "<p>The answer to your request is located <a href=\"" + EscapeHTML(location) + "\">here</a>.</p>\n"
	case 400:
		return r.noted("<p>Your browser sent a request that this server could not understand.<br />\n", "error-notes", "</p>\n")
	case 403:
		return r.noted("<p>You don't have permission to access this resource.", "error-notes", "</p>\n")
	case 405:
		return "<p>The requested method " + method + " is not allowed for this URL.</p>\n"
	case 406:
		return r.noted("<p>An appropriate representation of the requested resource could not be found on this server.</p>\n", "variant-list", "")
	case 300:
		return r.Notes.Get("variant-list")
	case 411:
		return r.noted("<p>A request of the requested method "+method+" requires a valid Content-length.<br />\n", "error-notes", "</p>\n")
	case 501:
		return r.noted("<p>"+method+" not supported for current URL.<br />\n", "error-notes", "</p>\n")
	case 502:
		return r.noted("<p>The proxy server received an invalid\r\nresponse from an upstream server.<br />\r\n", "error-notes", "</p>\n")
	case 413:
		return "The requested resource does not allow request data with " + method + " requests, or the amount of data provided in\nthe request exceeds the capacity limit.\n"
	case 414:
		return r.noted("<p>The requested URL's length exceeds the capacity\nlimit for this server.<br />\n", "error-notes", "</p>\n")
	case 417:
		text := "<p>No expectation was seen, the Expect request-header \nfield was not presented by the client.\n"
		if e, ok := r.FieldIn("Expect"); ok {
			text = "<p>The expectation given in the Expect request-header\nfield could not be met by this server.\n" +
				"The client sent<pre>\n    Expect: " + EscapeHTML(e) + "\n</pre>\n"
		}
		return r.noted(text, "error-notes", "</p><p>Only the 100-continue expectation is supported.</p>\n")
	case 451:
		return r.noted("<p>Access to this URL has been denied for legal reasons.<br />\n", "error-notes", "</p>\n")
	}
	if text, ok := cannedPages[status]; ok {
		return text
	}
	if notes, ok := r.Notes.Lookup("error-notes"); ok && r.Notes.Get("verbose-error-to") == "*" {
		return notes + "<p />\n"
	}
	admin := CoreServer.Of(r.Server).ServerAdmin.Else(DefaultAdmin)
	return "<p>The server encountered an internal error or\nmisconfiguration and was unable to complete\nyour request.</p>\n" +
		"<p>Please contact the server administrator at \n " + EscapeHTML(admin) +
		" to inform them of the time this error occurred,\n and the actions you performed just before this error.</p>\n" +
		"<p>More information about this error may be available\nin the server error log.</p>\n"
}

// cannedPages are the texts that depend on nothing but the status.
var cannedPages = map[int]string{
	305: "<p>This resource is only accessible through the proxy\n<br />\nYou will need to configure your client to use that proxy.</p>\n",
	401: unauthorizedText,
	407: unauthorizedText,
	404: "<p>The requested URL was not found on this server.</p>\n",
	412: "<p>The precondition on the request for this URL evaluated to false.</p>\n",
	506: "<p>A variant for the requested resource\n<pre>\n\n</pre>\nis itself a negotiable resource. This indicates a configuration error.</p>\n",
	408: "<p>Server timeout waiting for the HTTP request from the client.</p>\n",
	410: "<p>The requested resource is no longer available on this server and there is no forwarding address.\nPlease remove all references to this resource.</p>\n",
	415: "<p>The supplied request data is not in a format\nacceptable for processing by this resource.</p>\n",
	416: "<p>None of the range-specifier values in the Range\nrequest-header field overlap the current extent\nof the selected resource.</p>\n",
	422: "<p>The server understands the media type of the\nrequest entity, but was unable to process the\ncontained instructions.</p>\n",
	423: "<p>The requested resource is currently locked.\nThe lock must be released or proper identification\ngiven before the method can be applied.</p>\n",
	424: "<p>The method could not be performed on the resource\nbecause the requested action depended on another\naction and that other action failed.</p>\n",
	426: "<p>The requested resource can only be retrieved\nusing SSL.  The server is willing to upgrade the current\nconnection to SSL, but your client doesn't support it.\nEither upgrade your client, or try requesting the page\nusing https://\n",
	428: "<p>The request is required to be conditional.</p>\n",
	429: "<p>The user has sent too many requests\nin a given amount of time.</p>\n",
	431: "<p>The server refused this request because\nthe request header fields are too large.</p>\n",
	507: "<p>The method could not be performed on the resource\nbecause the server is unable to store the\nrepresentation needed to successfully complete the\nrequest.  There is insufficient free space left in\nyour storage allocation.</p>\n",
	503: "<p>The server is temporarily unable to service your\nrequest due to maintenance downtime or capacity\nproblems. Please try again later.</p>\n",
	504: "<p>The gateway did not receive a timely response\nfrom the upstream server or application.</p>\n",
	508: "<p>The server terminated an operation because\nit encountered an infinite loop.</p>\n",
	510: "<p>A mandatory extension policy in the request is not\naccepted by the server for this resource.</p>\n",
	511: "<p>The client needs to authenticate to gain\nnetwork access.</p>\n",
	421: "<p>The client needs a new connection for this\nrequest as the requested host name does not match\nthe Server Name Indication (SNI) in use for this\nconnection.</p>\n",
}

const unauthorizedText = "<p>This server could not verify that you\nare authorized to access the document\nrequested.  Either you supplied the wrong\ncredentials (e.g., bad password), or your\nbrowser doesn't understand how to supply\nthe credentials required.</p>\n"
