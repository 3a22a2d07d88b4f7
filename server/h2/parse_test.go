package h2

import (
	"net/http"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/net/http2"

	"github.com/donjon-httpd/donjon/server"
)

func TestSettingsOf(t *testing.T) {
	got, ok := settingsOf("AAMAAABkAAQAAP__")
	want := []http2.Setting{{ID: http2.SettingMaxConcurrentStreams, Val: 100}, {ID: http2.SettingInitialWindowSize, Val: 65535}}
	if !ok || !reflect.DeepEqual(got, want) {
		t.Errorf("%v %v", got, ok)
	}
	for text, want := range map[string]bool{"": true, "AAMAAABk": true, "AAMAAABk==": true, "AAMAAAB": false, "A+": false, "AAMAAABkAA": false} {
		if _, ok := settingsOf(text); ok != want {
			t.Errorf("%q: %v", text, ok)
		}
	}
}

func FuzzSettingsOf(f *testing.F) {
	f.Add("AAMAAABkAAQAAP__")
	f.Add("=")
	f.Fuzz(func(t *testing.T, s string) {
		if list, ok := settingsOf(s); ok && len(list) > len(s) {
			t.Errorf("%d settings of %q", len(list), s)
		}
	})
}

func TestAnswerOf(t *testing.T) {
	status, fields, ok := answerOf("HTTP/1.0 200 Connection Established\r\nProxy-agent: x \r\nno field\r\nbad name: y\r\n")
	if !ok || status != 200 || !reflect.DeepEqual(fields, []server.Field{{Name: "Proxy-agent", Value: "x"}}) {
		t.Errorf("%d %v %v", status, fields, ok)
	}
	for _, head := range []string{"", "HTTP/1.1", "HTTP/2 200", "HTTP/1.1 20x y", "HTTP/1.1 +20 y", "HTTP/1.1 999 y"} {
		if _, _, ok := answerOf(head); ok {
			t.Errorf("%q is taken", head)
		}
	}
}

func FuzzAnswerOf(f *testing.F) {
	f.Add("HTTP/1.1 101 x\r\nA: b\r\n")
	f.Fuzz(func(t *testing.T, s string) {
		_, fields, _ := answerOf(s)
		for _, l := range fields {
			if strings.ContainsAny(l.Name+l.Value, "\r\n\x00") || l.Name == "" {
				t.Errorf("%q", l)
			}
		}
	})
}

// FuzzHead adds a field to a head: what is taken keeps the rules of RFC 9113.
func FuzzHead(f *testing.F) {
	f.Add("x-a", "b")
	f.Add(":path", "/")
	f.Add("content-length", "12")
	f.Fuzz(func(t *testing.T, name, value string) {
		h := &head{fields: http.Header{}, method: "GET", scheme: "http", authority: "a", path: "/", has: hasMethod | hasScheme | hasAuthority | hasPath}
		h.add(name, value)
		if h.check(true) != "" || h.status != 0 {
			return
		}
		r := h.request(true)
		for k, v := range r.Header {
			if strings.ContainsAny(k+v[0], "\r\n\x00") || k == "" || k == "Connection" || k == "Upgrade" {
				t.Errorf("%q: %q", k, v)
			}
		}
	})
}
