package authnz_ldap

import (
	"strings"

	"github.com/donjon-httpd/donjon/server"
)

// found is what is known of the user of a request.
type found struct {
	dn       string
	user     string
	values   []server.LDAPValue
	password string // that the user has proved to know; "" for none
}

var requests server.RequestSlot[found]

const authnPrefix = "AUTHENTICATE_"

// target is the directory, asked by whom the configuration names.
func (c *config) target(dn, password string) server.LDAPTarget {
	return server.LDAPTarget{Hosts: c.where.hosts, Port: c.where.port, BindDN: dn, BindPW: password,
		Deref: c.deref.Else(derefAlways), Security: c.where.security}
}

func (c *config) search(filter string) server.LDAPSearch {
	a := c.where
	return server.LDAPSearch{URL: a.url, Base: a.base, Scope: a.scope, Attrs: a.attrs, Filter: filter}
}

func newFound(r *server.Request) *found {
	f := &found{}
	requests.Set(r, f)
	elog.Debug(r).Msg("AH01740: ldap authorize: Creating LDAP req structure")
	return f
}

func checkPassword(r *server.Request, user, password string) server.AuthnResult {
	c := slot.Of(r.Dir)
	if c.where == nil {
		elog.Warn(r).Msg("AH02558: no AuthLDAPURL")
		return server.AuthnError
	}
	// A directory takes an empty password for nobody's, and lets everyone in.
	if password == "" {
		elog.Debug(r).Msg("AH10263: auth_ldap authenticate: empty password specified")
		return server.AuthnDenied
	}
	dn, pw := c.bindDN, c.bindPassword()
	if c.bindAsUser {
		dn, pw = c.bindName(r, user), password
	}
	f := requests.Of(r)
	if f == nil {
		f = newFound(r)
	} else {
		*f = found{}
	}
	elog.Debug(r).Msgf("AH01691: auth_ldap authenticate: using URL %s", c.where.url)
	filter, ok := c.filterFor(r, user, c.where.filter)
	if !ok {
		elog.Error(r).Msgf("AH02622: auth_ldap authenticate: ldap filter too long (>%d): %s", longestFilter+1, filter[:longestFilter])
		return server.AuthnError
	}
	elog.Trace(1, r).Msgf("auth_ldap authenticate: final authn filter is %s", filter)
	conn := r.Gen.LDAP().Find(r, c.target(dn, pw))
	name, values, result := conn.CheckUser(c.search(filter), translate(r, password))
	conn.Release()
	if result != server.LDAPSuccess {
		return c.refused(r, user, conn.Reason(), result)
	}
	f.dn, f.user, f.values, f.password = name, user, values, password
	if c.userIsDN {
		r.User = f.dn
	}
	if !c.setVars(r, authnPrefix, f.values) && c.userAttribute != "" {
		elog.Warn(r).Msgf("AH01696: auth_ldap authenticate: REMOTE_USER was to be set with attribute '%s', "+
			"but this attribute was not requested for in the LDAP query for the user. REMOTE_USER will fall "+
			"back to username or DN as appropriate.", c.userAttribute)
	}
	elog.Debug(r).Msgf("AH01697: auth_ldap authenticate: accepting %s", user)
	return server.AuthnGranted
}

// refused says what became of a user whom the directory did not confirm.
func (c *config) refused(r *server.Request, user, reason string, result server.LDAPResult) server.AuthnResult {
	if c.notAuthoritative {
		elog.Debug(r).Msgf("AH01694: auth_ldap authenticate: user %s authentication failed; URI %s [%s][%s] (not authoritative)",
			user, r.URI, reason, result)
		return server.AuthnUserNotFound
	}
	elog.Info(r).Msgf("AH01695: auth_ldap authenticate: user %s authentication failed; URI %s [%s][%s]", user, r.URI, reason, result)
	switch {
	case strings.EqualFold(c.where.filter, "none") && result == server.LDAPOther:
		return server.AuthnUserNotFound // a directory that tells no errors apart
	case result == server.LDAPNoSuchObject:
		return server.AuthnUserNotFound
	case result >= 47 && result <= 50 || result == server.LDAPConstraint: // LDAP_SECURITY_ERROR; a user who is locked
		return server.AuthnDenied
	}
	return server.AuthnError
}

// bindName is as whom a user is bound before its entry is known.
func (c *config) bindName(r *server.Request, user string) string {
	if c.bindPattern == nil {
		return user
	}
	name := user
	if groups := c.bindPattern.Match(nil, user); groups != nil {
		name = expand(c.bindSubst, groups)
	}
	r.Env.Set("LDAP_BINDASUSER", name)
	return name
}

// expand puts groups in the places of $0 to $9; a backslash has $ mean itself.
func expand(template string, groups []string) string {
	var b strings.Builder
	for i := 0; i < len(template); i++ {
		switch t := template[i]; {
		case t == '$' && i+1 < len(template) && template[i+1] >= '0' && template[i+1] <= '9':
			i++
			if n := int(template[i] - '0'); n < len(groups) {
				b.WriteString(groups[n])
			}
		case t == '\\' && i+1 < len(template) && (template[i+1] == '$' || template[i+1] == '&'):
			i++
			b.WriteByte(template[i])
		default:
			b.WriteByte(t)
		}
	}
	return b.String()
}

// setVars has the attributes of the user in the environment. It tells whether
// one of them was to be the user's name.
func (c *config) setVars(r *server.Request, prefix string, values []server.LDAPValue) (named bool) {
	if values == nil {
		return false
	}
	for i, a := range c.where.attrs {
		v := server.LDAPValue{}
		if i < len(values) {
			v = values[i]
		}
		r.Env.Set(prefix+strings.ToUpper(a), v.Text)
		if prefix == authnPrefix && c.userAttribute == a {
			r.User, r.UserSet = v.Text, v.Set
			named = true
		}
	}
	return named
}
