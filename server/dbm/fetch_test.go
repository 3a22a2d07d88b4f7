package dbm

import "testing"

func TestFetch(t *testing.T) {
	for _, tc := range []struct {
		kind, file string
		err        string
	}{
		{"DB", "testdata/db", ""},
		{"default", "testdata/db", ""},
		{"sdbm", "testdata/sdbm", ""},
		{"GDBM", "testdata/gdbm", ""},
		{"DB", "testdata/sdbm", "(120002)APR does not understand this error code"},
		{"DB", "dbm.go", "(120022)APR does not understand this error code"},
		{"DB", "testdata", "(120021)APR does not understand this error code"},
		{"gdbm", "nosuch", "(120003)APR does not understand this error code"},
		{"gdbm", "dbm.go", "(120007)APR does not understand this error code"},
		{"sdbm", "nosuch", "no such file or directory"},
		{"x", "dbm.go", "(20019)DSO load failed"},
	} {
		_, ok, err := Fetch(tc.kind, tc.file, "no such key")
		got := ""
		if err != nil {
			got = err.Error()
		}
		if ok || got != tc.err {
			t.Errorf("%s %s: %v %v", tc.kind, tc.file, ok, err)
		}
		if tc.err != "" {
			continue
		}
		kind, _ := ParseType(tc.kind)
		pairs, err := kind.Read(tc.file)
		if err != nil || len(pairs) == 0 {
			t.Fatal(err)
		}
		for k, want := range pairs {
			if v, ok, err := Fetch(tc.kind, tc.file, k); v != want || !ok || err != nil {
				t.Errorf("%s %q: %q %v %v", tc.kind, k, v, ok, err)
			}
		}
	}
}
