package ldap

import (
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	ldapv3 "github.com/go-ldap/ldap/v3"

	"github.com/donjon-httpd/donjon/server"
)

// attempts calls f until it succeeds, or fails otherwise than by losing the
// directory; ok is false when the connection cannot be opened.
func (h *handle) attempts(f func(try int) server.LDAPResult) (code server.LDAPResult, ok bool) {
	retries := h.server.retries.Else(defaultRetries)
	for try := 0; ; try++ {
		if try > 0 && h.server.retryDelay > 0 {
			time.Sleep(h.server.retryDelay)
		}
		if code = h.open(); code != server.LDAPSuccess {
			return code, false
		}
		code = f(try)
		if !down(code) && code != server.LDAPTimeout {
			return code, true
		}
		h.unbind()
		if try >= retries {
			return code, true
		}
	}
}

// lost gives the reason for a directory that was lost during what.
func (h *handle) lost(what string, code server.LDAPResult) bool {
	switch {
	case down(code):
		h.reason = what + " failed with server down"
	case code == server.LDAPTimeout:
		h.reason = what + " failed with timeout"
	default:
		return false
	}
	return true
}

// search asks for entries, and follows where the directory sends.
func (h *handle) search(base string, scope int, filter string, attrs []string) ([]*ldapv3.Entry, server.LDAPResult) {
	if h.ldap == nil {
		return nil, server.LDAPServerDown
	}
	if len(attrs) == 0 {
		attrs = nil
	}
	limit := int(h.server.timeout.Else(defaultTimeout).Seconds())
	q := ldapv3.NewSearchRequest(base, scope, h.to.Deref, 0, limit, false, filter, attrs, nil)
	res, err := h.ldap.Search(q)
	code := resultOf(err)
	var more []string
	if res != nil {
		more = res.Referrals
	}
	if code == 10 {
		more = append(more, referralsOf(err)...)
	}
	c := slot.Of(h.section)
	if len(more) == 0 || c.referrals.Else(chase) == ignore {
		if res == nil || code != server.LDAPSuccess {
			return nil, code
		}
		return res.Entries, code
	}
	var list []*ldapv3.Entry
	if res != nil {
		list = res.Entries
	}
	for _, to := range more {
		found, c := h.follow(to, q, c.hops.Else(defaultHops))
		if c == server.LDAPSuccess {
			code = server.LDAPSuccess
			list = append(list, found...)
		} else if code != server.LDAPSuccess {
			code = c
		}
	}
	return list, code
}

// referralsOf are the addresses in an answer that is a referral.
func referralsOf(err error) []string {
	e, ok := err.(*ldapv3.Error)
	if !ok || e.Packet == nil || len(e.Packet.Children) < 2 {
		return nil
	}
	var list []string
	for _, c := range e.Packet.Children[1].Children {
		if c.Tag != 3 || len(c.Children) == 0 {
			continue
		}
		for _, u := range c.Children {
			if s, ok := u.Value.(string); ok {
				list = append(list, s)
			} else if u.Data != nil {
				list = append(list, u.Data.String())
			}
		}
	}
	return list
}

