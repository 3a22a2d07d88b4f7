package dbm

import (
	"testing"
)

func TestFetch(t *testing.T) {
	const text, sdbmName = "dbm.go", "sdbm/testdata/users"
	for _, tc := range []struct {
		kind, file, key string
		ok              bool
		err             string
	}{
		{"DB", "bdb/testdata/users.db", "user1", true, ""},
		{"default", "bdb/testdata/users.db", "user1", true, ""},
		{"default", sdbmName, "user1", true, ""},
		{"sdbm", sdbmName, "user1", true, ""},
		{"sdbm", sdbmName, "nobody", false, ""},
		{"GDBM", "gdbm/testdata/users.gdbm", "user1", true, ""},
		{"DB", sdbmName, "user1", false, "(120002)APR does not understand this error code"},
		{"DB", text, "x", false, "(120022)APR does not understand this error code"},
		{"DB", "sdbm", "x", false, "(120021)APR does not understand this error code"},
		{"gdbm", "nosuch", "x", false, "(120003)APR does not understand this error code"},
		{"gdbm", text, "x", false, "(120007)APR does not understand this error code"},
		{"sdbm", "nosuch", "x", false, "no such file or directory"},
		{"x", text, "x", false, "(20019)DSO load failed"},
	} {
		v, ok, err := Fetch(tc.kind, tc.file, tc.key)
		got := ""
		if err != nil {
			got = err.Error()
		}
		if ok != tc.ok || got != tc.err || ok && len(v) != 13 {
			t.Errorf("%s %s %s: %q %v %v", tc.kind, tc.file, tc.key, v, ok, err)
		}
	}
}
