package authnz_ldap

import (
	"strings"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/httpdconf"
	"github.com/donjon-httpd/donjon/server"
)

const authzPrefix = "AUTHORIZE_"

// requirement is a kind of Require while it is asked for a request.
type requirement struct {
	r    *server.Request
	c    *config
	f    *found
	args *server.Expr
	held []server.LDAPConn
}

// parser makes the Parse of a kind of Require.
func parser(check func(*requirement) server.AuthzResult) func(*directives.Cmd, string) (server.AuthzCheck, error) {
	return func(cmd *directives.Cmd, args string) (server.AuthzCheck, error) {
		e, err := server.CompileRequire(cmd, args)
		if err != nil {
			return nil, err
		}
		return func(r *server.Request) server.AuthzResult {
			r.Unrepeatable()
			q := &requirement{r: r, c: slot.Of(r.Dir), args: e}
			defer q.release()
			return check(q)
		}, nil
	}
}

func (q *requirement) release() {
	for _, c := range q.held {
		c.Release()
	}
	q.held = nil
}

// connection is one to ask, as the user who has proved a password where the
// configuration wants that.
func (q *requirement) connection(asUser bool) server.LDAPConn {
	dn, pw := q.c.bindDN, q.c.bindPassword()
	if asUser && q.f.password != "" {
		dn, pw = q.f.dn, q.f.password
	}
	conn := q.r.Gen.LDAP().Find(q.r, q.c.target(dn, pw))
	q.held = append(q.held, conn)
	return conn
}

// begin sees that there is a user, and that its entry is known; conn is nil
// where the answer is clear.
func (q *requirement) begin(asUser bool, blank string) (conn server.LDAPConn, result server.AuthzResult) {
	if !q.r.UserSet {
		return nil, server.AuthzDeniedNoUser
	}
	if q.c.where == nil {
		return nil, server.AuthzDenied
	}
	if q.f = requests.Of(q.r); q.f == nil {
		q.f = newFound(q.r)
	}
	conn = q.connection(asUser)
	if q.f.dn == "" {
		if q.r.User == "" {
			elog.Warn(q.r).Msgf("%s: ldap authorize: Userid is blank, AuthType=%s", blank, q.r.AuthType)
		}
		if !q.findUser(conn) {
			return nil, server.AuthzDenied
		}
	}
	return conn, server.AuthzGranted
}

// findUser looks for the entry of a user whom another module has let in.
func (q *requirement) findUser(conn server.LDAPConn) bool {
	filter, ok := q.c.filterFor(q.r, q.r.User, q.c.where.filter)
	if !ok {
		elog.Error(q.r).Msgf("AH02623: auth_ldap authorize: ldap filter too long (>%d): %s", longestFilter+1, filter[:longestFilter])
		return false
	}
	dn, values, result := conn.UserDN(q.c.search(filter))
	if result != server.LDAPSuccess {
		elog.Debug(q.r).Msgf("AH01701: auth_ldap authorise: User DN not found, %s", conn.Reason())
		return false
	}
	q.f.dn, q.f.user, q.f.values = dn, q.r.User, values
	if !q.c.setVars(q.r, authnPrefix, values) && q.c.userAttribute != "" {
		elog.Warn(q.r).Msgf("AH10450: auth_ldap non-ldap authenticate: REMOTE_USER was to be set with attribute '%s', "+
			"but this attribute was not requested for in the LDAP query for the user. REMOTE_USER will fall "+
			"back to username or DN as appropriate.", q.c.userAttribute)
	}
	return true
}

// value is the arguments for this request.
func (q *requirement) value(failed string) (string, bool) {
	s, err := q.args.Eval(q.r)
	if err != nil {
		elog.Error(q.r).Msgf("%s: %s", failed, err)
		return "", false
	}
	return s, true
}

// ready is begin for what is asked about the user's entry, with the arguments.
func (q *requirement) ready(asUser bool, blank, undefined, failed string) (conn server.LDAPConn, args string, result server.AuthzResult) {
	if conn, result = q.begin(asUser, blank); conn == nil {
		return nil, "", result
	}
	if q.f.dn == "" {
		elog.Debug(q.r).Msg(undefined)
		return nil, "", server.AuthzDenied
	}
	args, ok := q.value(failed)
	if !ok {
		return nil, "", server.AuthzDenied
	}
	return conn, args, server.AuthzGranted
}

func (q *requirement) grant() server.AuthzResult {
	q.c.setVars(q.r, q.c.prefix.Else(authzPrefix), q.f.values)
	return server.AuthzGranted
}

