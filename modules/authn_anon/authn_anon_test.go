package authn_anon

import "testing"

func TestKnows(t *testing.T) {
	for _, tc := range []struct {
		c    config
		user string
		want bool
	}{
		{config{}, "guest", false},
		{config{noUser: true}, "", false},
		{config{users: []string{"guest"}}, "GUEST", true},
		{config{users: []string{"guest"}}, "", false},
		{config{users: []string{"guest"}, noUser: true}, "", true},
		{config{any: true}, "x", true},
		{config{any: true}, "", false},
	} {
		if got := tc.c.knows(tc.user); got != tc.want {
			t.Errorf("%+v %q: %v", tc.c, tc.user, got)
		}
	}
}
