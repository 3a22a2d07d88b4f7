package headers

import (
	"strings"

	"github.com/donjon-httpd/donjon/server"
	"github.com/donjon-httpd/donjon/server/pattern"
)

var elog = server.NewLog("headers")

var (
	outFilter = &server.OutputFilter{Name: "FIXUP_HEADERS_OUT", Plain: true, Level: server.ContentSetLevel,
		Run: func(l *server.Link, b *server.Brigade) error {
			elog.Trace(2, server.ServerSubject(l.R.Gen, l.R.Server)).Msg("AH01502: headers: ap_headers_output_filter()")
			c := slot.Of(l.R.Dir)
			apply(l.R, &l.R.ErrOut, c.always, false)
			apply(l.R, &l.R.Out, c.out, false)
			l.Remove()
			return l.Pass(b)
		}}
	errFilter = &server.OutputFilter{Name: "FIXUP_HEADERS_ERR", Plain: true, Level: server.ContentSetLevel,
		Run: func(l *server.Link, b *server.Brigade) error {
			elog.Debug(server.ServerSubject(l.R.Gen, l.R.Server)).Msg("AH01503: headers: ap_headers_error_filter()")
			apply(l.R, &l.R.ErrOut, slot.Of(l.R.Dir).always, false)
			l.Remove()
			return l.Pass(b)
		}}
)

func insertFilter(r *server.Request)      { r.AddOutputFilter(outFilter, nil) }
func insertErrorFilter(r *server.Request) { r.AddOutputFilter(errFilter, nil) }

// fixup edits the request's fields, when everything about it is known.
func fixup(r *server.Request) server.Status {
	applyIn(r, slot.Of(r.Dir).in, false)
	return server.Declined
}

// early runs the edits that are marked so, before anything is known but the server.
func early(r *server.Request) server.Status {
	c := slot.Of(r.Dir)
	if applyIn(r, c.in, true) && apply(r, &r.ErrOut, c.always, true) && apply(r, &r.Out, c.out, true) {
		return server.Declined
	}
	elog.Crit(r).Msg("AH01504: Regular expression replacement failed (replacement too long?)")
	return 500
}

// applyIn edits the request's fields as a table and writes them back.
func applyIn(r *server.Request, edits []edit, early bool) bool {
	if len(edits) == 0 {
		return true
	}
	r.Unrepeatable()
	t := fieldsIn(r)
	ok := run(r, &t, edits, early, true)
	r.Header = t.Header()
	order := make([]string, 0, t.Len())
	for _, f := range t.All() {
		order = append(order, f.Name)
	}
	r.FieldOrder = order
	if !t.Has("Host") {
		r.Request.Host = ""
	}
	return ok
}

// fieldsIn is the request's fields in the client's order and spelling.
func fieldsIn(r *server.Request) server.Fields {
	var t server.Fields
	for _, name := range r.FieldOrder {
		if v, ok := r.FieldIn(name); ok && !t.Has(name) {
			t.Add(name, v)
		}
	}
	for name := range r.Header {
		if v, ok := r.FieldIn(name); ok && !t.Has(name) {
			t.Add(name, v)
		}
	}
	if v, ok := r.FieldIn("Host"); ok && !t.Has("Host") {
		t.Add("Host", v)
	}
	return t
}

// apply edits response fields. It is false when a replacement failed, which
// ends the list.
func apply(r *server.Request, t *server.Fields, edits []edit, early bool) bool {
	return run(r, t, edits, early, false)
}

