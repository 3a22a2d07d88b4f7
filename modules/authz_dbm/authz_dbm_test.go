package authz_dbm

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	for in, want := range map[string][]string{
		"a,b": {"a", "b"}, "a": {"a"}, "": {}, "pw:a,,b:rest": {"a", "b"}, "pw:a": {"a"}, "pw::x": {}, "a b,c": {"a b", "c"}, "a\x00b": {"a"},
	} {
		if diff := cmp.Diff(want, parse(in)); diff != "" {
			t.Errorf("%q: %s", in, diff)
		}
	}
}
