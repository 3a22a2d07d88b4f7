package server

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/donjon-httpd/donjon/directives"
)

// An answer is repeatable when a later request that looks the same would get
// the same one. A wire engine may then keep its bytes for a moment and send
// them again without asking the phases. What "looks the same" means is found
// out while the request is answered the first time, and is never guessed:
//
//   - the virtual host, the request line and the Host field always count, and
//     so do files, as long as the answer is kept for no longer than
//     FileCacheValid;
//   - a field of the request counts when [Request.FieldIn] was asked for it;
//   - the client's address counts when [Request.DependsOnClient] was called;
//   - a hook or an output filter that is not declared Plain, a line in the error
//     log, a change of the request's fields and whatever calls
//     [Request.Unrepeatable] make the answer one that is not kept.

// maxDependencies is how many fields an answer may depend on.
const maxDependencies = 16

// dependencies is what an answer depended on so far.
type dependencies struct {
	unrepeatable bool
	forwarded    bool // a backend answers it
	client       bool
	logging      bool // the answer is out; what is read now is read for log lines
	fields       []FieldDependency
	logged       []string
	dates        []RelativeDate
}

// FieldDependency is a field of the request that an answer depends on: on its
// value, or when Classes is not nil only on the class of it.
type FieldDependency struct {
	Name    string
	Classes *FieldClasses
	Class   string
}

// RelativeDate is a field of the response that is a date so long after the request.
type RelativeDate struct {
	Name  string
	After time.Duration
}

// FieldClasses remembers what a module made of values of a request field, for
// modules that ask little of a field that has many values. It is filled by
// requests that run through the phases. Safe for concurrent use.
type FieldClasses struct {
	mu sync.RWMutex
	m  map[string]string
}

// maxFieldClasses bounds the values that are remembered; a table that is full starts over.
const maxFieldClasses = 4096

// Class gives the class of a value that was seen. An absent field has the value "".
func (c *FieldClasses) Class(value []byte) (class string, known bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	class, known = c.m[string(value)]
	return class, known
}

func (c *FieldClasses) learn(value, class string) {
	c.mu.RLock()
	old, known := c.m[value]
	c.mu.RUnlock()
	if known && old == class {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.m == nil || len(c.m) >= maxFieldClasses {
		c.m = map[string]string{}
	}
	c.m[strings.Clone(value)] = class
}

// Unrepeatable says that the answer depends on something that no later request
// can be compared by: the time, chance, a user, a counter.
func (r *Request) Unrepeatable() { r.Top().depends.unrepeatable = true }

// DependsOnClient says that the answer depends on the client's address.
func (r *Request) DependsOnClient() {
	if t := r.Top(); !t.depends.logging {
		t.depends.client = true
	}
}

// DependsOnClass says that the answer depends on a field only by the class that
// the caller puts its value in. The value is read without [Request.FieldIn].
func (r *Request) DependsOnClass(name, value string, classes *FieldClasses, class string) {
	t := r.Top()
	if t.depends.unrepeatable {
		return
	}
	classes.learn(value, class)
	t.depends.add(FieldDependency{name, classes, class})
}

func (r *Request) dependsOnField(name string) {
	t := r.Top()
	d := &t.depends
	if d.unrepeatable || equalFold(name, "Host") { // which always counts
		return
	}
	if d.logging {
		if !slices.Contains(d.logged, name) {
			d.logged = append(d.logged, name)
		}
		return
	}
	for i := range d.fields {
		if d.fields[i].Classes == nil && equalFold(d.fields[i].Name, name) {
			return
		}
	}
	d.add(FieldDependency{Name: name})
}

func (d *dependencies) add(f FieldDependency) {
	if len(d.fields) >= maxDependencies {
		d.unrepeatable = true
		return
	}
	if d.fields == nil {
		d.fields = make([]FieldDependency, 0, 8)
	}
	d.fields = append(d.fields, f)
}

// SetRelativeDate sets a field of the response to the date that lies so long
// after the request.
func (r *Request) SetRelativeDate(to *Fields, name string, after time.Duration) {
	to.Set(name, r.Received.Add(after).UTC().Format(http.TimeFormat))
	t := r.Top()
	t.depends.dates = append(t.depends.dates, RelativeDate{name, after})
}

// Repetition is all that a wire engine needs to know of an answer to repeat it.
type Repetition struct {
	Request *Request // as it was when its log lines were written; shares nothing that changes
	Client  bool     // it is for this client's address only
	Fields  []FieldDependency
	Logged  []string // fields of the request that log lines are made of
	Dates   []RelativeDate
	Server  *directives.Server
}

// MayRepeat tells whether the answer is repeatable as far as is known: lines of
// the access log that are still to come may change it.
func (r *Request) MayRepeat() bool {
	return r.mayCome(false) && (r.Method == "GET" || r.Method == "HEAD" && r.HeaderOnly) && (r.Status == 200 || r.Status == 206 || r.Status == 304)
}

// mayCome tells whether a later request may be answered as this one without the phases.
func (r *Request) mayCome(forwarded bool) bool {
	return !r.depends.unrepeatable && r.depends.forwarded == forwarded && r.Initial() && r.Next == nil && !r.Simple && (forwarded || !r.Chunked) &&
		r.ContentLength == 0 && !r.Conn.Aborted
}

// Repetition gives what is needed to repeat the answer to a request that was
// answered and logged; nil for one that is not repeatable. Of one that a backend
// has answered only the way there and the head are to be repeated.
func (r *Request) Repetition() *Repetition {
	if !r.MayRepeat() && !r.MayForward() {
		return nil
	}
	d := &r.depends
	kept, hr := *r, *r.Request
	hr.Header, hr.Body = nil, nil
	kept.Request = &hr
	kept.Conn, kept.Exchange, kept.output, kept.pending, kept.marks, kept.FieldOrder = nil, nil, nil, nil, nil, nil
	kept.depends = dependencies{unrepeatable: true}
	kept.Ended, kept.FirstByte = time.Time{}, time.Time{}
	return &Repetition{Request: &kept, Client: d.client, Fields: d.fields, Logged: d.logged, Dates: d.dates, Server: r.Server}
}

// Repeat makes r a request whose answer was sent again, for its log lines. hr
// brings the fields that those are made of.
func (p *Repetition) Repeat(r *Request, c *Conn, fields http.Header) {
	hr := r.Request
	if hr == nil {
		hr = new(http.Request)
	}
	*r, *hr = *p.Request, *p.Request.Request
	hr.Header = fields
	r.Request, r.Conn, r.Client, r.ClientIP = hr, c, c.Remote.Addr(), c.ClientIP
}

// Log runs the log_transaction phase alone: for an answer that was sent again.
func (r *Request) Log() { LogTransaction.run(r) }
