package auth_form

import "github.com/donjon-httpd/donjon/server"

// credentials are what a form, a session or an earlier phase said.
type credentials struct {
	user, password                                                     string
	location, method, mimetype, body                                   string
	hasUser, hasPassword, hasLocation, hasMethod, hasMimetype, hasBody bool
}

// notes are the credentials of a request by realm, so that the form is read once.
var notes server.RequestSlot[map[string]credentials]

// noted are the credentials that this request has shown before.
func noted(r *server.Request, realm string) credentials {
	var sent credentials
	if m := notes.Of(r.Top()); m != nil {
		sent = (*m)[realm]
		sent.location, sent.hasLocation, sent.body, sent.hasBody = "", false, "", false
	}
	if sent.hasUser {
		r.User, r.UserSet = sent.user, true // though nobody has checked it yet
	}
	elog.At(server.LevelTrace1, r).Msgf("from notes: user: %s, pw: %s, method: %s, mimetype: %s",
		orNull(sent.user, sent.hasUser), hidden(sent.password), orNull(sent.method, sent.hasMethod), orNull(sent.mimetype, sent.hasMimetype))
	return sent
}

// orNull is a value as Apache's log prints it.
func orNull(s string, there bool) string {
	if !there {
		return "<null>"
	}
	return s
}

// hidden stands for a password in the log.
func hidden(password string) string {
	if password == "" {
		return "<null>"
	}
	return "****"
}

// remember puts a login into the session; an empty user ends it.
func (c *config) remember(r *server.Request, realm, user, password string) {
	z := r.Session()
	if z == nil {
		return
	}
	hash := ""
	if passphrase, ok := c.site.Get(); ok && user != "" {
		hash = siteHash(user, passphrase)
	}
	z.Set(realm+"-user", user)
	z.Set(realm+"-pw", password)
	z.Set(realm+"-site", hash)
}

// fromSession gives the login that the session holds, and its proof.
func fromSession(r *server.Request, realm string) (sent credentials, site string) {
	if z := r.Session(); z != nil {
		sent.user, sent.hasUser = z.Entries.Lookup(realm + "-user")
		sent.password, sent.hasPassword = z.Entries.Lookup(realm + "-pw")
		site = z.Entries.Get(realm + "-site")
	}
	if sent.hasUser {
		r.User, r.UserSet = sent.user, true // though nobody has checked it yet
	}
	elog.At(server.LevelTrace1, r).Msgf("from session: user: %s, pw: %s, site: %s", orNull(sent.user, sent.hasUser), hidden(sent.password), orNull(site, site != ""))
	return sent, site
}

// readForm reads the login out of the request's body; whole says whether the
// request that the form stands in for counts, too. 401: it lacks the user or the
// password.
func (c *config) readForm(r *server.Request, realm string, sent *credentials, whole bool) server.Status {
	*sent = noted(r, realm)
	if sent.hasUser && sent.hasPassword {
		return server.OK
	}
	pairs, status := r.ReadForm(c.size.Else(defaultSize))
	if status != server.OK {
		return status
	}
	for i := len(pairs) - 1; i >= 0; i-- { // the first of a name counts
		switch p := pairs[i]; {
		case p.Name == c.username.Else(defaultUsername):
			sent.user, sent.hasUser = p.Value, true
		case p.Name == c.password.Else(defaultPassword):
			sent.password, sent.hasPassword = p.Value, true
		case p.Name == c.location.Else(defaultLocation):
			sent.location, sent.hasLocation = p.Value, true
		case !whole:
		case p.Name == c.method.Else(defaultMethod):
			sent.method, sent.hasMethod = p.Value, true
		case p.Name == c.mimetype.Else(defaultMimetype):
			sent.mimetype, sent.hasMimetype = p.Value, true
		case p.Name == c.body.Else(defaultBody):
			sent.body, sent.hasBody = p.Value, true
		}
	}
	elog.At(server.LevelTrace1, r).Msgf("from form: user: %s, pw: %s, method: %s, mimetype: %s, location: %s", orNull(sent.user, sent.hasUser),
		hidden(sent.password), orNull(sent.method, sent.hasMethod), orNull(sent.mimetype, sent.hasMimetype), orNull(sent.location, sent.hasLocation))
	if sent.hasUser {
		r.User, r.UserSet = sent.user, true // though nobody has checked it yet
	}
	switch {
	case !sent.hasUser:
		elog.Debug(r).Msgf("AH02982: form parsed, but username field '%s' was missing or empty, unauthorized", c.username.Else(defaultUsername))
		return 401
	case !sent.hasPassword:
		elog.Debug(r).Msgf("AH02983: form parsed, but password field '%s' was missing or empty, unauthorized", c.password.Else(defaultPassword))
		return 401
	}
	top := r.Top()
	m := notes.Of(top)
	if m == nil {
		m = &map[string]credentials{}
		notes.Set(top, m)
	}
	(*m)[realm] = *sent
	return server.OK
}
