package server

import (
	"net/http"
	"slices"
	"strings"
)

// Fields is an ordered list of name and value pairs whose names are the same
// in any case: Apache's apr_table. Order and spelling are what a client sees.
// The zero Fields is empty.
type Fields struct {
	list []Field
}

// Field is one header field, note or environment variable.
type Field struct{ Name, Value string }

// Len is the number of pairs.
func (t *Fields) Len() int { return len(t.list) }

// All are the pairs in order; not to be changed.
func (t *Fields) All() []Field { return t.list }

// Get is the value of the first pair of that name, or "".
func (t *Fields) Get(name string) string {
	v, _ := t.Lookup(name)
	return v
}

// Lookup is the value of the first pair of that name and whether there is one.
func (t *Fields) Lookup(name string) (string, bool) {
	for i := range t.list {
		if equalFold(t.list[i].Name, name) {
			return t.list[i].Value, true
		}
	}
	return "", false
}

// Has tells whether a pair of that name is there.
func (t *Fields) Has(name string) bool {
	_, ok := t.Lookup(name)
	return ok
}

// Set replaces the first pair of that name in its place, keeping the first
// spelling, and removes the others; or adds one (apr_table_set).
func (t *Fields) Set(name, value string) {
	for i := range t.list {
		if equalFold(t.list[i].Name, name) {
			t.list[i].Value = value
			t.unsetFrom(i+1, name)
			return
		}
	}
	t.Add(name, value)
}

// Add appends a pair, whatever is there (apr_table_add).
func (t *Fields) Add(name, value string) {
	if t.list == nil {
		t.list = make([]Field, 0, 8)
	}
	t.list = append(t.list, Field{name, value})
}

// Merge appends value to the first pair of that name, after ", "; or adds one (apr_table_merge).
func (t *Fields) Merge(name, value string) {
	for i := range t.list {
		if equalFold(t.list[i].Name, name) {
			t.list[i].Value += ", " + value
			return
		}
	}
	t.Add(name, value)
}

// Unset removes all pairs of that name.
func (t *Fields) Unset(name string) { t.unsetFrom(0, name) }

func (t *Fields) unsetFrom(i int, name string) {
	for j := i; j < len(t.list); j++ {
		if equalFold(t.list[j].Name, name) {
			rest := slices.DeleteFunc(t.list[j:], func(f Field) bool { return equalFold(f.Name, name) })
			t.list = t.list[:j+len(rest)]
			return
		}
	}
}

// Clear removes all pairs.
func (t *Fields) Clear() { t.list = t.list[:0] }

// Clone is a copy that shares nothing.
func (t *Fields) Clone() Fields { return Fields{slices.Clone(t.list)} }

// Overlay is over's pairs followed by base's (apr_table_overlay): a lookup
// finds over's first.
func Overlay(over, base *Fields) Fields {
	return Fields{append(slices.Clone(over.list), base.list...)}
}

// Header is the pairs as net/http knows them, for handlers of the ecosystem.
func (t *Fields) Header() http.Header {
	h := make(http.Header, len(t.list))
	for _, f := range t.list {
		h.Add(f.Name, f.Value)
	}
	return h
}

// equalFold compares header names; they are ASCII.
func equalFold(a, b string) bool {
	return len(a) == len(b) && (a == b || strings.EqualFold(a, b))
}
