package server

import (
	"slices"
	"strconv"
	"strings"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/httpdconf"
)

// Explanation records what happens to a request on its way through the phases
// ("httpd explain"). A request that is served has none: it pays a comparison
// with nil for each phase and each section that applies.
type Explanation struct {
	Host     *Choice `json:"host,omitempty"` // the virtual host and why
	Steps    []*Step `json:"steps"`
	Response *Answer `json:"response,omitempty"`
	File     string  `json:"file,omitempty"`     // of the request that made the response
	PathInfo string  `json:"pathInfo,omitempty"` // behind the file
	Handler  string  `json:"handler,omitempty"`
	Module   string  `json:"module,omitempty"` // whose handler answered
	// LoggedHandler is what %R of a log shows: the handler that the request was
	// given, "-" for none.
	LoggedHandler string   `json:"loggedHandler,omitempty"`
	Access        *Step    `json:"access,omitempty"` // who had the last word on access
	Unrun         string   `json:"unrun,omitempty"`  // the module whose handler would answer and was not run
	Log           []string `json:"log,omitempty"`    // lines of the error log
	open          []*Step  // steps under way, outermost first
	seen          map[*Request]*glimpse
	owners        map[*Link]string
	walks         map[*Request]*[numWalks][]applied
	origins       []Change // every change, in order
	reported      map[*Request]int
}

// Choice is a virtual host and the reason for it.
type Choice struct {
	Name   string `json:"name"`
	Place  *Place `json:"place,omitempty"` // nil: the main server
	Reason string `json:"reason"`
}

// Place is a directive, or the first line of a section, in a configuration file.
type Place struct {
	File string `json:"file"`
	Line int    `json:"line"`
	Text string `json:"text"`
}

// Step is something that happened. What is "phase", "hook", "filter",
// "subrequest", "redirect" or "sections"; the steps inside happened during it.
type Step struct {
	What    string    `json:"what"`
	Name    string    `json:"name,omitempty"`
	Module  string    `json:"module,omitempty"`
	Answer  string    `json:"answer,omitempty"` // "OK", "DECLINED", "DONE" or a status
	Changes []Change  `json:"changes,omitempty"`
	Applied []Applied `json:"applied,omitempty"`
	Steps   []*Step   `json:"steps,omitempty"`
}

// Change is a value of the request that became another. What is "uri", "file",
// "handler", "field", "field (always)", "variable", "request field", …; Name is
// the field's or variable's. To "" is a removal.
type Change struct {
	What  string  `json:"what"`
	Name  string  `json:"name,omitempty"`
	From  string  `json:"from,omitempty"`
	To    string  `json:"to,omitempty"`
	By    string  `json:"by,omitempty"`    // the module
	Lines []Place `json:"lines,omitempty"` // the line that did it, or those that the module had to go by
}

// Applied is a section, an access file or a server's own directives, in the
// order in which they were merged.
type Applied struct {
	Place
	Kind       string      `json:"kind"`            // "server", "directory", "access file", "files", "location", "if"
	Again      bool        `json:"again,omitempty"` // as in the request that this one came from, where its lines are
	Directives []Directive `json:"directives,omitempty"`
}

// Directive is a line that applied. ReplacedBy is the later line that says the
// same anew, where only the last one counts.
type Directive struct {
	Place
	Module     string `json:"module,omitempty"`
	ReplacedBy *Place `json:"replacedBy,omitempty"`
}

// Answer is the response's head and how long its body is.
type Answer struct {
	Status string        `json:"status"`
	Fields []AnswerField `json:"fields"`
	Body   int64         `json:"body"` // bytes
}

// AnswerField is a field of the response and where it comes from.
type AnswerField struct {
	Field
	By    string  `json:"by,omitempty"`
	Lines []Place `json:"lines,omitempty"`
}

// glimpse is what a request was when it was last looked at.
type glimpse struct {
	values      [numValues]string
	out, errOut Fields
	env         Fields
	in          map[string]string
}

// Values that glimpses compare one by one.
const (
	valueMethod = iota
	valueURI
	valueArgs
	valueFile
	valuePathInfo
	valueType
	valueEncoding
	valueLanguage
	valueHandler
	valueUser
	valueStatus
	valueClient
	numValues
)

var valueNames = [numValues]string{"method", "uri", "query", "file", "path info", "content type", "content encoding",
	"content language", "handler", "user", "status", "client"}

func lookAt(r *Request) *glimpse {
	l := &glimpse{out: r.Out.Clone(), errOut: r.ErrOut.Clone(), env: r.Env.Clone(), in: map[string]string{}}
	l.values = [numValues]string{r.Method, r.URI, r.Args, r.Filename, r.PathInfo, r.ContentType, r.ContentEncoding,
		strings.Join(r.ContentLanguages, ", "), r.Handler, r.User, strconv.Itoa(r.Status), r.ClientIP}
	for name, v := range r.Header {
		l.in[name] = strings.Join(v, ", ")
	}
	return l
}

