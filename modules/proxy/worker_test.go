package proxy

import "testing"

func TestWorkerNames(t *testing.T) {
	for _, c := range []struct {
		url        string
		match      bool
		name, host string
		port       int
	}{
		{"http://Example.COM/Path", false, "http://example.com/Path", "example.com", 80},
		{"http://a:80/", false, "http://a/", "a", 80}, {"https://a:80/", false, "https://a:80/", "a", 80},
		{"http://[::1]:8080/x", false, "http://[::1]:8080/x", "::1", 8080}, {"fcgi://localhost", false, "fcgi://localhost", "localhost", 8000},
		{"http://u:p@h/", false, "http://u:p@h/", "h", 80}, {"http://h:81$1/x$2", true, "http://h:81$1/x$2", "h", 81},
	} {
		w, err := newWorker(nil, c.url, c.match)
		if err != nil || w.Name != c.name || w.Hostname != c.host || w.Port != c.port {
			t.Errorf("%s is %+v, %v", c.url, w, err)
		}
	}
	for _, url := range []string{"path", "//h/", "http:///", "http://h:x/", "http://h:99999/", "http://[::1/"} {
		if w, err := newWorker(nil, url, false); err == nil {
			t.Errorf("%s is accepted as %s", url, w.Name)
		}
	}
}
