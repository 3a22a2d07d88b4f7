package authn_file

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	got := parse("# users\nann:h1\nbob:h2:more\nann:h3\ncid:Realm:00ff\ncid:Other:11ee\ncid:Realm:22dd\nnopassword\ndan::h4\n")
	want := users{
		passwords: map[string]string{"ann": "h1", "bob": "h2", "cid": "Realm", "nopassword": "", "dan": "h4"},
		realms: map[userInRealm]string{{"ann", "h1"}: "", {"bob", "h2"}: "more", {"ann", "h3"}: "", {"cid", "Realm"}: "00ff",
			{"cid", "Other"}: "11ee", {"nopassword", ""}: "", {"dan", "h4"}: ""},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(users{}, userInRealm{})); diff != "" {
		t.Error(diff)
	}
}
