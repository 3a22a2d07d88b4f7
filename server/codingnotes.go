package server

import (
	"strconv"
	"strings"
)

// CodingNotes names the notes that a coding leaves for logs: the lengths
// before and after, and the latter as a percentage of the former. "" is not left.
type CodingNotes struct{ Ratio, Input, Output string }

// Set is DeflateFilterNote and its like: [kind] name. It is false for an unknown kind.
func (n *CodingNotes) Set(kind, name string) bool {
	if name == "" {
		n.Ratio = kind
		return true
	}
	switch strings.ToLower(kind) {
	case "ratio":
		n.Ratio = name
	case "input":
		n.Input = name
	case "output":
		n.Output = name
	default:
		return false
	}
	return true
}

// Leave sets the notes; nothing is the text for a length of 0.
func (n *CodingNotes) Leave(r *Request, in, out int64, nothing string) {
	set := func(name string, value int64, known bool, unknown string) {
		switch {
		case name == "":
		case known:
			r.Notes.Set(name, strconv.FormatInt(value, 10))
		default:
			r.Notes.Set(name, unknown)
		}
	}
	set(n.Input, in, in > 0, nothing)
	set(n.Output, out, out > 0, nothing)
	set(n.Ratio, out*100/max(in, 1), in > 0, "-")
}
