package main

import (
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// TestFileCacheValid: a file that was changed is sent as it is now, at once or
// when what was kept has become too old.
func TestFileCacheValid(t *testing.T) {
	for _, valid := range []string{"0", "200ms", "1"} {
		s := newLiveServer(t, "FileCacheValid "+valid+"\n<Directory />\nAllowOverride AuthConfig\n</Directory>\n")
		url := "http://" + s.addr + "/index.html"
		get := func() string {
			resp, err := http.Get(url)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			b, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			return string(b)
		}
		page, access := s.file("jail/htdocs/index.html"), s.file("jail/htdocs/.htaccess")
		for range 3 {
			get()
		}
		for _, change := range []struct {
			file, text, want string
		}{
			{page, "changed", "changed"},
			{access, "Require all denied", "Forbidden"},
		} {
			if err := os.WriteFile(change.file, []byte(change.text), 0o644); err != nil {
				t.Fatal(err)
			}
			seen := false
			for tries := 0; !seen && tries < 100; tries++ {
				seen = strings.Contains(get(), change.want)
				if !seen && valid == "0" {
					t.Fatalf("FileCacheValid 0: %s is not seen at once", change.want)
				}
				if !seen {
					time.Sleep(50 * time.Millisecond)
				}
			}
			if !seen {
				t.Errorf("FileCacheValid %s: %q is not seen", valid, change.want)
			}
		}
		s.stop()
	}
}
