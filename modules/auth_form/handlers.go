package auth_form

import "github.com/donjon-httpd/donjon/server"

// login is the page that a form may be posted to.
func login(r *server.Request) server.Status {
	if r.Method != "POST" {
		elog.Error(r).Msgf("AH01811: the "+loginHandler+" only supports the POST method for %s", r.URI)
		return 405
	}
	c := slot.Of(r.Dir)
	realm, _ := r.AuthName()
	var sent credentials
	status := c.readForm(r, realm, &sent, false)
	if status == server.OK {
		if status = c.check(r, sent.user, sent.password); status == server.OK {
			c.remember(r, realm, sent.user, sent.password)
			return c.welcome(r, &sent, 200, "AH02341: Can't evaluate login success expression: %s")
		}
	}
	if status == 401 && c.loginRequired != nil {
		return redirect(r, c.loginRequired, "AH02342: Can't evaluate login required expression: %s")
	}
	return status
}

// logout is the page that ends a login.
func logout(r *server.Request) server.Status {
	c := slot.Of(r.Dir)
	realm, _ := r.AuthName()
	c.remember(r, realm, "", "")
	// It would not end if a cache answered.
	r.Out.Add("Cache-Control", "no-store")
	r.ErrOut.Add("Cache-Control", "no-store")
	if c.logout != nil {
		return redirect(r, c.logout, "AH02343: Can't evaluate logout expression: %s")
	}
	return 200
}

// replay makes the request that a form stood in for.
func replay(r *server.Request) server.Status {
	realm, _ := r.AuthName()
	sent := noted(r, realm)
	if r.KeptBody == nil || !sent.hasMethod || !sent.hasMimetype {
		elog.Error(r).Msgf("AH01813: internal redirect requested but one or all of method, mimetype or body are NULL: %s", r.URI)
		return 500
	}
	elog.Debug(r).Msgf("AH01812: internal redirect to method '%s' and body mimetype '%s' for the uri: %s", sent.method, sent.mimetype, r.URI)
	sub := r.SubRequestMethodURI(sent.method, r.URI)
	status := sub.RunSub()
	if status == 200 || status == server.OK {
		r.Status = 200
		return server.OK
	}
	return status // what was begun of r has no status yet
}
