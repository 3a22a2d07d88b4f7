package autoindex

import (
	"strings"

	"github.com/donjon-httpd/donjon/server"
)

// view is how a listing is shown: what the configuration says, changed by the
// query where IgnoreClient does not forbid it.
type view struct {
	options   options
	key       byte
	direction byte
	pattern   string // P=; "" all names
	keep      string // what the links that sort must keep of the query
}

// newView reads a query: C= key, O= direction, F= format, V= version sort and
// P= pattern, in any order, up to the first part that is none of them.
func newView(c *config, args string) view {
	v := view{options: c.options, key: or(c.sortKey, keyName), direction: or(c.direction, ascending)}
	if v.options&ignoreClient != 0 {
		v.options |= suppressSorting
		return v
	}
	format, version, escaped := "", "", ""
	for args != "" {
		if rest, ok := strings.CutPrefix(args, "P="); ok {
			end := strings.IndexAny(rest, "&;")
			if end < 0 {
				end = len(rest)
			}
			v.pattern = ""
			if p, ok := server.UnescapeURL(rest[:end]); ok && p != "" {
				v.pattern, escaped = p, ";P="+server.EscapePath(p)
			}
			args = rest[min(end+1, len(rest)):]
			continue
		}
		if len(args) < 3 || args[1] != '=' || len(args) > 3 && args[3] != '&' && args[3] != ';' {
			break
		}
		value := args[2]
		switch {
		case args[0] == 'C' && strings.IndexByte("NMSD", value) >= 0:
			v.key = value
		case args[0] == 'O' && (value == ascending || value == descending):
			v.direction = value
		case args[0] == 'F' && value >= '0' && value <= '2':
			v.options &^= fancy | table
			if value > '0' {
				v.options |= fancy
			}
			if value == '2' {
				v.options |= table
			}
			format = ";F=" + args[2:3]
		case args[0] == 'V' && (value == '0' || value == '1'):
			v.options &^= versionSort
			if value == '1' {
				v.options |= versionSort
			}
			version = ";V=" + args[2:3]
		default:
			args = ""
		}
		args = args[min(4, len(args)):]
	}
	v.keep = format + version + escaped
	return v
}
