package server

func (r *Request) ServerName() string { return CoreServer.Of(r.Server).ServerName }
func (r *Request) MethodBit() int64   { return 1 }
func MethodBit(name string) int64     { return 1 }
func (r *Request) NoteAuthFailure()   {}
