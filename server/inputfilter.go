package server

import (
	"errors"
	"io"
	"slices"
)

// InputFilter is a stage that a request's body comes through before the handler
// reads it.
type InputFilter struct {
	Name  string      // as SetInputFilter names it
	Level FilterLevel // the lowest is nearest to the handler
	// Read gives the next of the body, as io.Reader does, from what l.Read gives.
	// An error with HTTPStatus() Status tells what to answer.
	Read func(l *InputLink, p []byte) (int, error)
}

// InputLink is an input filter's place in one request's chain.
type InputLink struct {
	R      *Request
	State  any // the filter's own
	filter *InputFilter
	next   io.ReadCloser
	gone   bool
}

// Read reads what comes to the filter.
func (l *InputLink) Read(p []byte) (int, error) { return l.next.Read(p) }

// Remove takes the filter out: what comes to it passes it by.
func (l *InputLink) Remove() { l.gone = true }

// filtered is what a filter makes of the body.
type filtered struct{ *InputLink }

func (f filtered) Read(p []byte) (int, error) {
	if f.gone {
		return f.next.Read(p)
	}
	return f.filter.Read(f.InputLink, p)
}

func (f filtered) Close() error { return f.next.Close() }

// AddInputFilter puts a filter before the request's body, behind those of its
// level: of two, the one that was added first is nearer to the handler.
func (r *Request) AddInputFilter(f *InputFilter) *InputLink {
	raw := r.rawBody()
	if raw == nil {
		raw = noBody{} // of a subrequest
	}
	at := len(r.input)
	for at > 0 && r.input[at-1].filter.Level > f.Level {
		at--
	}
	l := &InputLink{R: r, filter: f, next: raw}
	r.input = slices.Insert(r.input, at, l)
	if at+1 < len(r.input) {
		l.next = filtered{r.input[at+1]}
	}
	if at > 0 {
		r.input[at-1].next = filtered{l}
	}
	r.Body = filtered{r.input[0]}
	return l
}

// rawBody is the body as the wire engine gives it, without the filters.
func (r *Request) rawBody() io.ReadCloser {
	if n := len(r.input); n > 0 {
		return r.input[n-1].next
	}
	return r.Body
}

type noBody struct{}

func (noBody) Read([]byte) (int, error) { return 0, io.EOF }
func (noBody) Close() error             { return nil }

// BodyError is an input filter's reason why a request's body cannot be read on,
// and what to answer.
type BodyError struct {
	Status Status
	What   string
	// AsBucket: Apache's filter sends the answer itself, so that its length is not told.
	AsBucket bool
}

func (e *BodyError) Error() string      { return e.What }
func (e *BodyError) HTTPStatus() Status { return e.Status }

// BodyFailed gives what to answer when the body cannot be read, after Read gave
// an error that is not io.EOF (ap_map_http_request_error).
func (r *Request) BodyFailed(err error) Status {
	var filter *BodyError
	if errors.As(err, &filter) {
		r.lengthless = filter.AsBucket
		return filter.Status
	}
	r.lengthless = true
	var told interface{ LengthTold() bool }
	if errors.As(err, &told) {
		r.lengthless = !told.LengthTold()
	}
	var s interface{ HTTPStatus() Status }
	if errors.As(err, &s) {
		r.Conn.Close = true
		return s.HTTPStatus()
	}
	return 400
}

// HasInputFilter tells whether a filter of that name stands before the body.
func (r *Request) HasInputFilter(name string) bool {
	return slices.ContainsFunc(r.input, func(l *InputLink) bool { return !l.gone && l.filter.Name == name })
}

// HasInputFilters tells whether anything stands before the body that could
// change it.
func (r *Request) HasInputFilters() bool {
	return slices.ContainsFunc(r.input, func(l *InputLink) bool { return !l.gone && l.filter.Level < ProtocolLevel })
}
