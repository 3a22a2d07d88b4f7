package ldap

import (
	"errors"
	"strconv"
	"testing"
	"time"

	ldapv3 "github.com/go-ldap/ldap/v3"

	"github.com/donjon-httpd/donjon/server"
)

// TestCache: it holds what it may, forgets what is old, and the older half of
// what it has when it is full.
func TestCache(t *testing.T) {
	c := cache[string, int]{most: 8}
	for i := range 8 {
		c.put(strconv.Itoa(i), i)
		time.Sleep(time.Millisecond)
	}
	if v, ok := c.get("0", time.Hour); !ok || v != 0 {
		t.Error("the first is gone before it is full")
	}
	c.put("8", 8)
	if _, ok := c.get("0", time.Hour); ok {
		t.Error("the first is there still")
	}
	for _, k := range []string{"6", "7", "8"} {
		if _, ok := c.get(k, time.Hour); !ok {
			t.Errorf("%s is gone: %v", k, c.entries)
		}
	}
	if _, ok := c.get("8", time.Nanosecond); ok {
		t.Error("it does not grow old")
	}
	none := cache[string, int]{}
	none.put("a", 1)
	if _, ok := none.get("a", 0); ok {
		t.Error("a cache of no entries has one")
	}
	if s := c.stats(); s.purges != 1 || s.inserts != 9 {
		t.Errorf("%+v", s)
	}
}

func TestPassword(t *testing.T) {
	s := search{password: sum("secret")}
	if !s.holds("secret") || s.holds("other") || (&search{}).holds("") {
		t.Error("a password is mistaken")
	}
}

func TestResultOf(t *testing.T) {
	for _, tc := range []struct {
		err  error
		want server.LDAPResult
	}{
		{nil, server.LDAPSuccess},
		{ldapv3.NewError(49, errors.New("x")), server.LDAPInvalidCredentials},
		{ldapv3.NewError(ldapv3.ErrorNetwork, errors.New("ldap: connection timed out")), server.LDAPTimeout},
		{ldapv3.NewError(ldapv3.ErrorNetwork, errors.New("ldap: connection closed")), server.LDAPServerDown},
		{ldapv3.NewError(ldapv3.ErrorFilterCompile, errors.New("x")), server.LDAPFilterError},
		{errors.New("anything"), server.LDAPServerDown},
	} {
		if got := resultOf(tc.err); got != tc.want {
			t.Errorf("%v: %v", tc.err, got)
		}
	}
}
