package autoindex

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNatural(t *testing.T) {
	for _, tc := range []struct {
		a, b string
		fold bool
		want int
	}{
		{"f2", "f10", false, -1}, {"f1.01", "f1.1", false, -1}, {"f1.010", "f1.1", false, -1}, {"a b", "ab", false, 0}, {"A", "a", true, 0},
		{"A", "a", false, -1}, {"x", "", false, 1}, {"1a", "1b", false, -1}, {"10", "9", false, 1}, {"", "", false, 0}, {"f12", "f13", false, -1},
	} {
		if got := natural(tc.a, tc.b, tc.fold); got != tc.want {
			t.Errorf("natural(%q, %q, %v) = %d, want %d", tc.a, tc.b, tc.fold, got, tc.want)
		}
		if got := natural(tc.b, tc.a, tc.fold); got != -tc.want {
			t.Errorf("natural(%q, %q, %v) = %d, want %d", tc.b, tc.a, tc.fold, got, -tc.want)
		}
	}
}

func FuzzNatural(f *testing.F) {
	f.Add("f2", "f10")
	f.Fuzz(func(t *testing.T, a, b string) {
		if natural(a, b, false) != -natural(b, a, false) {
			t.Errorf("%q, %q: not a mirror", a, b)
		}
	})
}

func TestSplitIcon(t *testing.T) {
	for _, tc := range []struct {
		in, alt, icon, err string
		both               bool
	}{
		{in: "/x.gif", icon: "/x.gif"}, {in: "(TXT,/x.gif)", alt: "TXT", icon: "/x.gif", both: true}, {in: "(TXT)", alt: "TXT)", both: true},
		{in: "(TXT,/x", err: "missing closing paren"}, {in: "(T)X,,/y", alt: "T)X", icon: "/y", both: true}, {in: "(A,/b)c", alt: "A", icon: "/b", both: true},
	} {
		alt, icon, both, err := splitIcon(tc.in)
		text := ""
		if err != nil {
			text = err.Error()
		}
		if alt != tc.alt || icon != tc.icon || both != tc.both || text != tc.err {
			t.Errorf("%q: %q %q %v %q", tc.in, alt, icon, both, text)
		}
	}
}

func TestMergeOptions(t *testing.T) {
	read := func(lines ...string) config {
		var c config
		for _, l := range lines {
			if err := c.setOptions(nil, strings.Fields(l)); err != nil {
				t.Fatal(err)
			}
		}
		return c
	}
	for _, tc := range []struct {
		name      string
		base, add config
		want      options
	}{
		{"+ alone", config{}, read("+FancyIndexing"), fancy},
		{"beside an absolute one it is lost", config{}, read("FancyIndexing +XHTML"), fancy},
		{"inherited and taken away", read("FancyIndexing XHTML"), read("-XHTML +HTMLTable"), fancy | table},
		{"None is not inherited", read("None"), read("+XHTML"), xhtml},
		{"None hides", read("FancyIndexing"), read("None"), none},
		{"a width is no option", read("FancyIndexing"), read("IconWidth=3"), fancy},
	} {
		if got := merge(tc.base, tc.add).options; got != tc.want {
			t.Errorf("%s: %b, want %b", tc.name, got, tc.want)
		}
	}
}

func TestView(t *testing.T) {
	for _, tc := range []struct {
		args string
		want view
	}{
		{"", view{key: 'N', direction: 'A'}},
		{"C=S;O=D", view{key: 'S', direction: 'D'}},
		{"C=S&F=2&V=1&P=a%2a", view{key: 'S', direction: 'A', options: fancy | table | versionSort, pattern: "a*", keep: ";F=2;V=1;P=a*"}},
		{"P=%2f;C=M", view{key: 'M', direction: 'A'}},
		{"C=Q;O=D", view{key: 'N', direction: 'A'}},
		{"O=D;C=NN", view{key: 'N', direction: 'D'}},
		{"C=", view{key: 'N', direction: 'A'}},
	} {
		if d := cmp.Diff(tc.want, newView(&config{}, tc.args), cmp.AllowUnexported(view{})); d != "" {
			t.Errorf("%q (-want +got):\n%s", tc.args, d)
		}
	}
}

func FuzzView(f *testing.F) {
	f.Add("C=S;O=D;F=1;V=0;P=%20*")
	f.Fuzz(func(t *testing.T, args string) {
		v := newView(&config{}, args)
		if strings.ContainsAny(v.keep, "<>\" ") {
			t.Errorf("%q: %q would break out of the link", args, v.keep)
		}
	})
}

func TestTitle(t *testing.T) {
	for in, want := range map[string]string{
		"<html><TITLE>\r\nA\nb</title>": "A b", "<title>open": "open", "<<title>x</title>": "-", "no": "-", "<title></title>": "", "<title>\xe4<": "\xe4",
	} {
		got, ok := titleIn([]byte(in))
		if !ok {
			got = "-"
		}
		if got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestTerminated(t *testing.T) {
	p := &page{c: &config{desc: width{fixed, 12}}}
	for in, want := range map[string]string{
		"short": "short", "exactly twel": "exactly twel", "more than twelve": "more than t>", "a<b>bc</b> &amp; defgh": "a<b>bc</b> &amp; defgh",
		"open <b and so on and on": "open <b and so on and on", "123456789012<br>": "123456789012<br>",
	} {
		if got := p.terminated(in, columns{desc: 12}); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
