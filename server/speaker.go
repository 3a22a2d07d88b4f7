package server

// Speaker serves a connection from its first byte to its end, instead of HTTP
// (process_connection). It is called with a goroutine of its own, behind what
// encrypts the connection, which is closed when it returns.
type Speaker func(client ClientStream)

// Speaker is what the connection speaks; nil for HTTP. A wire engine asks once for
// each connection.
func (c *Conn) Speaker() Speaker {
	for _, m := range c.Gen.speakers {
		if p := m(c); p != nil {
			return p
		}
	}
	return nil
}
