package bdb

import (
	"fmt"
	"os"
	"testing"
)

// The file of testdata was made by htdbm 2.4.71, with "user1" to "user120".
func TestParse(t *testing.T) {
	b, err := os.ReadFile("testdata/users.db")
	if err != nil {
		t.Fatal(err)
	}
	pairs, err := Parse(string(b))
	if err != nil || len(pairs) != 120 {
		t.Fatalf("%d pairs, %v", len(pairs), err)
	}
	for i := 1; i <= 120; i++ {
		if v := pairs[fmt.Sprintf("user%d", i)]; len(v) != 13 {
			t.Errorf("user%d: %q", i, v)
		}
	}
	for _, text := range []string{"", "x", string(b[:40]), string(make([]byte, 4096))} {
		if _, err := Parse(text); err == nil {
			t.Errorf("%d bytes are taken for a file", len(text))
		}
	}
}

func FuzzParse(f *testing.F) {
	b, err := os.ReadFile("testdata/users.db")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(b))
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := Parse(text); err != nil && err != ErrFormat {
			t.Error(err)
		}
	})
}
