package cache_disk

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// TestPath: names are those that Apache 2.4.71 gives.
func TestPath(t *testing.T) {
	c := hostConfig{}
	for key, want := range map[string]string{
		"http://localhost:7463/a.txt?":                       "/AV/tE/LqqElpvzHMZjllYHFQ",
		"http://localhost:7463/vary.txt?":                    "/lF/02/KetvBP22HVTcGN2IEw",
		"accept-encodingx-aqhttp://localhost:7463/vary.txt?": "/Xm/aX/pdfK2Ofuej5htCg9SQ",
	} {
		if got := c.path(key); got != want {
			t.Errorf("%s: %s, want %s", key, got, want)
		}
	}
	c.levels, c.length = directives.Given(3), directives.Given(1)
	if got := c.path("http://localhost:7463/a.txt?"); got != "/A/V/t/ELqqElpvzHMZjllYHFQ" {
		t.Error(got)
	}
}

func sample() (*server.CacheInfo, *server.Fields, *server.Fields) {
	i := &server.CacheInfo{Status: 200, Date: time.UnixMicro(1e15), Expires: time.UnixMicro(2e15), RequestTime: time.UnixMicro(3e15), ResponseTime: time.UnixMicro(4e15)}
	i.Control = server.CacheControl{Parsed: true, MaxAge: true, MaxAgeValue: 60, MaxStaleValue: -1, MinFreshValue: -1, SMaxAgeValue: -1, Invalidated: true}
	var out, in server.Fields
	out.Add("ETag", `"x"`)
	out.Add("Vary", "A, B")
	in.Add("Host", "localhost")
	return i, &out, &in
}

func TestHead(t *testing.T) {
	i, out, in := sample()
	p := server.EncodeCacheHead("key", i, 5, 6, out, in)
	e, inode, device, err := server.DecodeCacheHead(p)
	if err != nil || inode != 5 || device != 6 || e.Key != "key" || e.Info != *i {
		t.Fatalf("%+v %d %d %v", e, inode, device, err)
	}
	if d := cmp.Diff(out.All(), e.Out.All()) + cmp.Diff(in.All(), e.In.All()); d != "" {
		t.Error(d)
	}
	for n := range p {
		if _, _, _, err := server.DecodeCacheHead(p[:n]); err == nil {
			t.Errorf("%d of %d bytes are accepted", n, len(p))
		}
	}
	names, ok := server.DecodeCacheVary(server.EncodeCacheVary(i.Expires, []string{"a", "b"}))
	if d := cmp.Diff([]string{"a", "b"}, names); d != "" || !ok {
		t.Error(d, ok)
	}
}

// FuzzHead: what is read as a head is written in the same way again.
func FuzzHead(f *testing.F) {
	i, out, in := sample()
	f.Add(server.EncodeCacheHead("http://x:80/?", i, 1, 2, out, in))
	f.Fuzz(func(t *testing.T, p []byte) {
		e, inode, device, err := server.DecodeCacheHead(p)
		if err != nil {
			return
		}
		again := server.EncodeCacheHead(e.Key, &e.Info, inode, device, &e.Out, &e.In)
		e2, _, _, err := server.DecodeCacheHead(again)
		if err != nil || e2.Info != e.Info || !bytes.Equal(again, server.EncodeCacheHead(e2.Key, &e2.Info, inode, device, &e2.Out, &e2.In)) {
			t.Errorf("%q becomes %q: %v", p, again, err)
		}
	})
}
