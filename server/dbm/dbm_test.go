package dbm

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The files of testdata were made by httxt2dbm of Apache 2.4.71.
func TestRead(t *testing.T) {
	want := map[string]string{"odd?": "a%26b"}
	for i := range 300 {
		want[fmt.Sprintf("key%d", i)] = fmt.Sprintf("value-%d", i*i)
	}
	for _, name := range []string{"sdbm", "gdbm", "db"} {
		kind, ok := ParseType(strings.ToUpper(name))
		if !ok {
			t.Fatalf("no type %s", name)
		}
		got, err := kind.Read("testdata/" + name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
	got, err := DB.Read("testdata/long.db")
	if d := cmp.Diff(map[string]string{"long": strings.Repeat("x", 900), "short": "y"}, got); err != nil || d != "" {
		t.Errorf("long: %v (-want +got):\n%s", err, d)
	}
}

func TestReadRefuses(t *testing.T) {
	if _, err := SDBM.Read("testdata/nosuch"); !os.IsNotExist(err) {
		t.Errorf("absent: %v", err)
	}
	for kind, text := range map[Type]string{DB: "", GDBM: strings.Repeat("\x00", 100), SDBM: "\x03\x00" + strings.Repeat("\xff", 1022)} {
		if pairs, err := kind.Parse([]byte(text)); err == nil {
			t.Errorf("%d: %v", kind, pairs)
		}
	}
	if _, ok := ParseType("ndbm"); ok {
		t.Error("ndbm is there")
	}
}

// FuzzParse: a damaged file is an error or pairs that were in it, never a panic.
func FuzzParse(f *testing.F) {
	for i, name := range []string{"db", "gdbm", "sdbm.pag", "long.db"} {
		b, err := os.ReadFile("testdata/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint8(i%3), b)
	}
	f.Fuzz(func(t *testing.T, kind uint8, b []byte) {
		pairs, err := Type(kind % 3).Parse(b)
		if err != nil {
			return
		}
		for k, v := range pairs {
			if len(k)+len(v) > len(b) {
				t.Errorf("a pair of %d bytes in a file of %d", len(k)+len(v), len(b))
			}
		}
	})
}
