package server

// Protocol serves a connection from its first byte to its end, instead of HTTP
// (process_connection). It is called with a goroutine of its own, behind what
// encrypts the connection, which is closed when it returns.
type Protocol func(client ClientStream)

// Protocol is what the connection speaks; nil for HTTP. A wire engine asks once for
// each connection.
func (c *Conn) Protocol() Protocol {
	for _, m := range c.Gen.protocols {
		if p := m(c); p != nil {
			return p
		}
	}
	return nil
}
