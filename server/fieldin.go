package server

import (
	"net/http"
	"slices"
	"strings"
)

// SetFieldIn replaces a field of the request, or adds one.
func (r *Request) SetFieldIn(name, value string) {
	r.Unrepeatable()
	r.Header.Set(name, value)
	if !slices.ContainsFunc(r.FieldOrder, func(n string) bool { return strings.EqualFold(n, name) }) {
		r.FieldOrder = append(slices.Clip(r.FieldOrder), name)
	}
}

// UnsetFieldIn removes a field of the request.
func (r *Request) UnsetFieldIn(name string) {
	r.Unrepeatable()
	delete(r.Header, http.CanonicalHeaderKey(name))
	r.FieldOrder = slices.DeleteFunc(slices.Clone(r.FieldOrder), func(n string) bool { return strings.EqualFold(n, name) })
}
