package dav

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strconv"

	"github.com/donjon-httpd/donjon/server"
)

// asked is what a PROPFIND wants to know.
type asked struct {
	what   wanted
	names  []xml.Name
	spaces []string // namespaces of the body, "DAV:" first; nil without a body
	known  map[string]bool
}

type wanted uint8

const (
	allProperties wanted = iota
	onlyNames
	named
)

// declare writes the namespaces of the body as Apache does: the last one first.
func (a *asked) declare() string {
	s := ""
	for i := len(a.spaces) - 1; i >= 0; i-- {
		s += " xmlns:ns" + strconv.Itoa(i) + "=\"" + server.EscapeHTML(a.spaces[i]) + "\""
	}
	return s
}

const (
	defaultXMLLimit = 1000000 // LimitXMLRequestBody's default
	maxDepth        = 64      // of elements in one another
)

// readPropfind reads the request's body.
func readPropfind(r *server.Request) (*asked, server.Status) {
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
		elog.Error(r).Msgf("AH00539: XML request body is larger than the configured limit of %d", limit)
		return nil, 413
	}
	ask, err := parsePropfind(b)
	switch {
	case errors.Is(err, errNotPropfind):
		elog.Error(r).Msg("AH00585: The \"propfind\" element was not found.")
		return nil, 400
	case errors.Is(err, errNothing):
		elog.Error(r).Msg("AH00586: The \"propfind\" element does not contain one of the required child elements (the specific command).")
		return nil, 400
	case err != nil:
		elog.Error(r).Msgf("AH00540: XML parser error (at end). status=20014")
		return nil, 400
	}
	return ask, server.OK
}

var (
	errNotPropfind = errors.New("no propfind element")
	errNothing     = errors.New("propfind says nothing")
	errDeep        = errors.New("elements too deep")
)

// parsePropfind reads a propfind element (RFC 4918 14.20). No body asks for all
// properties. Entities of a document type are refused, as package xml does.
func parsePropfind(b []byte) (*asked, error) {
	a := &asked{}
	if len(b) == 0 {
		return a, nil
	}
	a.spaces, a.known = []string{davSpace}, map[string]bool{davSpace: true}
	dec := xml.NewDecoder(bytes.NewReader(b))
	var path []xml.Name
	command, root := false, false
	for {
		t, err := dec.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		switch t := t.(type) {
		case xml.StartElement:
			a.note(t)
			if path = append(path, t.Name); len(path) > maxDepth {
				return nil, errDeep
			}
			root = root || len(path) == 1 && t.Name == xml.Name{Space: davSpace, Local: "propfind"}
			if len(path) == 2 && t.Name.Space == davSpace && !command {
				command = true
				switch t.Name.Local {
				case "allprop":
				case "propname":
					a.what = onlyNames
				case "prop":
					a.what = named
				default:
					command = false
				}
			}
			if len(path) == 3 && path[1] == (xml.Name{Space: davSpace, Local: "prop"}) && a.what == named {
				a.names = append(a.names, t.Name)
			}
		case xml.EndElement:
			path = path[:len(path)-1]
		}
	}
	switch {
	case !root:
		return nil, errNotPropfind
	case !command:
		return nil, errNothing
	}
	return a, nil
}

// note keeps the namespaces that an element declares.
func (a *asked) note(t xml.StartElement) {
	for _, at := range t.Attr {
		if at.Name.Space != "xmlns" && (at.Name.Space != "" || at.Name.Local != "xmlns") || at.Value == "" {
			continue
		}
		if !a.known[at.Value] {
			a.known[at.Value] = true
			a.spaces = append(a.spaces, at.Value)
		}
	}
}

func find(list []property, want xml.Name) (property, bool) {
	for _, p := range list {
		if p.space == want.Space && p.name == want.Local {
			return p, true
		}
	}
	return property{}, false
}
