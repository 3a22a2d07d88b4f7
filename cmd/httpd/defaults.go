package main

import (
	"os"
	"path/filepath"
)

// A layout is what the program assumes of its files unless told otherwise.
type layout struct {
	root     string // HTTPD_ROOT
	config   string // SERVER_CONFIG_FILE
	pidFile  string // DEFAULT_PIDLOG
	errorLog string // DEFAULT_ERRORLOG
	types    string // AP_TYPES_CONFIG_FILE
}

// layouts are those of Apache as it is found on machines: installed from
// source, Debian's package, Red Hat's.
var layouts = []layout{
	{"/usr/local/apache2", "conf/httpd.conf", "logs/httpd.pid", "logs/error_log", "conf/mime.types"},
	{"/etc/apache2", "apache2.conf", "/run/apache2.pid", "logs/error_log", "mime.types"},
	{"/etc/httpd", "conf/httpd.conf", "run/httpd.pid", "logs/error_log", "conf/mime.types"},
}

// builtRoot names one of them for good. Packagers set it with
// -ldflags "-X main.builtRoot=/etc/apache2".
var builtRoot string

// defaults is the layout of this machine.
var defaults = chooseLayout(builtRoot, exists)

// chooseLayout takes the layout whose root was built in, else the first whose
// main file is there, so that a program put in Apache's place finds what Apache
// found. Where there is none, a distribution's directory tells as much; else it
// is that of an installation from source.
func chooseLayout(built string, there func(path string) bool) layout {
	for _, l := range layouts {
		if built == l.root || built == "" && there(filepath.Join(l.root, l.config)) {
			return l
		}
	}
	for _, l := range layouts[1:] {
		if built == "" && there(l.root) {
			return l
		}
	}
	l := layouts[0]
	if built != "" {
		l.root = built
	}
	return l
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
