package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// A site is the scratch folder of a run: documents, configurations, logs.
type site struct{ dir, httpd string }

func (s site) root() string { return filepath.Join(s.dir, "htdocs") }

const (
	deepDir  = "/1/2/3/4/5"
	listDir  = "/list"
	listed   = 50 // files in listDir
	smallLen = 1 << 10
	largeLen = 100 << 10
	hugeLen  = 10 << 20
)

// modified is when all documents were last changed; requests for 304 name it.
var modified = time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC)

// makeSite writes the documents below dir. Every server's account may read them.
func makeSite(dir, httpd string) (site, error) {
	s := site{dir, httpd}
	small := []byte("<html><body>" + strings.Repeat("x", smallLen-26) + "</body></html>")
	files := map[string][]byte{
		"/small.html":           small,
		"/large.bin":            bytes.Repeat([]byte("0123456789abcdef"), largeLen/16),
		"/huge.bin":             bytes.Repeat([]byte("0123456789abcdef"), hugeLen/16),
		deepDir + "/small.html": small,
	}
	for i := range listed {
		files[fmt.Sprintf("%s/file-%02d.html", listDir, i)] = small
	}
	at := "" // each level changes something, so that each has to be merged
	for i, level := range strings.Split(deepDir, "/")[1:] {
		at += "/" + level
		files[at+"/.htaccess"] = fmt.Appendf(nil, "Header set X-Level \"%d\"\nAddType text/x-level%d .level%d\nOptions -Indexes\n", i, i, i)
	}
	for name, text := range files {
		name = s.root() + name
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return s, err
		}
		if err := os.WriteFile(name, text, 0o644); err != nil {
			return s, err
		}
		if err := os.Chtimes(name, modified, modified); err != nil {
			return s, err
		}
	}
	for _, d := range []string{"conf", "logs", "run"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			return s, err
		}
	}
	return s, os.Chmod(dir, 0o755)
}
