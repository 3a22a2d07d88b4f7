package server

// SSIElement is an element of server-side includes that a module adds to those
// of mod_include: <!--#exec is mod_cgi's.
type SSIElement struct {
	Name string
	// Run executes it. An error ends the response.
	Run func(SSIDocument) error
}

// SSIDocument is a document in which an element stands.
type SSIDocument interface {
	Request() *Request
	Link() *Link    // where the filter stands
	Printing() bool // the element is not inside of a condition that does not hold
	MayExec() bool  // Options IncludesNOEXEC does not forbid it

	Arguments() int // how many the element has
	// Argument takes the next; ok is false when none with a value is left.
	Argument() (name, value string, ok bool)
	// Expand puts variables in their places; keep leaves the names of those that
	// are not set. The result is shorter than limit bytes, when that is not 0.
	Expand(s string, keep bool, limit int) string

	Write(p []byte)
	Flush() error // sends on what was written
	Fail()        // writes the error message
}
