package authz_core

import "github.com/donjon-httpd/donjon/server"

var elog = server.NewLog("authz_core")

// authorize is asked twice: before a user is known, when it may say that one
// is needed, and after.
func authorize(r *server.Request, afterAuthn bool) server.Status {
	c := slot.Of(r.Dir)
	if c.root == nil {
		if r.AuthTypeName() != "" {
			elog.Error(r).Msg("AH01627: AuthType configured with no corresponding authorization directives")
			return 500
		}
		elog.Debug(r).Msg("AH01628: authorization result: granted (no directives)")
		return server.OK
	}
	switch result := c.root.apply(r, true); result {
	case server.AuthzGranted:
		return server.OK
	case server.AuthzDeniedNoUser:
		if !afterAuthn {
			return server.Declined // authentication comes first
		}
		elog.Error(r).Msgf("AH01629: authorization failure (no authenticated user): %s", r.URI)
		return unauthorized(r)
	case server.AuthzDenied, server.AuthzNeutral:
		if !afterAuthn || r.AuthTypeName() == "" {
			what := r.Filename
			if what == "" {
				what = "uri " + r.URI
			}
			elog.Error(r).Msgf("AH01630: client denied by server configuration: %s", what)
			return 403
		}
		user := r.User
		if !r.UserSet {
			user = "(null)"
		}
		elog.Error(r).Msgf("AH01631: user %s: authorization failure for \"%s\": ", user, r.URI)
		if c.forbid.Else(false) {
			return 403
		}
		return unauthorized(r)
	}
	return 500
}

// unauthorized asks a user that is known for another; without one the module
// that looked for it has asked.
func unauthorized(r *server.Request) server.Status {
	if r.UserSet {
		r.NoteAuthFailure()
	}
	return 401
}

// apply decides a section for r. parentAnd tells what the section is part of:
// one that is limited to other methods must not spoil it.
func (s *section) apply(r *server.Request, parentAnd bool) server.AuthzResult {
	if s.limited != -1 && s.limited&r.MethodBit() == 0 {
		result := server.AuthzNeutral
		if parentAnd {
			result = server.AuthzGranted
		}
		if e := elog.Debug(r); e != nil {
			e.Msgf("AH01625: authorization result of %s: %s (directive limited to other methods)", s, result)
		}
		return result
	}
	result := server.AuthzNeutral
	if s.check != nil {
		result = s.check(r)
	} else if result = s.combine(r); result == server.AuthzError {
		return result
	}
	if s.negate {
		switch result {
		case server.AuthzGranted:
			result = server.AuthzDenied
		case server.AuthzDenied, server.AuthzDeniedNoUser:
			result = server.AuthzNeutral // that a refusal did not hold grants nothing
		}
	}
	if e := elog.Debug(r); e != nil {
		e.Msgf("AH01626: authorization result of %s: %s", s, result)
	}
	return result
}

// combine decides a container. Denied is stronger than denied-without-user in
// a RequireAll, and weaker in a RequireAny: it says no user could change it.
func (s *section) combine(r *server.Request) server.AuthzResult {
	result := server.AuthzNeutral
	for _, child := range s.children {
		got := child.apply(r, s.and)
		switch {
		case got == server.AuthzError:
			return got
		case got == server.AuthzNeutral:
		case s.and && got == server.AuthzDenied, !s.and && got == server.AuthzGranted:
			return got
		case result == server.AuthzNeutral, got == server.AuthzDeniedNoUser:
			result = got
		}
	}
	return result
}
