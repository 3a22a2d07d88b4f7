package server

// MarkupCharset finds out which character set a page is in and has it as UTF-8,
// for filters that read HTML or XML (mod_xml2enc's optional functions). A module
// that brings it names it in [Module.MarkupCharset].
type MarkupCharset struct {
	// Sniff puts a filter before those that follow which finds out the character set.
	Sniff func(r *Request)
	// Found is what it found: the character set that the text comes in behind the
	// filter, and the name that was given for it, "" for none; false when nothing
	// was found or nobody has looked yet.
	Found func(r *Request) (set, name string, ok bool)
	// Encode puts a filter behind the others that translates from UTF-8.
	Encode func(r *Request, name string)
}

// MarkupCharset is what the active module brings; nil without one.
func (g *Generation) MarkupCharset() *MarkupCharset {
	for _, m := range g.Modules {
		if m.MarkupCharset != nil {
			return m.MarkupCharset
		}
	}
	return nil
}