// follow asks another directory, as the connection's user where referrals are
// followed by configuration, else as nobody.
func (h *handle) follow(to string, q *ldapv3.SearchRequest, hops int) ([]*ldapv3.Entry, server.LDAPResult) {
	if hops <= 0 {
		return nil, 97 // the limit of referrals is exceeded
	}
	u, err := url.Parse(to)
	if err != nil || u.Scheme != "ldap" && u.Scheme != "ldaps" {
		return nil, server.LDAPServerDown
	}
	port := 389
	if u.Scheme == "ldaps" {
		port = 636
	}
	if p := u.Port(); p != "" {
		port, _ = strconv.Atoi(p)
	}
	other := *h
	other.conn = &conn{to: h.to, security: h.security, section: h.section}
	other.to.Hosts = net.JoinHostPort(u.Hostname(), strconv.Itoa(port))
	if u.Scheme == "ldaps" {
		other.security = server.LDAPSSL
	}
	defer other.unbind()
	if code := other.dial(); code != server.LDAPSuccess {
		return nil, code
	}
	dn, password := h.to.BindDN, h.to.BindPW
	if slot.Of(h.section).referrals.Else(chase) == bySDK {
		dn, password = "", ""
	}
	if code := other.bind(dn, password); code != server.LDAPSuccess {
		return nil, code
	}
	next := *q
	if dn := strings.TrimPrefix(u.Path, "/"); dn != "" {
		next.BaseDN = dn
	}
	if parts := strings.Split(u.RawQuery, "?"); len(parts) > 1 && parts[1] != "" {
		next.Scope = map[string]int{"base": 0, "one": 1, "sub": 2}[parts[1]]
	}
	res, err := other.ldap.Search(&next)
	code := resultOf(err)
	if code == 10 || res != nil && len(res.Referrals) > 0 {
		more := referralsOf(err)
		var list []*ldapv3.Entry
		if res != nil {
			more = append(more, res.Referrals...)
			list = res.Entries
		}
		for _, m := range more {
			found, c := other.follow(m, &next, hops-1)
			if c != server.LDAPSuccess {
				return nil, c
			}
			list = append(list, found...)
		}
		return list, server.LDAPSuccess
	}
	if res == nil {
		return nil, code
	}
	return res.Entries, code
}

// one looks for the one entry that matches.
func (h *handle) one(s server.LDAPSearch) (*ldapv3.Entry, server.LDAPResult) {
	list, code := h.search(s.Base, s.Scope, s.Filter, s.Attrs)
	switch {
	case h.lost("ldap_search_ext_s() for user", code):
		return nil, code
	case code != server.LDAPSuccess:
		h.reason = "ldap_search_ext_s() for user failed"
		return nil, code
	case len(list) == 0:
		h.reason = "User not found"
		return nil, server.LDAPNoSuchObject
	case len(list) > 1:
		h.reason = "User is not unique (search found two or more matches)"
		return nil, server.LDAPNoSuchObject
	}
	return list[0], server.LDAPSuccess
}

// valuesOf are the values of the attributes that were asked for.
func valuesOf(e *ldapv3.Entry, attrs []string) []server.LDAPValue {
	list := make([]server.LDAPValue, len(attrs))
	for i, a := range attrs {
		if v := e.GetEqualFoldAttributeValues(a); len(v) > 0 {
			list[i] = server.LDAPValue{Text: strings.Join(v, "; "), Set: true}
		}
	}
	return list
}

func (h *handle) CheckUser(s server.LDAPSearch, password string) (string, []server.LDAPValue, server.LDAPResult) {
	u := cachesOf(mainOf(h.r.Server), s.URL)
	if known, ok := u.searches.get(s.Filter, u.searchTTL); ok && known.holds(password) {
		h.reason = "Authentication successful (cached)"
		return known.dn, known.values, server.LDAPSuccess
	}
	var dn string
	var values []server.LDAPValue
	code, _ := h.attempts(func(int) server.LDAPResult {
		e, code := h.one(s)
		if code != server.LDAPSuccess {
			return code
		}
		if password == "" {
			h.reason = "Empty password not allowed"
			return server.LDAPInvalidCredentials
		}
		// A password that was tried leaves the connection another user's.
		h.rebind = true
		const what = "ldap_simple_bind() to check user credentials"
		switch code = h.bind(e.DN, password); {
		case code == server.LDAPTimeout:
			h.reason = what + " timed out"
		case down(code):
			h.reason = what + " failed with server down"
		case code != server.LDAPSuccess:
			h.unbind()
			h.reason = what + " failed"
		default:
			dn, values = e.DN, valuesOf(e, s.Attrs)
		}
		return code
	})
	if code != server.LDAPSuccess {
		return "", nil, code
	}
	u.searches.put(s.Filter, search{dn: dn, values: values, password: sum(password)})
	h.reason = "Authentication successful"
	return dn, values, code
}

