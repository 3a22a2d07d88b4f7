package auth_digest

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParameter(t *testing.T) {
	for _, tc := range []struct{ in, key, value, rest string }{
		{`a=b,c=d`, "a", "b", "c=d"},
		{` a = "b, \"c\"" x , d`, "a", `b, "c"`, " d"},
		{`a`, "a", "", ""}, {`a,b`, "a", "", "b"}, {`=x,`, "", "x", ""}, {`a="b`, "a", "b", ""}, {`a b=c,d`, "a", "", "d"}, {``, "", "", ""},
		{`a="b\`, "a", `b\`, ""},
	} {
		k, v, r := parameter(tc.in)
		if diff := cmp.Diff([]string{tc.key, tc.value, tc.rest}, []string{k, v, r}); diff != "" {
			t.Errorf("%s: %s", tc.in, diff)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(`Digest username="a", realm="r", nonce="` + strings.Repeat("x", 11) + "=" + strings.Repeat("0", 40) + `", uri="/", response="` +
		strings.Repeat("0", 32) + `", qop=auth, nc=1, cnonce="c", opaque="ff"`)
	f.Fuzz(func(t *testing.T, field string) {
		if s := parse(field); s.valid && (len(s.nonce.v) != nonceLen || !s.username.is || !s.digest()) {
			t.Errorf("%+v is valid", s)
		}
	})
}

func TestStrtol(t *testing.T) {
	for _, tc := range []struct {
		in   string
		base int
		n    int64
		rest string
	}{
		{"12", 10, 12, ""}, {" -5x", 10, -5, "x"}, {"+7 ", 10, 7, " "}, {"x", 10, 0, "x"}, {"", 10, 0, ""}, {"0000000a", 16, 10, ""},
		{"0x1F", 16, 31, ""}, {"0xg", 16, 0, "xg"}, {"99999999999999999999", 10, 1<<63 - 1, ""}, {"ff", 10, 0, "ff"},
	} {
		if n, rest := strtol(tc.in, tc.base); n != tc.n || rest != tc.rest {
			t.Errorf("%q: %d %q", tc.in, n, rest)
		}
	}
}

func TestSplit(t *testing.T) {
	for _, tc := range []struct {
		uri  string
		want target
		ok   bool
	}{
		{"/a?b#c", target{path: given{"/a", true}, query: given{"b", true}}, true},
		{"http://u@h:80/a", target{host: "h", port: "80", path: given{"/a", true}}, true},
		{"http://h", target{host: "h"}, true},
		{"http://[::1]:8/", target{host: "[::1]", port: "8", path: given{"/", true}}, true},
		{"http://h:x/", target{host: "h", port: "x"}, false},
		{"*", target{path: given{"*", true}}, true},
		{"/a://b", target{path: given{"/a://b", true}}, true},
		{"", target{}, true},
	} {
		got, ok := split(tc.uri)
		if ok != tc.ok || ok && got != tc.want {
			t.Errorf("%s: %+v %v", tc.uri, got, ok)
		}
	}
}

func TestBuckets(t *testing.T) {
	for size, want := range map[int64]int64{1000: 5, 88: 1, 1 << 20: 6241} {
		if got := buckets(size); got != want {
			t.Errorf("%d bytes: %d, want %d", size, got, want)
		}
	}
}

func TestUse(t *testing.T) {
	const born = 1_000_000
	c := clients{make([]atomic.Uint64, firstClient+5*clientWords), 5}
	key, at, _ := c.place(7)
	key.Store(7)
	at.Store(born)
	now := time.UnixMicro(born + 50)
	for i, tc := range []struct {
		number uint32
		once   bool
		nonce  int64
		count  uint64
		want   nonceState
	}{
		{8, false, born, 1, unknownClient},
		{2, false, born, 1, unknownClient}, // the same place
		{7, false, born, 1, accepted},
		{7, false, born, 1, badCount},
		{7, false, born, 3, accepted},
		{7, false, born, 2, badCount},
		{7, false, born + 9, 1, accepted},
		{7, false, born, 4, badCount}, // an older nonce
		{7, false, born + 9, maxCount + 1, badCount},
		{7, false, born + 9, maxCount, accepted},
		{7, true, 20, 1, accepted},
		{7, true, 20, 2, usedNonce},
		{7, true, 19, 9, usedNonce},
		{7, true, 21, 1, accepted},
	} {
		if got, _ := c.use(tc.number, now, tc.once, tc.nonce, tc.count); got != tc.want {
			t.Errorf("step %d: %d, want %d", i, got, tc.want)
		}
	}
	if c.knows(7, time.UnixMicro(born+maxAge)) {
		t.Error("a client of long ago is known")
	}
}
