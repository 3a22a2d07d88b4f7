package charset_lite

import (
	"bytes"
	"testing"
)

// TestConvert: the text may come in any pieces.
func TestConvert(t *testing.T) {
	for _, tc := range []struct {
		from, to, in, want string
		part               int
		err                error
	}{
		{"ISO-8859-1", "UTF-8", "a\xe4b", "aäb", 0, nil},
		{"utf-8", "iso-8859-1", "aäb", "a\xe4b", 0, nil},
		{"utf-8", "iso-8859-1", "a\u20ac", "", 0, errInput},
		{"utf-8", "iso-8859-1", "a\xffb", "", 0, errInput},
		{"utf-8", "utf-16be", "aä", "\x00a\x00\xe4", 0, nil},
		{"utf-8", "koi8-r", "да\xd0", "\xc4\xc1", 1, nil},
		{"windows-1253", "utf-8", "\xd2", "", 0, errInput},
		{"shift_jis", "utf-8", "\x93\xfa\x96", "日", 1, nil},
	} {
		for piece := 1; piece <= len(tc.in); piece++ {
			x, err := newTranslation(tc.from, tc.to)
			if err != nil {
				t.Fatal(err)
			}
			var got []byte
			for in := []byte(tc.in); len(in) > 0 && err == nil; {
				n := min(piece, len(in))
				var out []byte
				out, err = x.convert(in[:n])
				got, in = append(got, out...), in[n:]
			}
			if err != tc.err || err == nil && (string(got) != tc.want || len(x.part) != tc.part) {
				t.Errorf("%s to %s, pieces of %d: %q, %q is left, %v", tc.from, tc.to, piece, got, x.part, err)
			}
		}
	}
}

func TestSingle(t *testing.T) {
	for names, want := range map[[2]string]bool{{"iso-8859-1", "utf-8"}: false, {"utf-8", "iso-8859-1"}: false, {"iso-8859-1", "koi8-r"}: false} {
		x, err := newTranslation(names[0], names[1])
		if err != nil || x.single != want {
			t.Errorf("%v: %v, %v", names, x.single, err)
		}
	}
	if _, err := newTranslation("no-such-set", "utf-8"); err == nil {
		t.Error("an unknown name is accepted")
	}
}

// FuzzConvert: pieces make no difference.
func FuzzConvert(f *testing.F) {
	f.Add([]byte("aä€"), 2)
	f.Fuzz(func(t *testing.T, in []byte, cut int) {
		cut = max(min(cut, len(in)), 0)
		whole, _ := newTranslation("utf-8", "utf-16be")
		parts, _ := newTranslation("utf-8", "utf-16be")
		want, err := whole.convert(in)
		first, err1 := parts.convert(in[:cut])
		second, err2 := parts.convert(in[cut:])
		if (err == nil) != (err1 == nil && err2 == nil) || err == nil && !bytes.Equal(want, append(first, second...)) {
			t.Errorf("%q at %d: %q, %q and %q; %v, %v, %v", in, cut, want, first, second, err, err1, err2)
		}
	})
}
