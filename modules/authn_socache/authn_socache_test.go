package authn_socache

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestMerge(t *testing.T) {
	base := config{[]string{"file"}, time.Minute, "server"}
	for _, tc := range []struct{ add, want config }{
		{config{}, base},
		{config{nil, defaultTimeout, directory}, base},
		{config{[]string{"dbm"}, time.Hour, "mine"}, config{[]string{"dbm"}, time.Hour, "mine"}},
	} {
		if diff := cmp.Diff(tc.want, merge(base, tc.add), cmp.AllowUnexported(config{})); diff != "" {
			t.Errorf("%+v: %s", tc.add, diff)
		}
	}
}

func TestAtoi(t *testing.T) {
	for in, want := range map[string]int32{"": 0, "x": 0, "12x": 12, " -3": -3, "+4": 4} {
		if got := atoi(in); got != want {
			t.Errorf("%q: %d", in, got)
		}
	}
}
