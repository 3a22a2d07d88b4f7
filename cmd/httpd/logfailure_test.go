package main

import (
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// TestLogsThatCannotBeWritten serves while a log's disk is full and another
// log's program does not read, and says each once.
func TestLogsThatCannotBeWritten(t *testing.T) {
	s := newLiveServer(t, `CustomLog /dev/full "full %r"
CustomLog "|/bin/sleep 600" "pipe %r %{X-Long}i"
`)
	long := strings.Repeat("x", 4000)
	const requests = 300 // more than pipe and buffers hold
	began := time.Now()
	for range requests {
		req, _ := http.NewRequest("GET", "http://"+s.addr+"/index.html", nil)
		req.Header.Set("X-Long", long)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		n, err := io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if resp.StatusCode != 200 || n != 1024 || err != nil {
			t.Fatalf("%s with %d bytes: %v", resp.Status, n, err)
		}
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("%d requests took %v", requests, took)
	}
	time.Sleep(1500 * time.Millisecond)
	log, _ := os.ReadFile(s.file("error.log"))
	for _, spec := range []string{"/dev/full", "|/bin/sleep 600"} {
		lines := strings.Count(string(log), "AH00646: Error writing to "+spec)
		if children := len(childrenOf(t, s.pid)); lines < 1 || lines > children {
			t.Errorf("%d lines about %s from %d children\n%s", lines, spec, children, log)
		}
	}
	whole, _ := os.ReadFile(s.file("access.log"))
	if n := strings.Count(string(whole), "\n"); n != requests {
		t.Errorf("%d lines in the log that can be written, of %d", n, requests)
	}
	s.stop()
}
