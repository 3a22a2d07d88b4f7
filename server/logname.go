package server

// RemoteLogname is the name that the connection's user has at the client's side,
// where a module asks for it (mod_ident), and whether there is one. It is asked
// for once for a connection (ap_get_remote_logname).
func (r *Request) RemoteLogname() (string, bool) {
	c := r.Conn
	if c.Logname == "" && r.Gen.logname != nil {
		c.Logname = r.Gen.logname(r)
	}
	return c.Logname, c.Logname != ""
}