// run is do_headers_fixup of mod_headers.c.
func run(r *server.Request, t *server.Fields, edits []edit, early, request bool) bool {
	for i := range edits {
		e := &edits[i]
		if e.early != early || !e.holds(r) {
			continue
		}
		contentType := !request && strings.EqualFold(e.name, "Content-Type")
		switch e.action {
		case add:
			t.Add(e.name, e.value.make(r))
		case appendTo:
			t.Merge(e.name, e.value.make(r))
		case mergeInto:
			v := e.value.make(r)
			if old, ok := t.Lookup(e.name); !ok {
				t.Add(e.name, v)
			} else if !hasToken(old, v) {
				t.Merge(e.name, v)
			}
		case setIfEmpty:
			if t.Has(e.name) {
				continue
			}
			fallthrough
		case set:
			v := e.value.make(r)
			if contentType {
				r.ContentType = v
			}
			t.Set(e.name, v)
		case unset:
			t.Unset(e.name)
			if contentType {
				r.ContentType = ""
			}
		case echo:
			r.Unrepeatable()
			in := fieldsIn(r)
			for _, f := range in.All() {
				if e.regex.MatchString(f.Name) {
					// Always among the fields of successes, even for "Header always echo".
					r.Out.Add(f.Name, f.Value)
				}
			}
		case editOnce, editAll:
			if !e.rewrite(r, t, contentType) {
				return false
			}
		case note:
			r.DependsOnAnswer(e.name)
			name := e.value.make(r)
			if v, ok := t.Lookup(e.name); ok {
				r.Notes.Set(name, v)
			} else {
				r.Notes.Unset(name)
			}
		}
		r.Because(e.pos)
	}
	return true
}

// holds tells whether an edit's condition is met. One that cannot be evaluated is.
func (e *edit) holds(r *server.Request) bool {
	switch {
	case e.expr != nil:
		ok, err := e.expr.Bool(r)
		if err != nil {
			elog.Error(r).Msgf("AH01501: Failed to evaluate expression (%s) - ignoring", err)
			return true
		}
		return ok
	case strings.HasPrefix(e.env, "!"):
		return !r.Env.Has(e.env[1:])
	case e.env != "":
		return r.Env.Has(e.env)
	}
	return true
}

// rewrite edits the values of a field. Its pairs end up behind the others.
func (e *edit) rewrite(r *server.Request, t *server.Fields, contentType bool) bool {
	if contentType && r.ContentType != "" {
		v, err := e.replace(r, r.ContentType)
		if err != nil {
			return false
		}
		r.ContentType = v
	}
	var edited []server.Field
	for _, f := range t.All() {
		if !strings.EqualFold(f.Name, e.name) {
			continue
		}
		v, err := e.replace(r, f.Value)
		if err != nil {
			return false
		}
		edited = append(edited, server.Field{Name: f.Name, Value: v})
	}
	if len(edited) == 0 {
		return true
	}
	t.Unset(e.name)
	for _, f := range edited {
		t.Add(f.Name, f.Value)
	}
	return true
}

// replace is process_regexp: the first match, or for edit* each, becomes the
// value. Each rest is matched as a text of its own, so ^ holds again there.
func (e *edit) replace(r *server.Request, value string) (string, error) {
	var b strings.Builder
	var buf [10]string
	for {
		captures, start := e.regex.MatchAt(buf[:0], value)
		if captures == nil {
			break
		}
		s, err := pattern.Substitute(e.value.make(r), captures)
		if err != nil {
			return "", err
		}
		b.WriteString(value[:start])
		b.WriteString(s)
		end := start + len(captures[0])
		value = value[end:]
		if e.action == editOnce || end == 0 { // an empty match at the start would match for ever
			break
		}
	}
	b.WriteString(value)
	return b.String(), nil
}

// hasToken tells whether a comma-separated list has a value; quoted commas do
// not separate.
func hasToken(list, value string) bool {
	for list != "" {
		list = strings.TrimLeft(list, " \t\n\v\f\r")
		i := 0
		for i < len(list) && list[i] != ',' {
			if list[i] == '"' {
				if j := strings.IndexByte(list[i+1:], '"'); j >= 0 {
					i += j + 1
				} else {
					i = len(list) - 1
				}
			}
			i++
		}
		if list[:i] == value {
			return true
		}
		list = list[min(i+1, len(list)):]
	}
	return false
}
