package mime

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// request is a request for a file under c, with the types of a small mime.types.
func request(c config, file string) *server.Request {
	main := &directives.Server{}
	typesSlot.EditServer(main).types = parseTypes("# comment\ntext/html html htm\nimage/png\tpng\ntext/x-none\n")
	conf := &directives.Conf{}
	*slot.EditConf(conf) = c
	return &server.Request{Request: &http.Request{}, Gen: &server.Generation{Config: &directives.Config{Main: main}},
		Conn: &server.Conn{Server: main}, Server: main, Dir: conf, Filename: file}
}

func TestFindType(t *testing.T) {
	c := config{}
	for ext, e := range map[string]extension{
		"fr": {language: "fr"}, "de": {language: "de"}, "gz": {encoding: "x-gzip"}, "utf8": {charset: "utf-8"},
		"cgi": {handler: "cgi-script"}, "png": {mediaType: directives.Given("")},
		"wml": {mediaType: directives.Given(`text/vnd.wap.wml; charset=latin1; q="a b"`)},
	} {
		c.edit(ext, func(x *extension) { *x = e })
	}
	type found struct {
		Type, Encoding, Handler string
		Languages               []string
	}
	for _, tc := range []struct {
		file string
		want found
	}{
		{"/a/x.html", found{Type: "text/html"}},
		{"/a.png/X.HTM", found{Type: "text/html"}},
		{"/html.xyz", found{}},
		{"/.html", found{}},
		{"/..a.html", found{Type: "text/html"}},
		{"/x.html.fr..de.gz.gz", found{Type: "text/html", Encoding: "x-gzip, x-gzip", Languages: []string{"fr", "de"}}},
		{"/x.utf8.html", found{Type: "text/html; charset=utf-8"}},
		{"/x.wml", found{Type: `text/vnd.wap.wml; charset=latin1; q="a b"`}},
		{"/x.wml.utf8", found{Type: `text/vnd.wap.wml; charset=utf-8; q="a b"`}},
		{"/x.png", found{}},
		{"/x.html.cgi", found{Type: "text/html", Handler: "cgi-script"}},
	} {
		r := request(c, tc.file)
		findType(r)
		got := found{r.ContentType, r.ContentEncoding, r.Handler, r.ContentLanguages}
		if d := cmp.Diff(tc.want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", tc.file, d)
		}
	}
}

func TestMerge(t *testing.T) {
	var base, add config
	base.edit("php", func(e *extension) { e.handler, e.mediaType = "a", directives.Given("text/php") })
	add.edit(".PHP", func(e *extension) { e.charset = "utf-8" })
	add.removals = []removal{{"php", func(e *extension) { e.handler = "" }}}
	got := merge(base, add)
	if e := got.extensions["php"]; e.handler != "" || e.charset != "utf-8" || e.mediaType.Else("") != "text/php" {
		t.Errorf("merged: %+v", e)
	}
	if e := base.extensions["php"]; e.handler != "a" || e.charset != "" {
		t.Errorf("base was changed: %+v", e)
	}
	if got.removals != nil {
		t.Error("removals are inherited")
	}
}

func TestParseMediaType(t *testing.T) {
	for _, tc := range []struct {
		in, base, problem string
		params            []param
	}{
		{in: " text/html", base: "text/html"},
		{in: "text/html;charset=x", base: "text/html", params: []param{{"charset", "x"}}},
		{in: `a/b; x="q\";" ;y=z`, base: "a/b", params: []param{{"x", `"q\";"`}, {"y", "z"}}},
		{in: "text", problem: "AH01599: Cannot get media type from 'text'"},
		{in: "text/", problem: "AH01601: Cannot get media subtype."},
		{in: "a/b;", base: "a/b", problem: "AH01602: Cannot get media parameter."},
		{in: "a/b; =x", base: "a/b", problem: "AH01603: Cannot get media parameter."},
		{in: "a/b; x=", base: "a/b", problem: "AH01604: Cannot get media parameter."},
		{in: "a/b; x(=y", base: "a/b", problem: "AH01605: Cannot get media parameter."},
		{in: `a/b; x="y"z`, base: "a/b", problem: "AH01606: Cannot get media parameter."},
		{in: "a/b; x=y z", base: "a/b", problem: "AH01608: Cannot get media parameter."},
	} {
		got, problem := parseMediaType(tc.in)
		if got.base != tc.base || problem != tc.problem {
			t.Errorf("%q: %q, %q; want %q, %q", tc.in, got.base, problem, tc.base, tc.problem)
		}
		if d := cmp.Diff(tc.params, got.params, cmp.AllowUnexported(param{})); d != "" {
			t.Errorf("%q (-want +got):\n%s", tc.in, d)
		}
	}
}

func FuzzParseMediaType(f *testing.F) {
	f.Add(`text/html; charset="a;b" ; x=y`)
	f.Fuzz(func(t *testing.T, s string) {
		r := request(config{}, "/x")
		once := withCharset(r, s, "utf-8")
		if _, problem := parseMediaType(s); problem == "" && once == s && len(s) > 0 {
			if got, _ := parseMediaType(once); len(got.params) == 0 {
				t.Errorf("%q: the charset was not added", s)
			}
		}
	})
}
