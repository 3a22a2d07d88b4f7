package proxy_ftp

import (
	"strings"
	"testing"
)

func TestFormatEntry(t *testing.T) {
	for in, want := range map[string]string{
		"total 4":                  "total 4\n",
		"drwx 1 .":                 "drwx 1 <a href=\"./\">.</a>\n",
		"drwx 1 a b":               "drwx 1 a <a href=\"b/\">b</a>\n",
		"-rw a&\"<":                "-rw <a href=\"a&amp;%22%3c\">a&amp;&quot;&lt;</a>\n",
		"lrwx l -> t":              "lrwx <a href=\"l\">l -&gt; t</a>\n",
		"l -> ":                    "l <a href=\"l\">l -&gt; </a>\n",
		"lrwx n":                   "lrwx <a href=\"n\">n</a>\n",
		"01-02-26 03:04AM <DIR> d": "01-02-26 03:04AM [DIR] <a href=\"d\">d</a>\n",
		"  12 short":               "  12 <a href=\"short\">short</a>\n",
		"  12 two words":           "  12 two words\n",
		"  12":                     "  12\n",
		"<x>":                      "&lt;x&gt;\n",
		"":                         "\n",
	} {
		if got, ok := formatEntry(in); got != want || !ok {
			t.Errorf("%q is %q, %v; want %q", in, got, ok, want)
		}
	}
	if _, ok := formatEntry("-broken"); ok {
		t.Error("a file without a name is one")
	}
}

func TestParseWant(t *testing.T) {
	for in, want := range map[string]string{
		"/": "[] \"\" I", "/a": "[] \"a\" I", "/a/b/c": "[a b] \"c\" I", "/a/;type=d": "[a] \"\" A list", "/a;type=a": "[] \"a\" A", "/a;type=I/b": "[] \"a\" I",
		"/a;type=x": "!", "/a;type=1": "[] \"a\" I", "/a;x": "[] \"a\" I", "/%2f/etc/x": "root [etc] \"x\" I", "/%2Fx": "root [] \"x\" I", "": "[] \"\" I",
	} {
		w, problem := parseWant(in)
		got := "[" + strings.Join(w.dirs, " ") + "] \"" + w.name + "\" " + string(w.kind)
		if w.fromRoot {
			got = "root " + got
		}
		if w.list {
			got += " list"
		}
		if problem != "" {
			got = "!"
		}
		if got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}

func TestText(t *testing.T) {
	for in, want := range map[string]string{"a%41": "aA", "%4": "%4", "%zz": "%zz", "%00b": "", "%": "%"} {
		if got := unescape(in); got != want {
			t.Errorf("%q is %q, want %q", in, got, want)
		}
	}
	for in, want := range map[string]bool{"a": true, "%0a": false, "\r": false, "%e4": false, "\xe4": false, "%0": true, "": true} {
		if got := sendable(in); got != want {
			t.Errorf("%q: %v", in, got)
		}
	}
	if got := escapeGlobbing("a*?[{~]"); got != `a\*\?\[\{\~]` || !hasGlobbing(got) || hasGlobbing(`a\`) {
		t.Errorf("%q", got)
	}
}

// What a list contains cannot leave its place in the page.
func FuzzFormatEntry(f *testing.F) {
	for _, s := range []string{"drwx 1 a", "lrwx a -> b", "01-02-26 <DIR> d", " 12 a", "-\" x\"><"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		out, ok := formatEntry(in)
		if !ok {
			return
		}
		rest := out
		if i := strings.Index(out, `<a href="`); i >= 0 {
			name, after, found := strings.Cut(out[i+len(`<a href="`):], `">`)
			text, end, closed := strings.Cut(after, "</a>")
			if !found || !closed || strings.ContainsAny(name, "<>\"\n ") {
				t.Errorf("%q is %q", in, out)
			}
			rest = out[:i] + text + end
		}
		if strings.ContainsAny(rest, "<>\"") {
			t.Errorf("%q is %q", in, out)
		}
	})
}
