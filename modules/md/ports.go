package md

import (
	"errors"
	"strconv"
	"strings"

	"github.com/donjon-httpd/donjon/directives"
)

// portMap is under which of our ports we are reached from outside; 0: the same,
// -1: not at all.
type portMap struct{ http, https int }

func (c *config) setPorts(cmd *directives.Cmd, one, two string) error {
	if c.inner != nil {
		return errors.New("MDPortMap is not allowed inside an '<MDomainSet' context")
	}
	m := c.main(cmd)
	for _, w := range []string{one, two} {
		if w == "" {
			continue
		}
		from, to, ok := strings.Cut(w, ":")
		if !ok {
			return errors.New("no ':' after first port number")
		}
		var port *int
		switch strings.ToLower(from) {
		case "80", "http":
			port = &m.ports.http
		case "443", "https":
			port = &m.ports.https
		default:
			if _, err := strconv.Atoi(from); err != nil {
				return errors.New("no ':' after first port number") // where Apache looks for it
			}
			return errors.New("mapped port number must be 80 or 443")
		}
		if to == "-" {
			*port = -1
			continue
		}
		n, err := strconv.Atoi(to)
		if err != nil || n <= 0 || n > 65535 {
			return errors.New("invalid number for port map, must be in ]0,65535]")
		}
		*port = n
	}
	return nil
}
