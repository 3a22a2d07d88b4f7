package authnz_ldap

import (
	"strings"
	"testing"

	ldapv3 "github.com/go-ldap/ldap/v3"
	"github.com/google/go-cmp/cmp"

	"github.com/donjon-httpd/donjon/server"
)

// TestParseURL: observed on 2.4.71 (LogLevel trace1).
func TestParseURL(t *testing.T) {
	with := func(f func(*address)) address {
		a := address{hosts: "h", port: 389, scope: 2, filter: "objectclass=*"}
		f(&a)
		return a
	}
	for url, want := range map[string]address{
		"ldap://h/dc=x": with(func(a *address) { a.base = "dc=x" }),
		"ldap://h":      with(func(a *address) {}),
		"LDAP://h:123/dc=x?uid?sub?(a=b)": with(func(a *address) {
			a.hosts, a.port, a.base, a.attrs, a.filter = "h:123", 123, "dc=x", []string{"uid"}, "a=b"
		}),
		"ldap://h1:123 h2:456/dc=x":         with(func(a *address) { a.hosts, a.port, a.base = "h1:123 h2:456", 456, "dc=x" }),
		"ldap://h/dc=x?a,b,,c?one?a=b":      with(func(a *address) { a.base, a.attrs, a.scope, a.filter = "dc=x", []string{"a", "b", "c"}, 1, "a=b" }),
		"ldaps://h/dc=x%20y?u%69d":          with(func(a *address) { a.port, a.base, a.attrs = 636, "dc=x y", []string{"uid"} }),
		"<ldap://h/dc=x>":                   with(func(a *address) { a.base = "dc=x" }),
		"URL:ldap://h/x":                    with(func(a *address) { a.base = "x" }),
		"ldap://[::1]:99/":                  with(func(a *address) { a.hosts, a.port = "[::1]:99", 99 }),
		"ldap://h/dc=x?uid?base?(a=b)?!ext": with(func(a *address) { a.base, a.attrs, a.filter = "dc=x", []string{"uid"}, "a=b" }),
		"ldap://h/dc=x???(&(a=b)(c=d))":     with(func(a *address) { a.base, a.filter = "dc=x", "&(a=b)(c=d)" }),
	} {
		want.url = url
		got, err := parseURL(url)
		if err != nil {
			t.Errorf("%s: %v", url, err)
		} else if d := cmp.Diff(want, *got, cmp.AllowUnexported(address{})); d != "" {
			t.Errorf("%s (-want +got):\n%s", url, d)
		}
	}
	for url, want := range map[string]error{"ldap://h:/x": errURL, "ldap://[::1/x": errIPv6, "http://x": errScheme, "ldap:/h": errScheme,
		"ldap://h/x?a?bogus": errScope, "ldap://h/x?a?sub?(f)?": errExtensions, "<ldap://h": errEnclosure, "ldap://h/a?b?sub?c?d?e": errParts} {
		if _, err := parseURL(url); err != want {
			t.Errorf("%s: %v", url, err)
		}
	}
}

func FuzzParseURL(f *testing.F) {
	f.Add("ldap://h:1/dc=x?uid?sub?(a=b)?e")
	f.Add("<URL:ldaps://[::1]:2/%20>")
	f.Fuzz(func(t *testing.T, url string) {
		a, err := parseURL(url)
		if err == nil && (a.scope < 1 || a.scope > 2 || a.attribute() == "" || strings.HasPrefix(a.filter, "((") && !strings.Contains(url, "(")) {
			t.Errorf("%q: %+v", url, a)
		}
	})
}

// FuzzFilter: whatever a user calls itself, the filter asks for that name alone.
func FuzzFilter(f *testing.F) {
	f.Add("ann")
	f.Add("*)(uid=*")
	f.Add("\\\x00(")
	f.Fuzz(func(t *testing.T, user string) {
		var b strings.Builder
		escape(&b, user)
		p, err := ldapv3.CompileFilter("(uid=" + b.String() + ")")
		if err != nil {
			t.Fatalf("%q: %v", user, err)
		}
		if p.Tag != ldapv3.FilterEqualityMatch || p.Children[1].Data.String() != user {
			t.Errorf("%q: %q", user, p.Children[1].Data.String())
		}
	})
}

func TestExpand(t *testing.T) {
	groups := []string{"ann@x", "ann"}
	for template, want := range map[string]string{"uid=$1,dc=x": "uid=ann,dc=x", "$0&": "ann@x&", `\$1`: "$1", "$2": "", "$": "$"} {
		if got := expand(template, groups); got != want {
			t.Errorf("%s: %q", template, got)
		}
	}
}

func TestRefusedNames(t *testing.T) {
	for code, want := range map[server.LDAPResult]string{49: "Invalid credentials", 32: "No such object", -1: "Can't contact LDAP server", 6: "Compare True"} {
		if got := code.String(); got != want {
			t.Errorf("%d: %s", int(code), got)
		}
	}
}
