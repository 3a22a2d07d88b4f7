package dav

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/donjon-httpd/donjon/server"
)

const token = "opaquelocktoken:01234567-89ab-cdef-0123-456789abcdef"

func TestParseIf(t *testing.T) {
	for _, c := range []struct {
		field string
		lists int
		id    int // of the error, 0 for none
	}{
		{"(<" + token + ">)", 1, 0},
		{"  (<a:b> [\"x\"])\t(Not <a:b>)", 2, 0},
		{"<http://h/x> (<a:b>) </y> ([W/\"e\"])", 2, 0},
		{"()", 1, 0},
		{"", 0, 0},
		{"(<a:b>", 0, server.DavErrIfUnclosedParen},
		{"(<a:b)", 0, server.DavErrIfParse},
		{"([\"a)", 0, server.DavErrIfParse},
		{"</x", 0, server.DavErrIfTagged},
		{"(<a:b>) </x> (<a:b>)", 0, server.DavErrIfTagged},
		{"<x> (<a:b>)", 0, server.DavErrIfTagged},
		{"<http://h> (<a:b>)", 0, server.DavErrIfTagged},
		{"</%zz> (<a:b>)", 0, server.DavErrIfTagged},
		{"(Not Not <a:b>)", 0, server.DavErrIfMultipleNot},
		{"(not <a:b>)", 0, server.DavErrIfUnknownChar},
		{"(N", 0, server.DavErrIfUnclosedParen},
		{"(N)", 0, server.DavErrIfUnknownChar},
		{"x", 0, server.DavErrIfUnknownChar},
		{"(<opaquelocktoken:1>)", 0, server.DavErrLockParseToken},
	} {
		all, err := parseIf(c.field)
		id := 0
		if err != nil {
			id = err.ID
		}
		if id != c.id || err == nil && len(all) != c.lists {
			t.Errorf("%q: %d lists, error %d; want %d, %d", c.field, len(all), id, c.lists, c.id)
		}
	}
}

func TestTagPath(t *testing.T) {
	for tag, want := range map[string]string{"http://h/a/b/": "/a/b", "/a%20b": "/a b", "/a/./b/../c": "/a/c", "/": "/", "/a/..": "/",
		"http://h:80/x?q": "/x"} {
		if got, err := tagPath(tag); err != nil || got != want {
			t.Errorf("%q: %q %v; want %q", tag, got, err, want)
		}
	}
}

func FuzzParseIf(f *testing.F) {
	f.Add("<http://h/x> (Not <" + token + "> [\"a\"])")
	f.Fuzz(func(t *testing.T, s string) {
		all, err := parseIf(s)
		if err != nil && all != nil {
			t.Fatalf("%q: lists beside an error", s)
		}
		for _, c := range all {
			if c.uri != "" && c.uri[0] != '/' {
				t.Fatalf("%q: speaks of %q", s, c.uri)
			}
		}
		if len(positiveTokens(all)) > len(s) {
			t.Fatalf("%q: more tokens than bytes", s)
		}
	})
}

func TestParseXML(t *testing.T) {
	for _, c := range []struct {
		body string
		err  error
	}{
		{`<a/>`, nil},
		{`<?xml version="1.0" encoding="utf-8"?><!DOCTYPE a><a><!-- x --><b/></a> `, nil},
		{`<a>`, errUnfinished}, {`<a`, errUnfinished}, {`x`, errUnfinished}, {` `, errUnfinished},
		{`x <a/>`, errSyntax},
		{`<a></b>`, errMismatch}, {`<a/><b/>`, errJunk}, {`<a/>x`, errJunk},
		{`<a b="1" b="2"/>`, errDuplicate},
		{`<x:a/>`, errUndefinedPrefix}, {`<a x:b=""/>`, errUndefinedPrefix},
		{`<a xmlns:x=""/>`, errEmptySpace},
		{`<!DOCTYPE x [<!ENTITY a "aa">]><x>&a;</x>`, errAborted},
		{`<x>&a;</x>`, errEntity}, {` <?xml version="1.0"?><a/>`, errDeclaration}, {`<?xml version="2.0"?><a/>`, nil}, {`<x a=1/>`, errInvalid},
		{strings.Repeat("<a>", maxDepth+1), errDeep},
		{"<?xml version=\"1.0\" encoding=\"iso-8859-1\"?><a>\xe4</a>", nil},
		{"<?xml version=\"1.0\" encoding=\"x-none\"?><a/>", errEncoding},
		{"\xff\xfe<\x00a\x00/\x00>\x00", nil},
		{"\xef\xbb\xbf<a/>", nil},
	} {
		if _, err := parseXML([]byte(c.body)); !errors.Is(err, c.err) {
			t.Errorf("%.60q: %v; want %v", c.body, err, c.err)
		}
	}
}

