package mime_magic

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseRule(t *testing.T) {
	for _, c := range []struct {
		line string
		want rule
		errs int
	}{
		{"0 string GIF image/gif", rule{kind: stringKind, relation: '=', mask: ^uint64(0), text: "GIF", desc: "image/gif"}, 0},
		{">(4.s+2) ubeshort&0xff !0x10 \\bx", rule{level: 1, indirect: true, offset: 4, in: shortKind, inOffset: 2, kind: beShort,
			unsigned: true, mask: 0xff, relation: '!', number: 16, noSpace: true, desc: "x"}, 0},
		{"010 byte x any", rule{offset: 8, kind: byteKind, mask: ^uint64(0), relation: 'x', desc: "any"}, 0},
		{"0 string \\x41\\102\\n\\ C a/b", rule{kind: stringKind, relation: '=', mask: ^uint64(0), text: "AB\n C", desc: "a/b"}, 0},
		{"0 byte -1 a/b", rule{kind: byteKind, mask: ^uint64(0), relation: '=', number: ^uint64(0), desc: "a/b"}, 0},
		{"0 nothing", rule{}, 1},
		{"x byte 1", rule{}, 2},
		{">(4.q) byte 1 a", rule{level: 1, indirect: true, offset: 4, in: longKind, kind: byteKind, mask: ^uint64(0), relation: '=', number: 1, desc: "a"}, 1},
	} {
		got, errs := parseRule(c.line)
		if d := cmp.Diff(c.want, got, cmp.AllowUnexported(rule{})); d != "" || len(errs) != c.errs {
			t.Errorf("%q: %q\n%s", c.line, errs, d)
		}
	}
}

func TestFormat(t *testing.T) {
	for _, c := range []struct {
		desc, text string
		number     uint64
		want       string
	}{
		{"a %s b", "x", 0, "a x b"}, {"%d", "", ^uint64(0), "-1"}, {"%ld", "", ^uint64(4), "-5"}, {"%04x", "", 0xab, "00ab"},
		{"100%", "", 0, "100%"}, {"%%", "", 0, "%"}, {"%c", "", 'A', "A"}, {"%l", "", 1, ""},
	} {
		if got := format(c.desc, c.text, c.number); got != c.want {
			t.Errorf("%q: %q, want %q", c.desc, got, c.want)
		}
	}
}

func TestResult(t *testing.T) {
	for _, c := range []struct {
		in                  words
		mediaType, encoding string
		ok                  bool
	}{
		{words{"Text/Plain"}, "text/plain", "", true},
		{words{"a/b", " ", "x-gzip"}, "a/b ", "x-gzip", true},
		{words{" a/", "b"}, "a/", "", true}, // as much of "b" is passed over as stands before "a"
		{words{"plain text/x"}, "", "", false},
		{words{""}, "", "", false},
	} {
		mediaType, encoding, ok := c.in.result()
		if mediaType != c.mediaType || encoding != c.encoding || ok != c.ok {
			t.Errorf("%q: %q %q %v", c.in, mediaType, encoding, ok)
		}
	}
}

// Whatever a magic file and a file hold, looking at both ends, and a rule that
// says nothing wrong says it again.
func FuzzMatch(f *testing.F) {
	f.Add("0 string GIF image/gif\n>(4.b+1) byte >3 \\b%d", []byte("GIF89a"))
	f.Add(">>>(0.l-9) ulelong&0x7f ^5 %s", bytes.Repeat([]byte{0xff}, 100))
	f.Fuzz(func(t *testing.T, file string, data []byte) {
		var rules []rule
		for line := range bytes.SplitSeq([]byte(file), []byte("\n")) {
			if r, _ := parseRule(string(line)); r.kind != invalid {
				rules = append(rules, r)
			}
		}
		head := append(bytes.Clone(data), 0)
		w, ok := match(nil, rules, head)
		again, ok2 := match(nil, rules, head)
		if ok != ok2 || !cmp.Equal(w, again) {
			t.Fatalf("%q %v, then %q %v", w, ok, again, ok2)
		}
		w.result()
		textType(head)
	})
}
