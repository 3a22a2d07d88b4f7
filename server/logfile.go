package server

import "io"

// LogOpener opens what a log directive names: a path, or "|program". The
// parent opens and starts; a child is handed the descriptors and finds them
// under the same words.
type LogOpener interface {
	// OpenLog gives the destination named by spec, which is a path made
	// absolute or starts with "|". Two calls with one spec give one writer.
	// Each Write is one or more whole lines and reaches the file in one piece.
	OpenLog(spec string) (io.Writer, error)
}
