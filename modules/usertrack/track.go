package usertrack

import (
	"crypto/rand"
	"encoding/binary"
	"strconv"
	"time"

	"github.com/donjon-httpd/donjon/server"
)

// cookieNote has the cookie's value, for logs.
const cookieNote = "cookie"

// track is spot_cookie of mod_usertrack.c: it notes the cookie that came, or
// makes one.
func track(r *server.Request) server.Status {
	c := slot.Of(r.Dir)
	if r.Main != nil {
		return server.Declined
	}
	if field, ok := r.FieldIn("Cookie"); ok {
		find := c.find
		if find == nil {
			find = defaultFind
		}
		if m := find.Match(nil, field); m != nil {
			value := m[1]
			if m[2] != "" {
				value = m[2]
			}
			r.Notes.Set(cookieNote, value)
			return server.Declined
		}
	}
	var b [4]byte
	rand.Read(b[:])
	value := strconv.FormatUint(uint64(binary.NativeEndian.Uint32(b[:])), 16) + "." + strconv.FormatInt(r.Received.UnixMicro(), 16)
	name := "Set-Cookie"
	if c.style == cookie2 {
		name = "Set-Cookie2"
	}
	r.ErrOut.Add(name, c.field(value, *serverSlot.Of(r.Server), r.Received))
	r.Notes.Set(cookieNote, value)
	return server.OK
}

// field writes the cookie with its attributes; expires is in seconds from now.
func (c *config) field(value string, expires int32, now time.Time) string {
	name := c.name
	if name == "" {
		name = defaultName
	}
	s := name + "=" + value + "; path=/"
	switch {
	case expires == 0:
	case c.style == netscape:
		s += "; expires=" + now.Add(time.Duration(expires)*time.Second).UTC().Format("Mon, 02-Jan-06 15:04:05 GMT")
	default:
		s += "; max-age=" + strconv.Itoa(int(expires))
	}
	if c.domain != "" {
		s += "; domain=" + c.domain
		if c.style == cookie2 {
			s += "; version=1"
		}
	}
	if c.sameSite != "" {
		s += "; " + c.sameSite
	}
	if c.secure {
		s += "; Secure"
	}
	if c.httpOnly {
		s += "; HttpOnly"
	}
	return s
}
