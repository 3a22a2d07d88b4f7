package vhost_alias

import "testing"

func TestInterpolate(t *testing.T) {
	for _, tc := range []struct{ path, name, want string }{
		{"/v/%0", "www.Example.com", "/v/www.example.com"}, {"/v/%0/", "a", "/v/a"}, {"/v/%1/%2/%3/%4", "a.b.c", "/v/a/b/c/_"},
		{"/%-1/%-2/%-2+/%2+", "www.example.isp.com", "/com/isp/www.example.isp/example.isp.com"}, {"/%p%%/x", "a", "/8080%/x"},
		{"/%2.1/%2.2/%2.3+/%2.-1/%2.-2+", "www.example.com", "/e/x/ample/e/exampl"}, {"/%1.9", "short", "/_"}, {"/%-3.1", "www.example.com", "/w"},
		{"/%1", "10.0.0.1", "/10"}, {"/%0.0", "x", "/x"},
	} {
		if !valid(tc.path) {
			t.Errorf("%s: not valid", tc.path)
		}
		if got := interpolate(tc.path, tc.name, 8080); got != tc.want {
			t.Errorf("%s with %s: %s, want %s", tc.path, tc.name, got, tc.want)
		}
	}
}

func TestValid(t *testing.T) {
	for _, bad := range []string{"/%", "/%x", "/%-", "/%--1", "/%1.", "/%1.x", "/%1.-", "/%p/%q"} {
		if valid(bad) {
			t.Errorf("%s is taken", bad)
		}
	}
}

func FuzzInterpolate(f *testing.F) {
	f.Add("/v/%-2+.1", "www.example.com")
	f.Fuzz(func(t *testing.T, path, name string) {
		if valid(path) {
			interpolate(path, name, 80)
		}
	})
}
