package mime

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/httpdconf"
	"github.com/donjon-httpd/donjon/server"
)

var elog = server.NewLog("mime")

// typesConfig is the file of TypesConfig and what stands in it. The main
// server's counts; Apache never looks at a virtual host's.
type typesConfig struct {
	path  string
	types map[string]string // by extension, lower case
}

var typesSlot = directives.NewServerSlot(func(_, add typesConfig) typesConfig { return add })

// defaultTypes are looked for in this order without TypesConfig: Apache's own
// place below ServerRoot, and that of the system, because a server that was
// never told of such a file should not fail for want of it.
func defaultTypes(g *server.Generation) []string {
	return []string{filepath.Join(server.CoreServer.Of(g.Config.Main).ServerRoot, "mime.types"), "/etc/mime.types"}
}

// readTypes reads the file outside of the jail, before anything is served.
func readTypes(g *server.Generation) error {
	t := typesSlot.EditServer(g.Config.Main)
	paths := []string{t.path}
	if t.path == "" {
		paths = defaultTypes(g)
	}
	var text []byte
	var err error
	for _, p := range paths {
		if text, err = os.ReadFile(p); !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	switch {
	case err == nil:
	case t.path == "":
		elog.Warn(server.ServerSubject(g, g.Config.Main)).Err(err).Msgf("AH01597: could not open mime types config file %s.", paths[0])
	default:
		elog.Error(server.ServerSubject(g, g.Config.Main)).Err(err).Msgf("AH01597: could not open mime types config file %s.", t.path)
		return fmt.Errorf("TypesConfig: %w", err)
	}
	t.types = parseTypes(string(text))
	return nil
}

// parseTypes reads a mime.types file: a type and its extensions on each line.
func parseTypes(text string) map[string]string {
	types := make(map[string]string, 1024)
	text = strings.ReplaceAll(text, "\\\n", "")
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "#") {
			continue
		}
		mediaType, rest := httpdconf.Getword(line)
		for rest != "" {
			var ext string
			ext, rest = httpdconf.Getword(rest)
			types[strings.ToLower(ext)] = mediaType
		}
	}
	return types
}
