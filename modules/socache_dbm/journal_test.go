package socache_dbm

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// two opens a file as two processes do.
func two(t *testing.T) (a, b *journal, path string) {
	path = filepath.Join(t.TempDir(), "x.cache")
	open := func() *journal {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return &journal{file: f}
	}
	return open(), open(), path
}

func want(t *testing.T, j *journal, key, value string, there bool) {
	t.Helper()
	v, ok, err := j.retrieve(key)
	if err != nil || ok != there || ok && v != value {
		t.Errorf("%s: %q %v %v, want %q %v", key, v, ok, err, value, there)
	}
}

func TestJournalShared(t *testing.T) {
	a, b, path := two(t)
	later := time.Now().Add(time.Hour)
	want(t, a, "k", "", false)
	if err := a.store("k", "one", later); err != nil {
		t.Fatal(err)
	}
	want(t, b, "k", "one", true)
	if err := b.store("k", "two", later); err != nil {
		t.Fatal(err)
	}
	want(t, a, "k", "two", true)
	a.store("k", "", time.Time{})
	want(t, b, "k", "", false)
	a.store("old", "x", time.Now())
	want(t, b, "old", "", false)
	a.store("empty", "", later)
	want(t, b, "empty", "", true)

	// A record that a crash has left incomplete is overwritten.
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	f.WriteString("\x01\x00\x00\x00\x05\x00\x00\x00garbage")
	f.Close()
	want(t, a, "empty", "", true)
	b.store("k3", "three", later)
	want(t, a, "k3", "three", true)
}

func TestJournalIsWrittenAnew(t *testing.T) {
	a, b, path := two(t)
	later := time.Now().Add(time.Hour)
	value := strings.Repeat("v", 10000)
	for i := range 400 {
		if err := a.store(fmt.Sprint("k", i%5), value+fmt.Sprint(i), later); err != nil {
			t.Fatal(err)
		}
		if i%50 == 0 {
			want(t, b, fmt.Sprint("k", i%5), value+fmt.Sprint(i), true)
		}
	}
	st, err := os.Stat(path)
	if err != nil || st.Size() > 2*worthIt {
		t.Errorf("%d bytes, %v", st.Size(), err)
	}
	for i := range 5 {
		want(t, b, fmt.Sprint("k", i), value+fmt.Sprint(395+i), true)
	}
}

// FuzzJournal reads a file of anything: it never fails, and serves what is
// stored afterwards.
func FuzzJournal(f *testing.F) {
	f.Add([]byte("DJCACHE1\x01\x00\x00\x00\x00\x00\x00\x00"))
	f.Add(append([]byte("DJCACHE1\x01\x00\x00\x00\x00\x00\x00\x00"), record("a", "b", 1<<62)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		path := filepath.Join(t.TempDir(), "x")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		file, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		j := &journal{file: file}
		if _, _, err := j.retrieve("a"); err != nil {
			t.Fatal(err)
		}
		if err := j.store("key", "value", time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		again := &journal{file: file}
		want(t, again, "key", "value", true)
	})
}
