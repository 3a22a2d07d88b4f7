package sdbm

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// The files of testdata were made by htdbm 2.4.71, with "user1" to "user120".
func TestGet(t *testing.T) {
	for i := 1; i <= 120; i++ {
		v, ok, err := Get("testdata/users", fmt.Sprintf("user%d", i))
		if err != nil || !ok || len(v) != 13 {
			t.Errorf("user%d: %q %v %v", i, v, ok, err)
		}
	}
	for _, key := range []string{"", "user", "user0", "user121", "\xff"} {
		if v, ok, err := Get("testdata/users", key); ok || err != nil {
			t.Errorf("%q: %q %v %v", key, v, ok, err)
		}
	}
	if _, _, err := Get("testdata/nosuch", "x"); !errors.Is(err, syscall.ENOENT) {
		t.Errorf("no file: %v", err)
	}
	name := filepath.Join(t.TempDir(), "x")
	for _, f := range []string{".pag", ".dir"} {
		if err := os.WriteFile(name+f, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, ok, err := Get(name, "x"); ok || err != nil {
		t.Errorf("an empty database: %v %v", ok, err)
	}
}

func FuzzGet(f *testing.F) {
	for _, name := range []string{"testdata/users.pag", "testdata/users.dir"} {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b[:pageSize], []byte{1}, "user1")
	}
	f.Fuzz(func(t *testing.T, pag, dir []byte, key string) {
		v, ok, err := get(bytes.NewReader(pag), bytes.NewReader(dir), key)
		if err != nil && ok || len(v) > pageSize {
			t.Errorf("%d bytes, %v, %v", len(v), ok, err)
		}
	})
}
