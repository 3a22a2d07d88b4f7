package server

// RequestSlot is a module's place in requests: what it has to remember from
// one phase to a later one (request_config). Make one in a package variable.
type RequestSlot[T any] struct{ _ byte }

type requestValue struct {
	slot  any
	value any
}

// Of is what was remembered for r itself, or nil: a subrequest and an internal
// redirect begin without.
func (s *RequestSlot[T]) Of(r *Request) *T {
	for _, v := range r.values {
		if v.slot == s {
			return v.value.(*T)
		}
	}
	return nil
}

// Set remembers a value that r has not yet.
func (s *RequestSlot[T]) Set(r *Request, v *T) { r.values = append(r.values, requestValue{s, v}) }
