package authz_groupfile

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	got := parse("# groups\nAdmins : ann \"bob b\"\nstaff: bob ann\nempty:\nstaff:cid\nalone\n")
	want := groups{"ann": {"admins": true, "staff": true}, "bob b": {"admins": true}, "bob": {"staff": true}, "cid": {"staff": true}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("a: b \"c d\" 'e\n")
	f.Fuzz(func(t *testing.T, text string) { parse(text) })
}
