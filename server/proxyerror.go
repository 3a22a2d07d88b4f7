package server

import "strconv"

// ProxyError says why a proxy could not answer, in the log and to the client,
// and gives the status (ap_proxyerror).
func (r *Request) ProxyError(status Status, message string) Status {
	return r.ProxyErrorOf(status, nil, message)
}

// ProxyErrorOf is ProxyError with a cause for the log.
func (r *Request) ProxyErrorOf(status Status, cause error, message string) Status {
	r.Notes.Set("error-notes", "The proxy server could not handle the request<p>Reason: <strong>"+EscapeHTML(message)+"</strong></p>")
	r.Notes.Set("verbose-error-to", "*")
	r.StatusLine = strconv.Itoa(int(status)) + " Proxy Error"
	e := proxylog.Error(r)
	if cause != nil {
		e = e.Err(cause)
	}
	e.Msgf("AH00898: %s returned by %s", message, r.URI)
	return status
}

// Lengthless says that the error page that follows does not tell its length, as
// one that comes out of a filter of Apache's.
func (r *Request) Lengthless() { r.lengthless = true }
