package charset

import (
	"testing"
	"unicode/utf8"
)

func TestConvert(t *testing.T) {
	for _, tc := range []struct {
		name     string
		back     bool
		in, want string
		left     int
	}{
		{"windows-1252", false, "a\x80\x81b", "a€b", 1},
		{"iso-8859-1", false, "a\x80\xe4", "a\u0080ä", 0},
		{"iso-8859-1", true, "aä€b", "a\xe4b", 3},
		{"koi8-r", false, "\xc4\xc1", "да", 0},
		{"shift_jis", false, "\x93\xfa", "日", 0},
		{"utf-8", false, "\xff", "\xff", 0},
		{"utf-16le", false, "a\x00\xe4\x00", "aä", 0},
	} {
		for piece := 1; piece <= len(tc.in); piece++ {
			make := ToUTF8
			if tc.back {
				make = FromUTF8
			}
			x, err := make(tc.name)
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			for at := 0; at < len(tc.in); at += piece {
				got += string(x.Convert([]byte(tc.in[at:min(at+piece, len(tc.in))])))
			}
			if got != tc.want || x.Left != tc.left {
				t.Errorf("%s in pieces of %d: %q, %d left out", tc.name, piece, got, x.Left)
			}
		}
	}
	if _, err := ToUTF8("no-such-set"); err == nil {
		t.Error("an unknown name is accepted")
	}
}

// FuzzConvert: what comes out of a decoder is UTF-8, and pieces make no difference.
func FuzzConvert(f *testing.F) {
	f.Add([]byte("a\x80b"), 1)
	f.Fuzz(func(t *testing.T, in []byte, cut int) {
		cut = max(min(cut, len(in)), 0)
		for _, name := range []string{"windows-1252", "euc-jp", "utf-16be"} {
			one, _ := ToUTF8(name)
			two, _ := ToUTF8(name)
			want := string(one.Convert(in))
			got := string(two.Convert(in[:cut])) + string(two.Convert(in[cut:]))
			if !utf8.ValidString(want) || got != want {
				t.Errorf("%s: %q at %d: %q and %q", name, in, cut, want, got)
			}
		}
	})
}
