package server

import "strconv"

// ProxyError says why a proxy could not answer, in the log and to the client,
// and gives the status (ap_proxyerror).
func (r *Request) ProxyError(status Status, message string) Status {
	r.Notes.Set("error-notes", "The proxy server could not handle the request<p>Reason: <strong>"+EscapeHTML(message)+"</strong></p>")
	r.Notes.Set("verbose-error-to", "*")
	r.StatusLine = strconv.Itoa(int(status)) + " Proxy Error"
	proxylog.Error(r).Msgf("AH00898: %s returned by %s", message, r.URI)
	return status
}
