package main

import (
	"slices"
	"strings"
	"testing"
)

func TestChooseLayout(t *testing.T) {
	for _, tc := range []struct {
		built        string
		there        string
		root, config string
	}{
		{"", "", "/usr/local/apache2", "conf/httpd.conf"},
		{"", "/etc/apache2", "/etc/apache2", "apache2.conf"},
		{"", "/etc/httpd", "/etc/httpd", "conf/httpd.conf"},
		{"", "/usr/local/apache2", "/usr/local/apache2", "conf/httpd.conf"},
		{"", "/usr/local/apache2 /etc/apache2", "/etc/apache2", "apache2.conf"},
		{"", "/usr/local/apache2/conf/httpd.conf /etc/apache2", "/usr/local/apache2", "conf/httpd.conf"},
		{"", "/etc/httpd/conf/httpd.conf /etc/apache2", "/etc/httpd", "conf/httpd.conf"},
		{"/etc/apache2", "/usr/local/apache2", "/etc/apache2", "apache2.conf"},
		{"/opt/httpd", "/etc/apache2", "/opt/httpd", "conf/httpd.conf"},
	} {
		got := chooseLayout(tc.built, func(dir string) bool { return slices.Contains(strings.Fields(tc.there), dir) })
		if got.root != tc.root || got.config != tc.config {
			t.Errorf("built %q, there %q: %s with %s, want %s with %s", tc.built, tc.there, got.root, got.config, tc.root, tc.config)
		}
	}
}
