package server

import "errors"

// Session is what a client's session holds (session_rec).
type Session struct {
	UUID    string // key under which it is stored; "" while it has none
	Entries Fields
	Encoded string // as it is stored; "" for none
	Expiry  int64  // when it ends, in microseconds since 1970; 0: never
	MaxAge  int64  // in seconds; 0: no limit
	Dirty   bool   // an entry was changed
	Written bool   // it was saved for this request
}

// SessionStore is a place where sessions are kept between requests. Stores are
// asked in the order of their modules.
type SessionStore struct {
	// Load finds the session of r, a new one if there is none yet. ErrNoSession:
	// the store is not meant here.
	Load func(r *Request) (*Session, error)
	// Save keeps what z.Encoded holds; ErrNoSession as in Load.
	Save func(r *Request, z *Session) error
}

// ErrNoSession is what a store answers that is not configured for a request.
var ErrNoSession = errors.New("no session is kept here")

// SessionCoding changes the stored form of sessions: encrypts it.
type SessionCoding struct {
	Encode func(r *Request, z *Session) error
	Decode func(r *Request, z *Session) error
}

// Session is the session of r, nil where there is none (ap_session_load). Two
// calls give the same session, unless it is a blank one.
func (r *Request) Session() *Session {
	for _, m := range r.Gen.Modules {
		if m.Session != nil {
			return m.Session(r)
		}
	}
	return nil
}

// Set replaces an entry, or removes it when value is "" (ap_session_set).
func (z *Session) Set(key, value string) {
	if value == "" {
		z.Entries.Unset(key)
	} else {
		z.Entries.Set(key, value)
	}
	z.Dirty = true
}