func requireUser(q *requirement) server.AuthzResult {
	conn, line, result := q.ready(q.c.compareAsUser, "AH01699",
		"AH01702: auth_ldap authorize: require user: user's DN has not been defined; failing authorization",
		"AH02585: auth_ldap authorize: require user: Can't evaluate expression")
	if conn == nil {
		return result
	}
	// The whole line may be one name, with blanks.
	a := q.c.where
	code := conn.Compare(a.url, q.f.dn, a.attribute(), line)
	if code == server.LDAPCompareTrue {
		elog.Debug(q.r).Msg("AH01703: auth_ldap authorize: require user: authorization successful")
		return q.grant()
	}
	elog.Debug(q.r).Msgf("AH01704: auth_ldap authorize: require user: authorization failed [%s][%s]", conn.Reason(), code)
	for rest := line; ; {
		var name string
		if name, rest = httpdconf.Getword(rest); name == "" {
			break
		}
		if code = conn.Compare(a.url, q.f.dn, a.attribute(), name); code == server.LDAPCompareTrue {
			elog.Debug(q.r).Msg("AH01705: auth_ldap authorize: require user: authorization successful")
			return q.grant()
		}
		elog.Debug(q.r).Msgf("AH01706: auth_ldap authorize: require user: authorization failed [%s][%s]", conn.Reason(), code)
	}
	elog.Debug(q.r).Msgf("AH01707: auth_ldap authorize user: authorization denied for user %s to %s", q.r.User, q.r.URI)
	return server.AuthzDenied
}

var (
	defaultAttributes = []string{"member", "uniqueMember"}
	defaultClasses    = []string{"groupOfNames", "groupOfUniqueNames"}
)

func orDefault(list, other []string) []string {
	if len(list) == 0 {
		return other
	}
	return list
}

func requireGroup(q *requirement) server.AuthzResult {
	conn, result := q.begin(q.c.compareAsUser, "AH01699")
	if conn == nil {
		return result
	}
	if q.r.User == "" {
		elog.Warn(q.r).Msgf("AH01709: ldap authorize: Userid is blank, AuthType=%s", q.r.AuthType)
	}
	who := q.f.dn
	if q.c.memberIsName {
		if q.f.user == "" {
			q.f.user = q.r.User
		}
		who = q.f.user
	} else if who == "" {
		elog.Debug(q.r).Msgf("AH01712: auth_ldap authorize: require group: user's DN has not been defined; failing authorization for user %s", q.r.User)
		return server.AuthzDenied
	}
	group, ok := q.value("AH02586: auth_ldap authorize: require group: Can't evaluate expression")
	if !ok {
		return server.AuthzDenied
	}
	elog.Debug(q.r).Msgf("AH01713: auth_ldap authorize: require group: testing for group membership in \"%s\"", group)
	a := q.c.where
	attributes := orDefault(q.c.groupAttributes, defaultAttributes)
	var code server.LDAPResult
	for _, name := range attributes {
		elog.Debug(q.r).Msgf("AH01714: auth_ldap authorize: require group: testing for %s: %s (%s)", name, who, group)
		if code = conn.Compare(a.url, group, name, who); code == server.LDAPCompareTrue {
			elog.Debug(q.r).Msgf("AH01715: auth_ldap authorize: require group: authorization successful (attribute %s) [%s][%d - %s]",
				name, conn.Reason(), int(code), code)
			return q.grant()
		}
		elog.Debug(q.r).Msgf("AH01719: auth_ldap authorize: require group \"%s\": didn't match with attr %s [%s][%d - %s]",
			group, name, conn.Reason(), int(code), code)
	}
	// Groups in the group want searches too, which may be another user's.
	reason := conn.Reason()
	q.release()
	conn = q.connection(q.c.compareAsUser && q.c.searchAsUser)
	elog.Debug(q.r).Msgf("AH01716: auth_ldap authorise: require group \"%s\": failed [%s][%d - %s], checking sub-groups", group, reason, int(code), code)
	for _, name := range attributes {
		code = conn.CompareSubgroups(a.url, group, who, server.LDAPGroups{Attribute: name,
			Subgroups: orDefault(q.c.subAttributes, defaultAttributes), Classes: orDefault(q.c.subClasses, defaultClasses), Max: q.c.depth.Else(defaultDepth)})
		if code == server.LDAPCompareTrue {
			elog.Debug(q.r).Msgf("AH01717: auth_ldap authorise: require group (sub-group): authorisation successful (attribute %s) [%s][%d - %s]",
				name, conn.Reason(), int(code), code)
			return q.grant()
		}
		elog.Debug(q.r).Msgf("AH01718: auth_ldap authorise: require group (sub-group) \"%s\": didn't match with attr %s [%s][%d - %s]",
			group, conn.Reason(), name, int(code), code)
	}
	elog.Debug(q.r).Msgf("AH01720: auth_ldap authorize group: authorization denied for user %s to %s", q.r.User, q.r.URI)
	return server.AuthzDenied
}

func requireDN(q *requirement) server.AuthzResult {
	conn, dn, result := q.ready(q.c.searchAsUser, "AH01722",
		"AH01725: auth_ldap authorize: require dn: user's DN has not been defined; failing authorization",
		"AH02587: auth_ldap authorize: require dn: Can't evaluate expression")
	if conn == nil {
		return result
	}
	code := conn.CompareDN(q.c.where.url, q.f.dn, dn, q.c.compareOnServer)
	if code == server.LDAPCompareTrue {
		elog.Debug(q.r).Msg("AH01726: auth_ldap authorize: require dn: authorization successful")
		return q.grant()
	}
	elog.Debug(q.r).Msgf("AH01727: auth_ldap authorize: require dn \"%s\": LDAP error [%s][%s]", dn, conn.Reason(), code)
	elog.Debug(q.r).Msgf("AH01728: auth_ldap authorize dn: authorization denied for user %s to %s", q.r.User, q.r.URI)
	return server.AuthzDenied
}

