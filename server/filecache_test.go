package server

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestFileCache(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "a")
	c := fileCache{most: 1 << 20}
	look := func() *Finfo {
		t.Helper()
		st, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		info := FinfoOf(st)
		return &info
	}
	write := func(text string, age time.Duration) {
		t.Helper()
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		at := time.Now().Add(-age)
		if err := os.Chtimes(name, at, at); err != nil {
			t.Fatal(err)
		}
	}
	read := func() string {
		t.Helper()
		info := look()
		if data := c.get(name, info); data != nil {
			return "kept " + string(data.data)
		}
		f, err := openFile(name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		data, ok := c.read(name, info, f)
		if !ok {
			t.Fatal("not read")
		}
		return "read " + string(data.data)
	}
	for _, step := range []struct {
		what string
		do   func()
		want string
	}{
		{"a young file", func() { write("one", 0) }, "read one"},
		{"is not kept", func() {}, "read one"},
		{"an old one", func() { write("two", time.Minute) }, "read two"},
		{"is kept", func() {}, "kept two"},
		{"written again", func() { write("six", 2*time.Minute) }, "read six"},
		{"another mode", func() { os.Chmod(name, 0o600) }, "read six"},
		{"kept again", func() {}, "kept six"},
		{"another file with the same time", func() {
			at := look().Mtime
			os.Rename(name, name+".old")
			os.WriteFile(name, []byte("ten"), 0o600)
			os.Chtimes(name, at, at)
		}, "read ten"},
	} {
		step.do()
		if got := read(); got != step.want {
			t.Errorf("%s: %q, want %q", step.what, got, step.want)
		}
	}
}

func TestFileCacheIsBounded(t *testing.T) {
	c := fileCache{most: 10 * cachedFileSize}
	for i := range 20 {
		c.put(fmt.Sprint(i), &cachedFile{data: make([]byte, cachedFileSize)})
	}
	if c.bytes > c.most || int64(len(c.files))*cachedFileSize != c.bytes {
		t.Errorf("%d bytes in %d files", c.bytes, len(c.files))
	}
}
