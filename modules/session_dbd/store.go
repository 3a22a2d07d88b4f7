package session_dbd

import (
	"github.com/google/uuid"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"

	"time"
)

// loaded are the sessions of a request, by the name of their cookie or user.
var loaded server.RequestSlot[map[string]*server.Session]

func load(r *server.Request) (*server.Session, error) {
	c := slot.Of(r.Dir)
	cookie, byCookie := c.name2.Or(c.name).Get()
	name := cookie.Name
	if !byCookie {
		if !c.perUser.IsSet() || !r.UserSet {
			return nil, server.ErrNoSession
		}
		name = r.User
	}
	top := r.Top()
	m := loaded.Of(top)
	if m == nil {
		m = &map[string]*server.Session{}
		loaded.Set(top, m)
	}
	if z := (*m)[name]; z != nil {
		return z, nil
	}
	z := &server.Session{}
	if byCookie {
		if key, ok := r.ReadCookie(name, c.remove.Else(true)); ok {
			text, err := c.find(r, key)
			if err != nil {
				return nil, err
			}
			if id, err := uuid.Parse(key); err == nil && len(key) == keyLen && text.Valid {
				z.UUID = id.String()
			}
			z.Encoded = text.Text
		}
	} else if c.perUser.Else(false) {
		text, err := c.find(r, r.User)
		if err != nil {
			return nil, err
		}
		z.Encoded = text.Text
	} else {
		return nil, server.ErrNoSession
	}
	(*m)[name] = z
	r.Out.Add("Cache-Control", "no-cache, private")
	return z, nil
}

// keyLen is the length of a key: a UUID as text.
const keyLen = 36

// Labels of statements where no directive says one.
const (
	defaultSelect = "selectsession"
	defaultInsert = "insertsession"
	defaultUpdate = "updatesession"
	defaultDelete = "deletesession"
)

// statement gets the connection and checks that it has a statement of that label.
func statement(r *server.Request, label string) (server.DBConn, error) {
	if !r.HasDBD() {
		elog.Error(r).Msg("AH01850: You must load mod_dbd to enable AuthDBD functions")
		return nil, server.ErrGeneral
	}
	db := r.DBD()
	if db == nil {
		elog.Error(r).Msg("AH01851: failed to acquire database connection")
		return nil, server.ErrGeneral
	}
	if !db.Prepared(label) {
		elog.Error(r).Msgf("AH01852: failed to find the prepared statement called '%s'", label)
		return nil, server.ErrGeneral
	}
	return db, nil
}

// find asks for the session of a key that has not ended.
func (c *config) find(r *server.Request, key string) (server.DBValue, error) {
	label := c.selectLabel.Else(defaultSelect)
	db, err := statement(r, label)
	if err != nil {
		return server.DBValue{}, err
	}
	rows, err := db.Select(label, key, time.Now().UnixMicro())
	if err != nil {
		elog.Error(r).Msgf("AH01854: query execution error saving session '%s' in database using query '%s': %s", key, label, err)
		return server.DBValue{}, server.ErrGeneral
	}
	for _, row := range rows.Rows {
		if row[0].Valid {
			return row[0], nil
		}
	}
	return server.DBValue{}, nil
}

// keep writes a session under a new key, in the place of what is under the old
// one, if there is any.
func (c *config) keep(r *server.Request, oldKey, newKey, text string, expiry int64) error {
	if oldKey != "" {
		label := c.updateLabel.Else(defaultUpdate)
		db, err := statement(r, label)
		if err != nil {
			return err
		}
		n, err := db.Exec(label, text, expiry, newKey, oldKey)
		if err != nil {
			elog.Error(r).Msgf("AH01857: query execution error updating session '%s' using database query '%s': %s/%s", oldKey, newKey, label, err)
			return server.ErrGeneral
		}
		if n != 0 {
			return nil
		}
	}
	label := c.insertLabel.Else(defaultInsert)
	db, err := statement(r, label)
	if err != nil {
		return err
	}
	n, err := db.Exec(label, text, expiry, newKey)
	if err != nil {
		elog.Error(r).Msgf("AH01859: query execution error inserting session '%s' in database with '%s': %s", newKey, label, err)
		return server.ErrGeneral
	}
	if n == 0 {
		elog.Error(r).Msgf("AH01860: the session insert query did not cause any rows to be added to the database for session '%s', session not inserted", newKey)
		return server.ErrGeneral
	}
	return nil
}

func (c *config) forget(r *server.Request, key string) error {
	label := c.deleteLabel.Else(defaultDelete)
	db, err := statement(r, label)
	if err != nil {
		return err
	}
	if _, err := db.Exec(label, key); err != nil {
		elog.Error(r).Msgf("AH01864: query execution error removing session '%s' from database", key)
		return server.ErrGeneral
	}
	return nil
}

// save stores a session: under a new key whenever it has changed, so that a key
// which somebody planted with the client leads nowhere after a login.
func save(r *server.Request, z *server.Session) error {
	c := slot.Of(r.Dir)
	if !c.name.IsSet() && !c.name2.IsSet() {
		return c.saveForUser(r, z)
	}
	oldKey, newKey := z.UUID, z.UUID
	if z.Dirty || oldKey == "" {
		id, err := uuid.NewRandom()
		if err != nil {
			return err
		}
		newKey = id.String()
		z.UUID = newKey
	}
	var err error
	if z.Encoded != "" {
		err = c.keep(r, oldKey, newKey, z.Encoded, z.Expiry)
	} else {
		err = c.forget(r, oldKey)
	}
	if err != nil {
		return err
	}
	write := func(field string, name directives.Opt[server.CookieName]) {
		if n, ok := name.Get(); ok {
			r.WriteCookie(field, n, newKey, z.MaxAge, &r.Out, &r.ErrOut) // twice in a success, observed on 2.4.71
		}
	}
	write("Set-Cookie", c.name)
	write("Set-Cookie2", c.name2)
	return nil
}

// saveForUser stores the session of the user who asks.
func (c *config) saveForUser(r *server.Request, z *server.Session) error {
	if !c.perUser.Else(false) {
		return server.ErrNoSession
	}
	r.Out.Add("Cache-Control", "no-cache, private")
	if !r.UserSet {
		elog.Error(r).Msgf("AH01865: peruser sessions can only be saved if a user is logged in, session not saved: %s", r.URI)
		return server.ErrNoSession
	}
	return c.keep(r, r.User, r.User, z.Encoded, z.Expiry)
}