// changes is what is different in now. A field with the same value in another
// place is not.
func (l *glimpse) changes(now *glimpse) []Change {
	var list []Change
	for i, v := range now.values {
		if l.values[i] != v {
			list = append(list, Change{What: valueNames[i], From: l.values[i], To: v})
		}
	}
	list = appendFieldChanges(list, "field", &l.out, &now.out)
	list = appendFieldChanges(list, "field (always)", &l.errOut, &now.errOut)
	list = appendFieldChanges(list, "variable", &l.env, &now.env)
	var before, after Fields
	for _, name := range sortedKeys(l.in) {
		before.Add(name, l.in[name])
	}
	for _, name := range sortedKeys(now.in) {
		after.Add(name, now.in[name])
	}
	return appendFieldChanges(list, "request field", &before, &after)
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// appendFieldChanges pairs what is gone with what is new under the same name.
func appendFieldChanges(list []Change, what string, before, after *Fields) []Change {
	gone := slices.Clone(before.All())
	var added []Field
	for _, f := range after.All() {
		if i := slices.Index(gone, f); i >= 0 {
			gone = slices.Delete(gone, i, i+1)
			continue
		}
		added = append(added, f)
	}
	for _, f := range added {
		c := Change{What: what, Name: f.Name, To: f.Value}
		if i := slices.IndexFunc(gone, func(g Field) bool { return equalFold(g.Name, f.Name) }); i >= 0 {
			c.From = gone[i].Value
			gone = slices.Delete(gone, i, i+1)
		}
		list = append(list, c)
	}
	for _, f := range gone {
		list = append(list, Change{What: what, Name: f.Name, From: f.Value})
	}
	return list
}

// Because says that what changed since the last look at the request was done by
// the directive at pos. It costs nothing where nobody wants to know.
func (r *Request) Because(pos httpdconf.Pos) {
	if r.explain != nil {
		r.explain.note(r, []Place{r.explain.placeOf(r, pos)})
	}
}

// BecauseOf is [Request.Because] for the last directive of that name that
// applies to the request.
func (r *Request) BecauseOf(name string) {
	if r.explain != nil {
		r.explain.note(r, r.explain.last(r, name))
	}
}

// push begins a step; what happens until pop belongs to it.
func (x *Explanation) push(r *Request, s *Step) {
	x.look(r)
	x.add(s)
	x.open = append(x.open, s)
}

func (x *Explanation) add(s *Step) {
	if n := len(x.open); n > 0 {
		x.open[n-1].Steps = append(x.open[n-1].Steps, s)
		return
	}
	x.Steps = append(x.Steps, s)
}

// pop ends the step and those begun within it. A step that nobody would miss
// goes away.
func (x *Explanation) pop(r *Request, s *Step, keep bool) {
	x.look(r)
	i := slices.Index(x.open, s)
	if i < 0 {
		return
	}
	x.open = x.open[:i]
	if keep || len(s.Changes)+len(s.Steps)+len(s.Applied) > 0 {
		return
	}
	list := &x.Steps
	if i > 0 {
		list = &x.open[i-1].Steps
	}
	*list = slices.DeleteFunc(*list, func(o *Step) bool { return o == s })
}

// current is the innermost step.
func (x *Explanation) current() *Step {
	if len(x.open) == 0 {
		return nil
	}
	return x.open[len(x.open)-1]
}

// begin makes what the request is now the state that changes are told against.
func (x *Explanation) begin(r *Request) {
	if x.seen == nil {
		x.seen = map[*Request]*glimpse{}
	}
	x.seen[r] = lookAt(r)
}

// look attributes what changed since the last look to the module of the current
// step, and to all directives of that module which apply.
func (x *Explanation) look(r *Request) { x.note(r, nil) }

func (x *Explanation) note(r *Request, lines []Place) {
	before := x.seen[r]
	x.begin(r)
	if before == nil {
		return
	}
	list := before.changes(x.seen[r])
	if len(list) == 0 {
		return
	}
	s := x.current()
	if s == nil {
		s = &Step{What: "phase", Name: "protocol"}
		x.Steps = append(x.Steps, s)
	}
	var all []Place
	if lines == nil {
		all = x.ofModule(r, s.Module)
	}
	for i := range list {
		list[i].By, list[i].Lines = s.Module, lines
		if lines == nil {
			list[i].Lines = likely(all, list[i])
		}
	}
	s.Changes = append(s.Changes, list...)
	x.origins = append(x.origins, list...)
}

// likely are those lines that name what changed or its new value; without any,
// and if what changed has a name of its own, all, if they are few.
func likely(lines []Place, c Change) []Place {
	const few = 3
	var named []Place
	for _, l := range lines {
		text := strings.ToLower(l.Text)
		if c.To != "" && strings.Contains(text, strings.ToLower(c.To)) || c.Name != "" && strings.Contains(text, strings.ToLower(c.Name)) {
			named = append(named, l)
		}
	}
	switch {
	case named != nil:
		return named
	case c.Name != "" && len(lines) <= few:
		return lines
	}
	return nil
}

// origin is the last change that gave a field of the response its value.
func (x *Explanation) origin(name, value string) (Change, bool) {
	whence := map[string]string{"content-type": "content type", "content-encoding": "content encoding",
		"content-language": "content language"}[strings.ToLower(name)]
	if whence != "" { // the field itself is made at the end
		for _, c := range slices.Backward(x.origins) {
			if c.What == whence && c.To != "" && strings.HasPrefix(value, c.To) {
				return c, true
			}
		}
	}
	for _, c := range slices.Backward(x.origins) {
		if strings.HasPrefix(c.What, "field") && equalFold(c.Name, name) && c.To == value {
			return c, true
		}
	}
	return Change{}, false
}

func moduleOf(set *directives.Set, n *httpdconf.Node) string {
	if rows := set.Lookup(n.Name, n.Section); len(rows) > 0 {
		return rows[0].Module
	}
	return ""
}

func placeOfNode(n *httpdconf.Node) Place {
	text := n.Name
	if n.Args != "" {
		text += " " + n.Args
	}
	if n.Section {
		text = "<" + text + ">"
	}
	return Place{n.Pos.File, n.Pos.Line, text}
}
