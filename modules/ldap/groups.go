package ldap

import (
	ldapv3 "github.com/go-ldap/ldap/v3"

	"github.com/donjon-httpd/donjon/server"
)

// CompareSubgroups looks through the groups in a group, one level after another.
func (h *handle) CompareSubgroups(address, dn, value string, g server.LDAPGroups) server.LDAPResult {
	if g.Depth >= g.Max || h.conn == nil {
		return server.LDAPCompareFalse
	}
	u := cachesOf(mainOf(h.r.Server), address)
	// As in Apache the groups of a group are remembered with a comparison that
	// asks for its kind.
	key := compareKey{dn, "objectClass", g.Classes[0]}
	known, ok := u.compares.get(key, u.compareTTL)
	if !ok || !known.looked {
		elog.Debug(h.r).Msgf("AH01289: no cached SGL for %s, retrieving from LDAP", dn)
		groups, code := h.subgroups(address, dn, g)
		if code != server.LDAPSuccess {
			return code
		}
		known.looked, known.groups = true, groups
		u.compares.put(key, known)
	}
	if len(known.groups) == 0 {
		elog.Debug(h.r).Msgf("AH01290: no subgroups for %s", dn)
	}
	g.Depth++
	for _, group := range known.groups {
		if code := h.Compare(address, group, g.Attribute, value); code == server.LDAPCompareTrue {
			elog.Debug(h.r).Msgf("AH01295: Found user %s in a subgroup (%s) at level %d of %d.", value, group, g.Depth, g.Max)
			return code
		}
		elog.Debug(h.r).Msgf("AH01296: User %s not found in subgroup (%s) at level %d of %d.", value, group, g.Depth, g.Max)
		if code := h.CompareSubgroups(address, group, value, g); code == server.LDAPCompareTrue {
			return code
		}
	}
	return server.LDAPCompareFalse
}

// subgroups are the members of a group that are groups.
func (h *handle) subgroups(address, dn string, g server.LDAPGroups) ([]string, server.LDAPResult) {
	var entries []*ldapv3.Entry
	code, _ := h.attempts(func(int) server.LDAPResult {
		var code server.LDAPResult
		entries, code = h.search(dn, 0, "(objectclass=*)", g.Subgroups)
		if !h.lost("ldap_search_ext_s() for subgroups", code) && code != server.LDAPSuccess {
			h.reason = "ldap_search_ext_s() for subgroups failed"
		}
		return code
	})
	if code != server.LDAPSuccess || len(entries) == 0 {
		return nil, code
	}
	var list []string
	for _, a := range g.Subgroups {
		for _, member := range entries[0].GetEqualFoldAttributeValues(a) {
			for _, class := range g.Classes {
				if h.Compare(address, member, "objectClass", class) == server.LDAPCompareTrue {
					list = append(list, member)
					break
				}
			}
		}
	}
	return list, code
}
