package authnz_ldap

import (
	"fmt"
	"strings"

	"github.com/donjon-httpd/donjon/server"
)

// longestFilter is MAX_STRING_LEN less what ends it.
const longestFilter = 8191

// filterFor is the filter that looks for a user: the one that was configured
// together with the user's name. ok is false for one that is too long.
func (c *config) filterFor(r *server.Request, user, filter string) (text string, ok bool) {
	a := c.where
	var b strings.Builder
	nothing := filter == "" || strings.EqualFold(filter, "none")
	if nothing {
		b.WriteString("(" + a.attribute() + "=")
	} else {
		b.WriteString("(&(" + filter + ")(" + a.attribute() + "=")
	}
	escape(&b, translate(r, user))
	if b.WriteByte(')'); !nothing {
		b.WriteByte(')')
	}
	return b.String(), b.Len() < longestFilter
}

// escape writes a value of a filter (RFC 4515, 3).
func escape(b *strings.Builder, s string) {
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '*':
			b.WriteString(`\2a`)
		case '(':
			b.WriteString(`\28`)
		case ')':
			b.WriteString(`\29`)
		case '\\':
			b.WriteString(`\5c`)
		default:
			if s[i] == 0 || s[i] >= 0x80 { // it need not be UTF-8
				fmt.Fprintf(b, `\%02x`, s[i])
			} else {
				b.WriteByte(s[i])
			}
		}
	}
}
