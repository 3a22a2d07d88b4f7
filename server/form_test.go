package server

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFormParser(t *testing.T) {
	for _, c := range []struct {
		text   string
		size   int64
		want   []FormPair
		status Status
	}{
		{"a=1&b=two+words", 100, []FormPair{{"a", "1"}, {"b", "two words"}}, OK},
		{"a%3d=%26%2B&c", 100, []FormPair{{"a=", "&+"}}, OK},
		{"a=b=c&&=x", 100, []FormPair{{"a", "b=c"}, {"", "x"}}, OK},
		{"a=%zz", 100, []FormPair{{"a", "S"}}, OK},
		{"a=1", 3, []FormPair{{"a", "1"}}, OK},
		{"a=12", 3, nil, 413},
		{"", 0, nil, OK},
	} {
		p := formParser{left: c.size}
		p.parse([]byte(c.text))
		got, status := p.end()
		if diff := cmp.Diff(c.want, got); diff != "" || status != c.status {
			t.Errorf("%q: status %d %s", c.text, status, diff)
		}
	}
}

// FuzzFormParser: it does not matter in which pieces a form comes, and a pair
// that is written as a form is read again.
func FuzzFormParser(f *testing.F) {
	f.Add("a=1&b=%20+%", "name", "value", 3)
	f.Fuzz(func(t *testing.T, text, name, value string, at int) {
		whole := formParser{left: int64(len(text))}
		whole.parse([]byte(text))
		a, _ := whole.end()
		if at < 0 || at > len(text) {
			at = 0
		}
		parts := formParser{left: int64(len(text))}
		parts.parse([]byte(text[:at]))
		parts.parse([]byte(text[at:]))
		b, _ := parts.end()
		if diff := cmp.Diff(a, b); diff != "" {
			t.Errorf("%q in two: %s", text, diff)
		}
		if len(name) > maxFormName {
			return
		}
		p := formParser{left: 1 << 40}
		p.parse([]byte(EscapeForm(name) + "=" + EscapeForm(value)))
		got, _ := p.end()
		if diff := cmp.Diff([]FormPair{{name, value}}, got); diff != "" {
			t.Error(diff)
		}
	})
}
