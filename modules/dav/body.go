package dav

import (
	"errors"
	"io"

	"github.com/donjon-httpd/donjon/server"
)

const defaultXMLLimit = 1000000 // LimitXMLRequestBody's default

var corelog = server.NewLog("core")

// readXML reads the request's body; nil for none (ap_xml_parse_input).
func readXML(r *server.Request) (*document, server.Status) {
	if r.Body == nil {
		return nil, server.OK
	}
	limit := server.CoreDir.Of(r.Dir).LimitXMLRequestBody.Else(defaultXMLLimit)
	var body io.Reader = r.Body
	if limit > 0 {
		body = io.LimitReader(r.Body, limit+1)
	}
	b, err := io.ReadAll(body)
	switch {
	case err != nil:
		return nil, r.BodyFailed(err)
	case limit > 0 && int64(len(b)) > limit:
		corelog.Error(r).Msgf("AH00539: XML request body is larger than the configured limit of %d", limit)
		return nil, 413
	case len(b) == 0:
		return nil, server.OK
	}
	doc, err := parseXML(b)
	switch {
	case errors.Is(err, errUnfinished):
		corelog.Error(r).Msg("AH00540: XML parser error (at end). status=20014")
		return nil, 400
	case err != nil:
		corelog.Error(r).Msgf("AH00541: XML Parser Error: %s", err)
		return nil, 400
	}
	return doc, server.OK
}
