package server

import "github.com/donjon-httpd/donjon/directives"

// serverSubject is a server as the subject of a line.
type serverSubject struct {
	g *Generation
	v *directives.Server
}

// ServerSubject makes a server the subject of a line of the error log: its
// LogLevel decides and its ErrorLog takes it.
func ServerSubject(g *Generation, v *directives.Server) Subject { return serverSubject{g, v} }

func (s serverSubject) logLevels() *LogLevels { return CoreServer.Of(s.v).LogLevel }

func (s serverSubject) logParties() (*Generation, *directives.Server, *Conn, *Request) {
	return s.g, s.v, nil, nil
}
