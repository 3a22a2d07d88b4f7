package cache_socache

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/donjon-httpd/donjon/server"
)

// memory is a cache that forgets nothing.
type memory map[string]string

func (m memory) Store(key, value string, _ time.Time) error { m[key] = value; return nil }
func (m memory) Retrieve(key string) (string, bool, error)  { v, ok := m[key]; return v, ok, nil }
func (m memory) Remove(key string)                          { delete(m, key) }

func TestWriter(t *testing.T) {
	m := memory{}
	now := time.Now()
	r := &server.Request{Received: now, Status: 200}
	w := &writer{r: r, cache: m, key: "http://x:80/?", at: "http://x:80/?", most: 2000, maxTime: time.Hour, minTime: time.Minute}
	var out, in server.Fields
	out.Set("Content-Type", "text/plain")
	in.Set("Accept", "*/*")
	info := &server.CacheInfo{Status: 200, Expires: now.Add(24 * time.Hour)}
	if err := w.Head(info, &out, &in); err != nil {
		t.Fatal(err)
	}
	if !w.expires.Equal(now.Add(time.Hour)) {
		t.Errorf("it is kept until %v", w.expires)
	}
	if err := w.Write([]byte("body")); err != nil {
		t.Fatal(err)
	}
	if err := w.Write([]byte(strings.Repeat("x", 2000))); !errors.Is(err, errRoom) {
		t.Errorf("what does not fit: %v", err)
	}
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
	e, headOnly, _, err := server.DecodeCacheHead([]byte(m["http://x:80/?"]))
	if err != nil || headOnly != 0 || string(e.Mem) != "body" || e.Out.Get("Content-Type") != "text/plain" || e.Info.Status != 200 {
		t.Errorf("%+v %v", e, err)
	}
	if soon := w.until(&server.CacheInfo{Expires: now.Add(time.Second)}); !soon.Equal(now.Add(time.Minute + time.Second)) {
		t.Errorf("at least MinTime longer: %v", soon)
	}
}

func TestVaryNames(t *testing.T) {
	var out server.Fields
	if n := varyNames(&out); n != nil {
		t.Error(n)
	}
	out.Add("Vary", "User-Agent, Accept-Encoding")
	out.Add("Vary", "accept-encoding")
	if n := strings.Join(varyNames(&out), " "); n != "accept-encoding user-agent" {
		t.Error(n)
	}
}
