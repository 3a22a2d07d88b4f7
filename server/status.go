package server

// Status is what a hook answers: OK, Declined, Done, or an HTTP status code.
type Status int

const (
	OK       Status = 0  // done with this phase, go on
	Declined Status = -1 // not mine, ask the next
	Done     Status = -2 // the response is complete, skip the rest

	// FilterError: a filter failed and has said why. The client gets 500, unless
	// a response was begun.
	FilterError Status = -102
)

// IsError tells whether s is an HTTP status that ends in an error document.
func (s Status) IsError() bool { return s >= 400 && s < 600 }

// IsRedirect tells whether s is a redirection status.
func (s Status) IsRedirect() bool { return s >= 300 && s < 400 }
