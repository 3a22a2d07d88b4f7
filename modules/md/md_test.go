package md

import (
	"crypto/x509"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

func TestParsePart(t *testing.T) {
	for word, want := range map[string]part{
		"33%": {percent: 33}, "0%": {}, "21d": {length: 21 * 24 * time.Hour}, "12h": {length: 12 * time.Hour},
		"30": {length: 30 * 24 * time.Hour}, "10mi": {length: 10 * time.Minute}, "5s": {length: 5 * time.Second},
	} {
		if got, err := parsePart(word, ""); err != nil || got != want {
			t.Errorf("%s: %+v, %v", word, got, err)
		}
	}
	for _, word := range []string{"x", "", "100%", "-1%", "%", "5x"} {
		if got, err := parsePart(word, "too long"); err == nil {
			t.Errorf("%q is accepted: %+v", word, got)
		}
	}
	if got := (part{percent: 33}).of(90 * 24 * time.Hour); got != 90*24*time.Hour*33/100 {
		t.Error("a third of ninety days:", got)
	}
}

func TestValidName(t *testing.T) {
	for name, want := range map[string]bool{"a.example": true, "*.a.example": true, "a": false, "a..b": false, "-a.b": false, "a-.b": false,
		"a.b/": false, "": false, "*": false, "xn--a.b": true, strings.Repeat("a", 64) + ".b": false} {
		if got := validName(name); got != want {
			t.Errorf("%q: %v", name, got)
		}
	}
}

func TestCovers(t *testing.T) {
	d := &domain{names: []string{"a.example", "*.b.example"}}
	for name, want := range map[string]bool{"a.example": true, "A.EXAMPLE": true, "x.a.example": false, "x.b.example": true, "x.y.b.example": false, "b.example": false} {
		if got := d.covers(name); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// pairFor makes a pair for the names of d.
func pairFor(t *testing.T, names ...string) server.KeyPair {
	p, err := selfSigned(names)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestActivate: what was staged becomes the domain's when it fits, what was
// before goes to the archive, and what does not fit is purged.
func TestActivate(t *testing.T) {
	s := store{t.TempDir()}
	if err := s.open(); err != nil {
		t.Fatal(err)
	}
	d := &domain{name: "a.example", names: []string{"a.example", "b.example"}, settings: settings{keys: []keySpec{{bits: defaultBits}}}}
	bundle := s.path("staging", d.name, "bundle.json")
	stage := func(b staged) {
		t.Helper()
		text, _ := json.Marshal(b)
		if err := write(bundle, text); err != nil {
			t.Fatal(err)
		}
	}
	good := pairFor(t, d.names...)
	for _, tc := range []struct {
		what  string
		b     staged
		fresh bool
		bad   bool
	}{
		{"no pair", staged{}, false, true},
		{"a name is missing", staged{Pairs: []server.KeyPair{pairFor(t, "a.example")}}, false, true},
		{"the key of another", staged{Pairs: []server.KeyPair{{Cert: good.Cert, Key: pairFor(t, d.names...).Key}}}, false, true},
		{"fits", staged{Pairs: []server.KeyPair{good}}, true, false},
		{"fits again", staged{Pairs: []server.KeyPair{pairFor(t, d.names...)}}, true, false},
	} {
		stage(tc.b)
		fresh, err := s.activate(d, 0)
		if fresh != tc.fresh || (err != nil) != tc.bad {
			t.Errorf("%s: %v, %v", tc.what, fresh, err)
		}
		if _, err := os.Stat(bundle); err == nil {
			t.Errorf("%s: it is still staged", tc.what)
		}
	}
	if len(s.pairs(d)) != 1 {
		t.Error("the domain has no certificate")
	}
	if _, err := os.Stat(s.path("archive", "a.example.1", "pubcert.pem")); err != nil {
		t.Error(err)
	}
	stage(staged{Pairs: []server.KeyPair{good}})
	if fresh, err := s.activate(d, time.Hour); fresh || err != nil {
		t.Errorf("before the delay is over: %v, %v", fresh, err)
	}
}

func TestFallback(t *testing.T) {
	s := store{t.TempDir()}
	d := &domain{name: "a.example", names: []string{"a.example"}}
	one, err := s.fallback(d)
	if err != nil {
		t.Fatal(err)
	}
	if two, err := s.fallback(d); err != nil || two != one {
		t.Error("it is made anew at each start", err)
	}
	d.names = append(d.names, "b.example")
	if two, err := s.fallback(d); err != nil || two == one {
		t.Error("it is kept though a name has come", err)
	}
	filepath.WalkDir(s.dir, func(path string, e os.DirEntry, err error) error {
		if info, _ := e.Info(); err == nil && !e.IsDir() && info.Mode().Perm() != 0o600 {
			t.Error(path, info.Mode())
		}
		return nil
	})
}

func TestDue(t *testing.T) {
	p := pairFor(t, "a.example") // for fourteen days
	d := &domain{names: []string{"a.example"}, pairs: []server.KeyPair{p}, settings: settings{keys: []keySpec{{bits: defaultBits}}}}
	now := time.Now()
	for days, want := range map[int]bool{0: false, 9: false, 10: true, 20: true} {
		if got := d.due(now.Add(time.Duration(days) * 24 * time.Hour)); got != want {
			t.Errorf("after %d days: %v", days, got)
		}
	}
	d.renewWindow = directives.Given(part{length: 20 * 24 * time.Hour})
	if !d.due(now) {
		t.Error("with a window of twenty days")
	}
	d.renewWindow = directives.Opt[part]{}
	d.names = append(d.names, "b.example")
	if !d.due(now) {
		t.Error("with a name more")
	}
}

func TestBoard(t *testing.T) {
	b := board{make([]atomic.Uint64, 1024)}
	if got := b.list(); got != nil {
		t.Error("nothing was put:", got)
	}
	want := []answer{{"http-01", "a.example", "token", "token.print"}, {"tls-alpn-01", "b.example", "t2", "t2.print"}}
	b.put(want)
	if d := cmp.Diff(want, b.list()); d != "" {
		t.Error(d)
	}
	b.put(nil)
	if got := b.list(); len(got) != 0 {
		t.Error("after the end:", got)
	}
	b.words[0].Add(1)
	if got := b.list(); got != nil {
		t.Error("while it is changed:", got)
	}
}

// TestALPNCertificate: RFC 8737, 3.
func TestALPNCertificate(t *testing.T) {
	cert, err := alpnCertificate(answer{"tls-alpn-01", "a.example", "t", "t.print"})
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(cert.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, e := range c.Extensions {
		found = found || e.Id.String() == "1.3.6.1.5.5.7.1.31" && e.Critical && len(e.Value) == 34
	}
	if !found || len(c.DNSNames) != 1 || c.DNSNames[0] != "a.example" {
		t.Error(c.Extensions, c.DNSNames)
	}
}

// FuzzParsePart: a length that is accepted is none below nothing, and no whole life.
func FuzzParsePart(f *testing.F) {
	f.Add("33%")
	f.Add("21d")
	f.Fuzz(func(t *testing.T, word string) {
		if p, err := parsePart(word, "too long"); err == nil && (p.percent < 0 || p.percent >= 100 || p.percent > 0 && p.length != 0) {
			t.Errorf("%q: %+v", word, p)
		}
	})
}

// FuzzBoard: whatever stands in the memory, what is read of it ends.
func FuzzBoard(f *testing.F) {
	f.Add(uint64(0), uint64(20), []byte(`[{"Kind":"http-01"}]`))
	f.Fuzz(func(t *testing.T, count, size uint64, text []byte) {
		b := board{make([]atomic.Uint64, 64)}
		for i := range min(len(text), 62) {
			b.words[2+i].Store(uint64(text[i]))
		}
		b.words[0].Store(count &^ 1)
		b.words[1].Store(size % 600)
		b.list()
	})
}

// What cannot be asked for is not ordered as if it had been.
func TestMandatoryProfile(t *testing.T) {
	d := &domain{names: []string{"a.example"}}
	d.profile, d.profileMandatory = "short", directives.Given(true)
	_, _, err := (&account{}).obtain(t.Context(), d, keySpec{})
	if err == nil || !strings.Contains(err.Error(), "MDProfileMandatory") {
		t.Errorf("%v", err)
	}
}
