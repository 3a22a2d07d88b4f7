package server

// Preface reads what a proxy tells at the beginning of a connection, before its
// first request. It is given all bytes that have come so far and answers how
// many of them are its own; more asks for further bytes. An error ends the
// connection without an answer; whoever made it has logged it.
type Preface func(data []byte) (n int, more bool, err error)

// Preface is what the connection has to begin with; nil for nothing. A wire
// engine asks once for each connection.
func (c *Conn) Preface() Preface {
	for _, m := range c.Gen.prefaces {
		if p := m(c); p != nil {
			return p
		}
	}
	return nil
}
