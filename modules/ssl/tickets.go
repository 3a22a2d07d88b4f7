package ssl

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/asn1"
	"encoding/binary"
	"time"

	"github.com/donjon-httpd/donjon/server"
)

// ticketPeriod is how long new tickets are made with one key. Those of the
// period before are still taken.
const ticketPeriod = 12 * time.Hour

// keepTickets gives all servers the keys of session tickets: those of a file,
// or ones that all children know, because they follow from a secret that the
// children share and from the time. Children that serve change them by themselves.
func keepTickets(g *server.Generation) error {
	var rotating []*tls.Config
	for _, v := range g.Servers() {
		c := slot.Of(v)
		if c.ready == nil || c.ready.config == nil {
			continue
		}
		if c.ticketKey.path != "" {
			text := c.ticketKey.texts[0]
			if len(text) < 48 {
				elog.Emerg(server.ServerSubject(g, v)).Msgf("AH02286: Failed to read tls session ticket key from %s", c.ticketKey.path)
				return fatal(v)
			}
			c.ready.config.SetSessionTicketKeys([][32]byte{sha256.Sum256([]byte(text[:48]))})
			continue
		}
		rotating = append(rotating, c.ready.config)
	}
	if len(rotating) == 0 {
		return nil
	}
	secret := g.Secret()
	set := func(at time.Time) {
		period := at.UnixNano() / int64(ticketPeriod)
		keys := [][32]byte{ticketKey(secret, period), ticketKey(secret, period-1)}
		for _, c := range rotating {
			c.SetSessionTicketKeys(keys)
		}
	}
	set(now())
	if g.Board == nil {
		return nil // the parent serves nobody
	}
	go func() {
		for {
			at := now()
			next := time.Duration(int64(ticketPeriod) - at.UnixNano()%int64(ticketPeriod))
			time.Sleep(next + time.Millisecond)
			set(now())
		}
	}()
	return nil
}

// ticketKey is the key of a period.
func ticketKey(secret [32]byte, period int64) (key [32]byte) {
	h := hmac.New(sha256.New, secret[:])
	h.Write([]byte("TLS session tickets"))
	h.Write(binary.BigEndian.AppendUint64(nil, uint64(period)))
	copy(key[:], h.Sum(nil))
	return key
}

func unmarshal(b []byte, to any) (rest []byte, err error) { return asn1.Unmarshal(b, to) }
