package server

import (
	"slices"
	"strings"

	"github.com/donjon-httpd/donjon/directives"
)

// ParseLevel reads a level's name, in any case (ap_parse_log_level).
func ParseLevel(name string) (Level, bool) {
	i := slices.Index(levelNames[:], strings.ToLower(name))
	return Level(i), i >= 0
}

// SetStartupLevel says which messages appear before the main server's log is
// open (-e).
func SetStartupLevel(l Level) { processLevels = &LogLevels{Default: directives.Given(l)} }
