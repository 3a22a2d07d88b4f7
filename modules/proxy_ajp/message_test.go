package proxy_ajp

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWriter(t *testing.T) {
	w := newWriter(64)
	w.byte(forwardRequest)
	w.number(0x1234)
	w.text("ab")
	w.null()
	w.named("n", "v")
	want := "\x12\x34\x00\x13\x02\x12\x34\x00\x02ab\x00\xff\xff\x0a\x00\x01n\x00\x00\x01v\x00"
	if d := cmp.Diff(want, string(w.bytes())); d != "" {
		t.Error(d)
	}
	w.text(strings.Repeat("x", 64))
	if !w.full {
		t.Error("a message of more than its size was taken")
	}
	w.byte(1)
	if len(w.b) > 64 {
		t.Errorf("%d bytes", len(w.b))
	}
}

func TestReadMessage(t *testing.T) {
	for _, c := range []struct{ name, in, want, err string }{
		{"plain", "AB\x00\x03xyz", "xyz", ""},
		{"magic", "XY\x00\x03xyz", "", "AH01080: ajp_msg_check_header() got bad signature 5859"},
		{"big", "AB\x00\x11" + strings.Repeat("x", 17), "", "AH01081: ajp_msg_check_header() incoming message is too big 17, max is 16"},
		{"nothing", "AB\x00\x00", "", "malformed message"},
		{"cut", "AB\x00\x03xy", "", "unexpected EOF"},
		{"no head", "AB", "", "unexpected EOF"},
		{"end", "", "", "EOF"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, err := readMessage(strings.NewReader(c.in), nil, 16)
			text := ""
			if err != nil {
				text = err.Error()
			}
			if string(b) != c.want || text != c.err {
				t.Errorf("%q, %q", b, text)
			}
		})
	}
}

func TestParseHeaders(t *testing.T) {
	in := "\x00\xc8\x00\x02OK\x00\x00\x02\xa0\x01\x00\x01t\x00\x00\x01N\x00\x00\x01v\x00"
	status, words, has, fields, err := parseHeaders([]byte(in))
	if err != nil || status != 200 || words != "OK" || !has {
		t.Errorf("%d %q %v %v", status, words, has, err)
	}
	if d := cmp.Diff([]field{{"Content-Type", "t"}, {"N", "v"}}, fields, cmp.AllowUnexported(field{})); d != "" {
		t.Error(d)
	}
	for _, bad := range []string{"", "\x00", "\x00\xc8\xff\xff", "\x00\xc8\x00\x00\x00\x00\x01", "\x00\xc8\x00\x00\x00\x00\x01\xa0\x63\x00\x00\x00", "\x00\xc8\x00\x09OK"} {
		if _, _, _, _, err := parseHeaders([]byte(bad)); !errors.Is(err, errMessage) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// FuzzHeaders holds: what is understood is in the message, and a message that is
// cut is not understood.
func FuzzHeaders(f *testing.F) {
	f.Add([]byte("\x00\xc8\x00\x02OK\x00\x00\x02\xa0\x01\x00\x01t\x00\x00\x01N\x00\x00\x01v\x00"))
	f.Add([]byte("\x00\xc8\xff\xff\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		_, words, _, fields, err := parseHeaders(b)
		if err != nil {
			return
		}
		if !bytes.Contains(b, []byte(words)) {
			t.Errorf("words %q of %q", words, b)
		}
		size := 6
		for _, f := range fields {
			if !bytes.Contains(b, []byte(f.value)) {
				t.Errorf("value %q of %q", f.value, b)
			}
			size += 2 + len(f.value) + 1
		}
		if size > len(b) {
			t.Errorf("%d fields in %d bytes", len(fields), len(b))
		}
	})
}

// FuzzChunk holds: a piece of body is as long as it says, and nothing else follows.
func FuzzChunk(f *testing.F) {
	f.Add([]byte("\x00\x02ab\x00"))
	f.Add([]byte("\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := parseChunk(b)
		if (err == nil) != (len(b) >= 3 && int(b[0])<<8|int(b[1]) == len(b)-3) {
			t.Errorf("%q: %q, %v", b, p, err)
		}
		if err == nil && !bytes.Equal(p, b[2:len(b)-1]) {
			t.Errorf("%q of %q", p, b)
		}
	})
}
