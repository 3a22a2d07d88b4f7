package server

// SocketBroker connects to "unix:" sockets outside of the jail, for a child that
// cannot reach them. The parent is behind it: it connects only to what the main
// configuration names (docs/security.md).
type SocketBroker interface {
	// Connect gives a connected, non-blocking stream socket. An error is the
	// errno of connect(2), or EACCES for a path that the configuration does not name.
	Connect(path string) (fd int, err error)
}
