package server

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestNextToken(t *testing.T) {
	type cut struct{ token, rest string }
	for _, tc := range []struct {
		in    string
		white bool
		want  cut
	}{
		{" gzip , br", false, cut{"gzip", ", br"}},
		{"gzip;q=0", false, cut{"gzip", ";q=0"}},
		{" q=0 .5,x", true, cut{"q=0 .5", ",x"}},
		{"a b", false, cut{"a", "b"}},
		{`"a,b;c"d,e`, false, cut{`"a,b;c"d`, ",e"}},
		{`"open,`, false, cut{`"open,`, ""}},
		{"", false, cut{"", ""}},
		{",x", false, cut{"", ",x"}},
	} {
		token, rest := nextToken(tc.in, tc.white)
		if d := cmp.Diff(tc.want, cut{token, rest}, cmp.AllowUnexported(cut{})); d != "" {
			t.Errorf("%q (-want +got):\n%s", tc.in, d)
		}
	}
}

func TestIsCoded(t *testing.T) {
	for list, want := range map[string]string{
		"": "", "identity": "", "7bit, 8bit": "", "binary,gzip": "gzip", "Identity": "Identity", "x-own": "x-own", "identity;x,br": "x",
	} {
		if got, coded := isCoded(list); got != want || coded != (want != "") {
			t.Errorf("%q: %q, %v; want %q", list, got, coded, want)
		}
	}
}

func FuzzNextToken(f *testing.F) {
	f.Add(`gzip;q="a,b", br;q=0`)
	f.Fuzz(func(t *testing.T, s string) {
		for _, white := range []bool{false, true} {
			token, rest := nextToken(s, white)
			if len(token)+len(rest) > len(s) {
				t.Errorf("%q: %q and %q", s, token, rest)
			}
		}
		isCoded(s)
	})
}

// TestWholeFile: only a brigade that is the file from its first byte to its
// last is one whose form may be remembered.
func TestWholeFile(t *testing.T) {
	data := []byte("hello")
	w := &wholeFile{name: "a", info: Finfo{Size: 5}, mem: data}
	whole := Bucket{Mem: data, whole: w}
	part, other := whole, whole
	part.Mem = data[:4]
	other.Mem = []byte("hello")
	for name, tc := range map[string]struct {
		b    Brigade
		want bool
	}{
		"whole":  {Brigade{Buckets: []Bucket{whole}, EOS: true}, true},
		"no end": {Brigade{Buckets: []Bucket{whole}}, false},
		"part":   {Brigade{Buckets: []Bucket{part}, EOS: true}, false},
		"other":  {Brigade{Buckets: []Bucket{other}, EOS: true}, false},
		"more":   {Brigade{Buckets: []Bucket{whole, {Mem: data}}, EOS: true}, false},
		"memory": {Brigade{Buckets: []Bucket{{Mem: data}}, EOS: true}, false},
	} {
		if got := tc.b.wholeFile() != nil; got != tc.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestFileForms(t *testing.T) {
	name := filepath.Join(t.TempDir(), "a")
	if err := os.WriteFile(name, []byte("hello"), 0o644); err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(name, old, old); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	st, _ := f.Stat()
	c := fileForms{most: 3 * formSize}
	w := &wholeFile{name: name, info: FinfoOf(st), file: f}
	c.put(w, "gzip", []byte("packed"))
	if got, ok := c.get(w, "gzip"); !ok || !bytes.Equal(got, []byte("packed")) {
		t.Errorf("not remembered: %q", got)
	}
	if _, ok := c.get(w, "br"); ok {
		t.Error("remembered for another coding")
	}
	changed := *w
	changed.info.Size++
	if _, ok := c.get(&changed, "gzip"); ok {
		t.Error("remembered for a file that has changed")
	}
	c.put(&changed, "gzip", []byte("other"))
	if got, _ := c.get(w, "gzip"); !bytes.Equal(got, []byte("packed")) {
		t.Errorf("replaced by a form of bytes that are not the file's: %q", got)
	}
	for i := range 9 {
		c.put(&wholeFile{name: string(rune('a' + i)), sure: true}, "gzip", make([]byte, formSize))
	}
	if c.bytes > c.most {
		t.Errorf("%d bytes", c.bytes)
	}
}

func TestSplitBuckets(t *testing.T) {
	f := os.Stdin
	list := []Bucket{{Mem: []byte("abc")}, {File: f, Off: 10, Len: 5}, {Mem: []byte("de")}}
	for n, want := range map[int64][2][]Bucket{
		0:  {nil, list},
		2:  {{{Mem: []byte("ab")}}, {{Mem: []byte("c")}, list[1], list[2]}},
		3:  {list[:1], list[1:]},
		5:  {{list[0], {File: f, Off: 10, Len: 2}}, {{File: f, Off: 12, Len: 3}, list[2]}},
		10: {list, nil},
		99: {list, nil},
	} {
		head, rest := SplitBuckets(list, n)
		opts := cmp.Options{
			cmp.Comparer(func(a, b Bucket) bool {
				return bytes.Equal(a.Mem, b.Mem) && a.File == b.File && a.Off == b.Off && a.Len == b.Len
			}),
			cmpopts.EquateEmpty(),
		}
		if d := cmp.Diff(want, [2][]Bucket{head, rest}, opts); d != "" {
			t.Errorf("%d (-want +got):\n%s", n, d)
		}
	}
}

func TestStrtoff(t *testing.T) {
	type got struct {
		N    int64
		Rest string
		OK   bool
	}
	for in, want := range map[string]got{
		"10": {10, "", true}, " 5k": {5, "k", true}, "-1": {-1, "", true}, "x": {0, "x", true}, "": {0, "", true}, "+": {0, "+", true},
		"99999999999999999999": {1<<63 - 1, "", false},
	} {
		n, rest, ok := Strtoff(in)
		if d := cmp.Diff(want, got{n, rest, ok}); d != "" {
			t.Errorf("%q (-want +got):\n%s", in, d)
		}
	}
}

func TestAtoi(t *testing.T) {
	for in, want := range map[string]int{"12": 12, " -3x": -3, "x": 0, "": 0, "4294967296": 0, "2147483648": -2147483648} {
		if got := Atoi(in); got != want {
			t.Errorf("%q: %d, want %d", in, got, want)
		}
	}
}