func TestElements(t *testing.T) {
	doc, err := parseXML([]byte(`<D:a xmlns:D="DAV:" xmlns:x="u:x" xml:lang="de"><x:b one="1" x:two="&quot;&lt;">t &amp;<x:c/>u<d xmlns="" xml:lang="en">&gt;</d></x:b><xmlfoo:e/></D:a>`))
	if err != nil {
		t.Fatal(err)
	}
	b := doc.root.child("b")
	if b != nil || !doc.root.is("a") || len(doc.root.children) != 2 {
		t.Fatal("wrong elements")
	}
	b = doc.root.children[0]
	if got, want := b.inner([]int{7, 8}), `t &amp;<ns8:c/>u<d xml:lang="en">&gt;</d>`; got != want {
		t.Errorf("inner: %s; want %s", got, want)
	}
	if got, want := b.full(doc.spaces), `<ns1:b ns1:two="&quot;&lt;" one="1" xml:lang="de" xmlns:ns1="u:x" xmlns:ns0="DAV:">t &amp;<ns1:c/>u<d xml:lang="en">&gt;</d></ns1:b>`; got != want {
		t.Errorf("full: %s; want %s", got, want)
	}
	if e := doc.root.children[1]; e.name != "xmlfoo:e" || e.empty() != "<xmlfoo:e/>\n" {
		t.Errorf("a reserved prefix: %q", e.name)
	}
}

// What is written of a body can be read again.
func FuzzParseXML(f *testing.F) {
	f.Add([]byte(`<propfind xmlns="DAV:" xmlns:x="u:x" xml:lang="de"><prop x:a="1"><getetag/>t<x:b>u</x:b></prop></propfind>`))
	f.Add([]byte(`<a xmlns=""><xmlb:c xml:space="x">&#65;</xmlb:c></a>`))
	f.Fuzz(func(t *testing.T, b []byte) {
		doc, err := parseXML(b)
		if err != nil {
			return
		}
		text := doc.root.full(doc.spaces)
		again, err := parseXML([]byte(text))
		if err != nil {
			t.Fatalf("%q became %q: %v", b, text, err)
		}
		if again.root.name != doc.root.name || again.uri(again.root) != doc.uri(doc.root) {
			t.Fatalf("%q became %q", b, text)
		}
	})
}

func TestParseTimeout(t *testing.T) {
	now := time.Unix(1000, 0)
	for v, want := range map[string]int64{"": 0, "Infinite": 0, "Second-5": 1005, "Second-x": 1000, "foo": 0, "Extend Second-7": 1007,
		"Infinite, Second-5": 0, "foo, Second-5, Infinite": 1005, "Second-99999999999": 1000 + 1<<32 - 1} {
		if got := parseTimeout(v, now); got != want {
			t.Errorf("%q: %d; want %d", v, got, want)
		}
	}
}

func TestSplitURI(t *testing.T) {
	for s, want := range map[string]uri{
		"http://h:8/p?q#f": {"http", "8", "/p", "?q#f"}, "/p": {"", "", "/p", ""}, "http://u@[::1]:9": {"http", "9", "", ""}, "x:y": {"x", "", "y", ""},
		"": {}, "http:///p": {"http", "", "/p", ""}, "/a:b": {"", "", "/a:b", ""}, "http://h/a b": {"http", "", "/a b", ""},
	} {
		if got, ok := splitURI(s); !ok || got != want {
			t.Errorf("%q: %+v %v; want %+v", s, got, ok, want)
		}
	}
	if _, ok := splitURI("http://h:x/"); ok {
		t.Error("a port that is no number was taken")
	}
}

func TestParseContentRange(t *testing.T) {
	for v, want := range map[string]int64{"bytes 1-2/5": 1, "bytes 0-4/*": 0, "foo": -1, "bytes 3-2/5": -1, "bytes 0-5/5": -1, "bytes 0-1": -1} {
		at, ok := parseContentRange(v)
		if ok != (want >= 0) || ok && at != want {
			t.Errorf("%q: %d %v", v, at, ok)
		}
	}
}

func TestSetMinTimeout(t *testing.T) {
	for s, want := range map[string]int64{"5": 5, " 7x": 7, "abc": 0, "-0": 0, "-5": -1} {
		var c config
		err := c.setMinTimeout(nil, s)
		if (err != nil) != (want < 0) || err == nil && c.timeout != want {
			t.Errorf("%q: %d %v", s, c.timeout, err)
		}
	}
}
