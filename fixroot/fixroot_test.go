package fixroot

import (
	"path"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

type answer struct {
	Path string
	OK   bool
}

func TestInside(t *testing.T) {
	jail := New("/srv/www1", true, "/www")
	for in, want := range map[string]answer{
		"/srv/www1":                 {"/", true},
		"/srv/www1/":                {"/", true},
		"/srv/www1//":               {"/", true},
		"/srv/www1/.":               {"/", true},
		"/srv/www1/htdocs":          {"/htdocs", true},
		"/srv/www1/htdocs/":         {"/htdocs/", true},
		"//srv///www1//htdocs//a":   {"/htdocs/a", true},
		"/srv/x/../www1/./htdocs":   {"/htdocs", true},
		"/srv/www1/a/..":            {"/", true},
		"/srv/www1/../www10/htdocs": {"/srv/www1/../www10/htdocs", false},
		"/srv/www10":                {"/srv/www10", false},
		"/srv/www10/htdocs":         {"/srv/www10/htdocs", false},
		"/srv/www":                  {"/srv/www", false},
		"/srv":                      {"/srv", false},
		"/":                         {"/", false},
		"":                          {"", false},
		"htdocs":                    {"htdocs", false},
		"~jo/www":                   {"~jo/www", false},
		"/www/htdocs":               {"/htdocs", true},
		"/www2/htdocs":              {"/www2/htdocs", false},
		"/srv/www1/srv/www1/x":      {"/srv/www1/x", true},
		"/srv/www1/ space é":        {"/ space é", true},
	} {
		p, ok := jail.Inside(in)
		if d := cmp.Diff(want, answer{p, ok}); d != "" {
			t.Errorf("Inside(%q): %s", in, d)
		}
	}
}

func TestOutside(t *testing.T) {
	jail := New("/srv/www1/", true)
	for in, want := range map[string]string{
		"/":             "/srv/www1",
		"//":            "/srv/www1/",
		"/htdocs":       "/srv/www1/htdocs",
		"/htdocs/":      "/srv/www1/htdocs/",
		"/../../etc":    "/srv/www1/etc",
		"/srv/www1":     "/srv/www1/srv/www1",
		"logs/error.x":  "logs/error.x",
		"":              "",
		"/a//b/./c/../": "/srv/www1/a/b/",
	} {
		if d := cmp.Diff(want, jail.Outside(in)); d != "" {
			t.Errorf("Outside(%q): %s", in, d)
		}
	}
}

func TestRequest(t *testing.T) {
	on, off := New("/srv/www1", true), New("/srv/www1", false)
	for _, c := range []struct {
		root Root
		in   string
		want answer
	}{
		{on, "/srv/www1/htdocs", answer{"/htdocs", true}},
		{on, "/htdocs", answer{"/htdocs", false}},
		{on, "/var//www/", answer{"/var//www/", false}},
		{on, "/srv/www10/htdocs", answer{"/srv/www10/htdocs", false}},
		{on, "htdocs", answer{"htdocs", false}},
		{on, "http://h/srv/www1", answer{"http://h/srv/www1", false}},
		{on, "/srv/www1/srv/www1/x", answer{"/srv/www1/x", true}},
		{off, "/srv/www1/htdocs", answer{"/srv/www1/htdocs", false}},
		{Root{}, "/srv/www1/htdocs", answer{"/srv/www1/htdocs", false}},
	} {
		p, ok := c.root.Request(c.in)
		if d := cmp.Diff(c.want, answer{p, ok}); d != "" {
			t.Errorf("Request(%q), %+v: %s", c.in, c.root, d)
		}
	}
}

func TestPattern(t *testing.T) {
	jail := New("/srv/www1", true)
	for in, want := range map[string]answer{
		"/srv/www1/home/*/www":      {"/home/*/www", true},
		"/srv/www1/home":            {"/home", true},
		"/srv/www1/*":               {"/*", true},
		"/srv/www1/":                {"/", true},
		"/srv/www1":                 {"/", true},
		"/srv/www1*":                {"/srv/www1*", false},
		"/srv/*/home":               {"/srv/*/home", false},
		"/srv/www10/*/www":          {"/srv/www10/*/www", false},
		"/home/*/www":               {"/home/*/www", false},
		"public_html":               {"public_html", false},
		"http://h/*/srv/www1":       {"http://h/*/srv/www1", false},
		"/srv/www1/$1/../icons//$2": {"/$1/../icons//$2", true},
	} {
		p, ok := jail.UserDir(in)
		if d := cmp.Diff(want, answer{p, ok}); d != "" {
			t.Errorf("UserDir(%q): %s", in, d)
		}
		if p, ok := New("/srv/www1", false).Pattern(in); p != in || ok {
			t.Errorf("Pattern(%q) with ChrootFixRoot Off: %q, %v", in, p, ok)
		}
	}
}

func TestCoreDump(t *testing.T) {
	on, off := New("/srv/www1", true), New("/srv/www1", false)
	for _, c := range []struct {
		root     Root
		in, want string
	}{
		{on, "", "/"},
		{on, "/var/cores", "/"},
		{on, "/srv/www1/cores", "/cores"},
		{off, "/cores", "/cores"},
		{Root{}, "/var/cores", "/var/cores"},
	} {
		if got := c.root.CoreDump(c.in); got != c.want {
			t.Errorf("CoreDump(%q), %+v: %q, want %q", c.in, c.root, got, c.want)
		}
	}
}

func TestBoth(t *testing.T) {
	jail := New("/srv/www1", true)
	for in, want := range map[string][]string{
		"/srv/www1/htdocs": {"/htdocs", "/srv/www1/htdocs"},
		"/htdocs":          {"/htdocs"},
	} {
		if d := cmp.Diff(want, jail.Both(in)); d != "" {
			t.Errorf("Both(%q): %s", in, d)
		}
	}
}

// TestZero holds what the zero Root promises, and that a jail at "/" is none.
func TestZero(t *testing.T) {
	for _, dir := range []string{"", "/", "//", "/..", "relative"} {
		r := New(dir, true)
		if r.Jailed() || r.Fix() || r.Dir() != "" {
			t.Errorf("New(%q) is a jail: %+v", dir, r)
		}
	}
	for _, p := range []string{"", "/", "/a//b/", "rel", "/a/../b"} {
		if got, ok := (Root{}).Inside(p); got != p || ok != isAbs(p) {
			t.Errorf("Inside(%q): %q, %v", p, got, ok)
		}
		if got := (Root{}).Outside(p); got != p {
			t.Errorf("Outside(%q): %q", p, got)
		}
	}
}

// FuzzRoundTrip holds: a path inside comes back, cleaned, from Outside; what
// Inside says is never above the jail's root; and Outside never leaves the jail.
func FuzzRoundTrip(f *testing.F) {
	for _, s := range []string{"/srv/www1", "/srv/www1/../www10", "/srv/www1//a/./b/", "/srv/www10", "..", "/srv/www1/srv/www1"} {
		f.Add("/srv/www1", s)
	}
	f.Fuzz(func(t *testing.T, dir, p string) {
		r := New(dir, true)
		if !r.Jailed() {
			return
		}
		if in, ok := r.Inside(p); ok {
			if !isAbs(in) || strings.Contains(in+"/", "/../") || strings.Contains(in, "//") {
				t.Errorf("Inside(%q) in %q: %q is not a clean jail path", p, dir, in)
			}
			if got, want := path.Clean(r.Outside(in)), path.Clean(p); got != want {
				t.Errorf("Outside(Inside(%q)) in %q: %q, want %q", p, dir, got, want)
			}
		} else if in != p {
			t.Errorf("Inside(%q) in %q changed it to %q though it is outside", p, dir, in)
		}
		if isAbs(p) {
			if out := r.Outside(p); out != r.Dir() && !strings.HasPrefix(out, r.Dir()+"/") || strings.Contains(out+"/", "/../") {
				t.Errorf("Outside(%q) leaves %q: %q", p, dir, out)
			}
		}
		if got, translated := r.Pattern(p); translated && !isAbs(got) || !translated && got != p {
			t.Errorf("Pattern(%q) in %q: %q, %v", p, dir, got, translated)
		}
	})
}