func (h *handle) UserDN(s server.LDAPSearch) (string, []server.LDAPValue, server.LDAPResult) {
	u := cachesOf(mainOf(h.r.Server), s.URL)
	if known, ok := u.searches.get(s.Filter, u.searchTTL); ok {
		h.reason = "Search successful (cached)"
		return known.dn, known.values, server.LDAPSuccess
	}
	var dn string
	var values []server.LDAPValue
	code, _ := h.attempts(func(int) server.LDAPResult {
		e, code := h.one(s)
		if code == server.LDAPSuccess {
			dn, values = e.DN, valuesOf(e, s.Attrs)
		}
		return code
	})
	if code != server.LDAPSuccess {
		return "", nil, code
	}
	u.searches.put(s.Filter, search{dn: dn, values: values})
	h.reason = "Search successful"
	return dn, values, code
}

func (h *handle) CompareDN(address, dn, other string, onServer bool) server.LDAPResult {
	if !onServer {
		if dn != other {
			h.reason = "DN Comparison FALSE (direct strcmp())"
			return server.LDAPCompareFalse
		}
		h.reason = "DN Comparison TRUE (direct strcmp())"
		return server.LDAPCompareTrue
	}
	u := cachesOf(mainOf(h.r.Server), address)
	if known, ok := u.names.get(other, 0); ok && known == dn {
		h.reason = "DN Comparison TRUE (cached)"
		return server.LDAPCompareTrue
	}
	var found string
	code, _ := h.attempts(func(int) server.LDAPResult {
		list, code := h.search(other, 0, "(objectclass=*)", nil)
		switch {
		case h.lost("DN Comparison ldap_search_ext_s()", code):
		case code != server.LDAPSuccess:
			h.reason = "DN Comparison ldap_search_ext_s() failed"
		case len(list) > 0:
			found = list[0].DN
		}
		return code
	})
	switch {
	case code != server.LDAPSuccess:
		return code
	case found != dn:
		h.reason = "DN Comparison FALSE (checked on server)"
		return server.LDAPCompareFalse
	}
	u.names.put(other, dn)
	h.reason = "DN Comparison TRUE (checked on server)"
	return server.LDAPCompareTrue
}

func (h *handle) Compare(address, dn, attribute, value string) server.LDAPResult {
	u := cachesOf(mainOf(h.r.Server), address)
	key := compareKey{dn, attribute, value}
	if known, ok := u.compares.get(key, u.compareTTL); ok && known.compared {
		switch known.result {
		case server.LDAPCompareTrue:
			h.reason = "Comparison true (cached)"
		case server.LDAPCompareFalse:
			h.reason = "Comparison false (cached)"
		case server.LDAPNoSuchAttribute:
			h.reason = "Comparison no such attribute (cached)"
		}
		return known.result
	}
	code, ok := h.attempts(func(int) server.LDAPResult {
		if h.ldap == nil {
			return server.LDAPServerDown
		}
		yes, err := h.ldap.Compare(dn, attribute, value)
		code := resultOf(err)
		if err == nil {
			code = map[bool]server.LDAPResult{true: server.LDAPCompareTrue, false: server.LDAPCompareFalse}[yes]
		}
		h.lost("ldap_compare_s()", code)
		return code
	})
	if !ok || down(code) || code == server.LDAPTimeout {
		return code
	}
	h.reason = "Comparison complete"
	switch code {
	case server.LDAPCompareTrue:
		h.reason = "Comparison true (adding to cache)"
	case server.LDAPCompareFalse:
		h.reason = "Comparison false (adding to cache)"
	case server.LDAPNoSuchAttribute:
		h.reason = "Comparison no such attribute (adding to cache)"
	default:
		return code
	}
	known, _ := u.compares.get(key, u.compareTTL)
	known.compared, known.result = true, code
	u.compares.put(key, known)
	return code
}
