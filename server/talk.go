package server

import "os"

// Talker starts programs that answer line for line (RewriteMap prg:). The
// parent starts them, outside of any jail; a child is handed the ends of their
// pipes and finds them under the same key. Generation.Logs is one in a running server.
type Talker interface {
	Talk(t TalkSpec) (*Talk, error)
}

// TalkSpec is a program to start.
type TalkSpec struct {
	Key         string // names the program among those of a generation
	Argv        []string
	Dir         string // in which it runs; "" for the server's
	User, Group string // whose it runs as; "" for the server's
}

// Talk is a program that runs.
type Talk struct {
	In   *os.File // its standard input
	Out  *os.File // its standard output
	Lock *os.File // for fcntl locks between the processes that talk to it
}