func requireAttribute(q *requirement) server.AuthzResult {
	conn, line, result := q.ready(q.c.compareAsUser, "AH01730",
		"AH01733: auth_ldap authorize: require ldap-attribute: user's DN has not been defined; failing authorization",
		"AH02588: auth_ldap authorize: require ldap-attribute: Can't evaluate expression")
	if conn == nil {
		return result
	}
	for rest := line; rest != ""; {
		var name, value string
		var ok bool
		if name, rest, ok = strings.Cut(rest, "="); ok {
			rest = strings.TrimLeft(rest, "=") // ap_getword skips them all
		}
		value, rest = httpdconf.Getword(rest)
		elog.Debug(q.r).Msgf("AH01734: auth_ldap authorize: checking attribute %s has value %s", name, value)
		code := conn.Compare(q.c.where.url, q.f.dn, name, value)
		if code == server.LDAPCompareTrue {
			elog.Debug(q.r).Msg("AH01735: auth_ldap authorize: require attribute: authorization successful")
			return q.grant()
		}
		elog.Debug(q.r).Msgf("AH01736: auth_ldap authorize: require attribute: authorization failed [%s][%s]", conn.Reason(), code)
	}
	elog.Debug(q.r).Msgf("AH01737: auth_ldap authorize attribute: authorization denied for user %s to %s", q.r.User, q.r.URI)
	return server.AuthzDenied
}

func requireFilter(q *requirement) server.AuthzResult {
	conn, text, result := q.ready(q.c.searchAsUser, "AH01739",
		"AH01742: auth_ldap authorize: require ldap-filter: user's DN has not been defined; failing authorization",
		"AH02589: auth_ldap authorize: require ldap-filter: Can't evaluate require expression")
	if conn == nil {
		return result
	}
	if text != "" {
		elog.Debug(q.r).Msgf("AH01743: auth_ldap authorize: checking filter %s", text)
		filter, ok := q.c.filterFor(q.r, q.f.user, text)
		if !ok {
			elog.Error(q.r).Msgf("AH02628: auth_ldap authorize: ldap filter too long (>%d): %s", longestFilter+1, filter[:longestFilter])
			return server.AuthzDenied
		}
		dn, values, code := conn.UserDN(q.c.search(filter))
		if code == server.LDAPSuccess {
			q.f.values = values
			elog.Debug(q.r).Msgf("AH01744: auth_ldap authorize: checking dn match %s", dn)
			if q.c.compareAsUser {
				q.release()
				conn = q.connection(true)
			}
			code = conn.CompareDN(q.c.where.url, q.f.dn, dn, q.c.compareOnServer)
		}
		switch code {
		case server.LDAPCompareTrue:
			elog.Debug(q.r).Msg("AH01745: auth_ldap authorize: require ldap-filter: authorization successful")
			return q.grant()
		case server.LDAPFilterError:
			elog.Debug(q.r).Msgf("AH01746: auth_ldap authorize: require ldap-filter: %s authorization failed [%s][%s]", filter, conn.Reason(), code)
		default:
			elog.Debug(q.r).Msgf("AH01747: auth_ldap authorize: require ldap-filter: authorization failed [%s][%s]", conn.Reason(), code)
		}
	}
	elog.Debug(q.r).Msgf("AH01748: auth_ldap authorize filter: authorization denied for user %s to %s", q.r.User, q.r.URI)
	return server.AuthzDenied
}

func requireSearch(q *requirement) server.AuthzResult {
	if q.c.where == nil {
		return server.AuthzDenied
	}
	if q.f = requests.Of(q.r); q.f == nil {
		q.f = newFound(q.r)
	}
	conn := q.connection(q.c.searchAsUser)
	text, ok := q.value("AH02629: auth_ldap authorize: require ldap-search: Can't evaluate require expression")
	if !ok {
		return server.AuthzDenied
	}
	if text != "" {
		elog.Debug(q.r).Msgf("AH02630: auth_ldap authorize: checking filter %s", text)
		dn, _, code := conn.UserDN(q.c.search(text))
		if code == server.LDAPSuccess && dn != "" {
			q.f.dn = dn
			elog.Debug(q.r).Msg("AH02631: auth_ldap authorize: require ldap-search: authorization successful")
			return q.grant()
		}
		elog.Debug(q.r).Msgf("AH02632: auth_ldap authorize: require ldap-search: %s authorization failed [%s][%s]", text, conn.Reason(), code)
	}
	elog.Debug(q.r).Msgf("AH02633: auth_ldap authorize search: authorization denied for to %s", q.r.URI)
	return server.AuthzDenied
}
