package session

import (
	"errors"
	"strings"
	"time"

	"github.com/donjon-httpd/donjon/server"
)

// second is in microseconds, in which sessions count time.
const second = 1_000_000

// included tells whether requests for uri have a session.
func (c *config) included(uri string) bool {
	begins := func(list []string) bool {
		for _, p := range list {
			if strings.HasPrefix(uri, p) {
				return true
			}
		}
		return false
	}
	return (len(c.includes) == 0 || begins(c.includes)) && !begins(c.excludes)
}

// load gives the session of r; a blank one when the client has none that is
// valid, which no other call will see, and nil where there is no session at all
// (ap_session_load).
func load(r *server.Request) *server.Session {
	c := slot.Of(r.Dir)
	if !c.on() {
		return nil
	}
	if !c.included(r.URI) {
		elog.Debug(r).Msgf("AH01814: excluded by configuration for: %s", r.URI)
		return nil
	}
	z, err := loadStored(r)
	switch {
	case errors.Is(err, server.ErrNoSession):
		elog.Warn(r).Msgf("AH01815: session is enabled but no session modules have been configured, session not loaded: %s", r.URI)
		return nil
	case err != nil:
		elog.Error(r).Err(err).Msgf("AH01816: error while loading the session, session not loaded: %s", r.URI)
		return nil
	}
	now := time.Now().UnixMicro()
	if err := decode(r, z); err != nil {
		elog.Error(r).Err(err).Msgf("AH01817: error while decoding the session, session not loaded: %s", r.URI)
		z = &server.Session{} // one that cannot be read is as good as none
	}
	if z.Expiry != 0 && z.Expiry < now {
		elog.At(server.LevelTrace1, r).Msg("session is expired")
		z = &server.Session{}
	}
	if max := c.maxAge.Else(0); max != 0 {
		if z.Expiry == 0 {
			z.Expiry = now + max*second
		}
		z.MaxAge = max
	}
	return z
}

func loadStored(r *server.Request) (*server.Session, error) {
	for _, m := range r.Gen.Modules {
		if m.SessionStore == nil {
			continue
		}
		if z, err := m.SessionStore.Load(r); !errors.Is(err, server.ErrNoSession) {
			return z, err
		}
	}
	return nil, server.ErrNoSession
}

// store encodes z and keeps it, if it has changed enough (ap_session_save).
func store(r *server.Request, z *server.Session) {
	c := slot.Of(r.Dir)
	now := time.Now().UnixMicro()
	before := z.Expiry
	switch {
	case z.Written:
		elog.Error(r).Msgf("AH01818: attempt made to save the session twice, session not saved: %s", r.URI)
		return
	case z.Expiry != 0 && z.Expiry < now:
		elog.Warn(r).Msgf("AH01819: attempt made to save a session when the session had already expired, session not saved: %s", r.URI)
		return
	}
	if max := c.maxAge.Else(0); max != 0 {
		z.Expiry, z.MaxAge = now+max*second, max
	}
	if z.Dirty && z.MaxAge != 0 {
		z.Expiry = now + z.MaxAge*second
	}
	if !z.Dirty {
		if i := c.interval.Else(0); i != 0 && z.Expiry-before < i || z.MaxAge == 0 {
			return
		}
	}
	if err := encode(r, z); err != nil {
		elog.Error(r).Err(err).Msgf("AH01820: error while encoding the session, session not saved: %s", r.URI)
		return
	}
	err := server.ErrNoSession
	for _, m := range r.Gen.Modules {
		if m.SessionStore == nil {
			continue
		}
		if err = m.SessionStore.Save(r, z); !errors.Is(err, server.ErrNoSession) {
			break
		}
	}
	switch {
	case errors.Is(err, server.ErrNoSession):
		elog.Warn(r).Msgf("AH01821: session is enabled but no session modules have been configured, session not saved: %s", r.URI)
	case err != nil:
		elog.Error(r).Err(err).Msgf("AH01822: error while saving the session, session not saved: %s", r.URI)
	default:
		z.Written = true
	}
}

// save stores the sessions when the head is about to be sent: a cookie has to
// be in it.
var save = &server.OutputFilter{Name: "MOD_SESSION_OUT", Level: server.ContentSetLevel, Run: func(l *server.Link, b *server.Brigade) error {
	r := l.R
	if r.Main != nil {
		r = r.Main
	}
	for ; r != nil; r = r.Next {
		z := load(r)
		if z == nil || z.Written {
			continue
		}
		if name, ok := slot.Of(r.Dir).header.Get(); ok {
			takeHeader(r, z, name)
		}
		store(r, z)
	}
	l.Remove()
	return l.Pass(b)
}}

// takeHeader puts what a program said in a field of the response into the session.
func takeHeader(r *server.Request, z *server.Session, name string) {
	for _, t := range []*server.Fields{&r.ErrOut, &r.Out} {
		if v, ok := t.Lookup(name); ok {
			t.Unset(name)
			z.Encoded, z.Dirty = v, true
			unpack(z)
			return
		}
	}
}

func insertFilter(r *server.Request) { r.AddOutputFilter(save, nil) }

// fixup loads the session for the handler, and shows it to programs.
func fixup(r *server.Request) server.Status {
	if z := load(r); z != nil && slot.Of(r.Dir).env.Else(false) {
		r.Env.Set("HTTP_SESSION", pack(z))
		z.Encoded = ""
	}
	return server.OK
}
