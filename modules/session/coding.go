package session

import (
	"strconv"
	"strings"

	"github.com/donjon-httpd/donjon/server"
)

// expiryKey is the entry that holds when a session ends.
const expiryKey = "expiry"

// encode makes the stored form of z: pairs as in forms, then what other modules
// make of that.
func encode(r *server.Request, z *server.Session) error {
	z.Encoded = pack(z)
	for _, m := range r.Gen.Modules {
		if m.SessionCoding != nil {
			if err := m.SessionCoding.Encode(r, z); err != nil {
				return err
			}
		}
	}
	return nil
}

// decode reads the stored form of z, if it has one, into its entries.
func decode(r *server.Request, z *server.Session) error {
	for _, m := range r.Gen.Modules {
		if m.SessionCoding != nil {
			if err := m.SessionCoding.Decode(r, z); err != nil {
				return err
			}
		}
	}
	unpack(z)
	return nil
}

// pack writes the entries as a form does (session_identity_encode). The expiry
// becomes an entry.
func pack(z *server.Session) string {
	if z.Expiry != 0 {
		z.Entries.Set(expiryKey, strconv.FormatInt(z.Expiry, 10))
	}
	var b strings.Builder
	for _, f := range z.Entries.All() {
		if b.Len() > 0 {
			b.WriteByte('&')
		}
		b.WriteString(server.EscapeForm(f.Name) + "=" + server.EscapeForm(f.Value))
	}
	return b.String()
}

// unpack reads z.Encoded into the entries (session_identity_decode). A pair
// without a value removes its entry; one that is badly escaped is passed over.
func unpack(z *server.Session) {
	for pair := range strings.SplitSeq(z.Encoded, "&") {
		key, value, _ := strings.Cut(strings.TrimLeft(pair, "="), "=")
		if key == "" {
			continue
		}
		if value == "" {
			z.Entries.Unset(key)
			continue
		}
		k, ok1 := server.UnescapeForm(key)
		v, ok2 := server.UnescapeForm(value)
		switch {
		case !ok1 || !ok2:
		case k == expiryKey:
			z.Expiry = atol(v)
		default:
			z.Entries.Set(k, v)
		}
	}
	z.Encoded = ""
}
