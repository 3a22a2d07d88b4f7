package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// feature is something of the C library, or of a language, that looks for files
// late: the program starts without them and something of it fails.
type feature struct {
	name    string
	symbols []string
	lost    string
	files   []string // patterns
}

var features = []feature{
	{"nss", []string{"getpwnam", "getpwnam_r", "getpwuid", "getpwuid_r", "getgrnam", "getgrnam_r", "getgrgid", "getgrgid_r"},
		"names of users and groups are unknown (NSS)", []string{"/etc/nsswitch.conf", "/etc/passwd", "/etc/group"}},
	{"dns", []string{"getaddrinfo", "gethostbyname", "gethostbyname_r", "gethostbyname2_r"},
		"names of hosts are not found (DNS, and nscd's socket is not there)", []string{"/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/services"}},
	{"iconv", []string{"iconv_open"}, "charset conversion (iconv) fails but between UTF-8 and ASCII",
		[]string{"/usr/lib/*/gconv/gconv-modules", "/usr/lib/*/gconv/gconv-modules.cache", "/usr/lib/*/gconv/gconv-modules.d/*", "/usr/lib/*/gconv/ISO8859-1.so", "/usr/lib/*/gconv/ISO8859-15.so", "/usr/lib/*/gconv/UTF-16.so", "/usr/lib/*/gconv/CP1252.so"}},
	{"locale", []string{"setlocale", "newlocale"}, "only the locales C and C.UTF-8 exist",
		[]string{"/usr/lib/locale/locale-archive", "/usr/lib/locale/C.utf8/*", "/usr/lib/locale/C.utf8/LC_MESSAGES/*"}},
	{"zoneinfo", []string{"localtime", "localtime_r", "tzset", "mktime"}, "local time is UTC",
		[]string{"/etc/localtime"}},
	{"ca", []string{"SSL_CTX_set_default_verify_paths", "SSL_CTX_load_verify_locations", "curl_easy_init"},
		"no certificate of another server can be verified (CA store)", []string{"/etc/ssl/certs/ca-certificates.crt"}},
	{"sh", []string{"system", "popen"}, "exec functions (system, popen, backticks) need a shell", []string{"/bin/sh"}},
	{"dev", []string{"getentropy", "arc4random"}, "programs that redirect to /dev/null fail", []string{"/dev/null"}},
	{"syslog", []string{"syslog", "openlog", "__syslog_chk"}, "syslog has no /dev/log; let the program write to standard error, which is a line of the error log", []string{"/dev/log"}},
}

// phpFeatures are of PHP alone.
var phpFeatures = []feature{
	{"sendmail", nil, "mail() runs sendmail_path through /bin/sh; a client for SMTP to 127.0.0.1 needs neither", []string{"/usr/sbin/sendmail"}},
	{"zoneinfo", nil, "Debian's PHP takes zones from /usr/share/zoneinfo", []string{"/usr/share/zoneinfo/tzdata.zi", "/usr/share/zoneinfo/zone1970.tab", "/usr/share/zoneinfo/zone.tab", "/usr/share/zoneinfo/[A-Z]*", "/usr/share/zoneinfo/[A-Z]*/*", "/usr/share/zoneinfo/[A-Z]*/*/*"}},
	{"sockets", nil, "a database called localhost is asked by a socket that is not in the jail; use 127.0.0.1, or bind mount its directory",
		[]string{"/run/mysqld/mysqld.sock", "/run/postgresql/.s.PGSQL.5432"}},
}

// needless are features that provision cannot give by copying.
var byHand = []string{"syslog", "sockets"}

func (f *finder) features(path, by string, o *object) {
	_ = by
	for _, ft := range features {
		if slices.ContainsFunc(ft.symbols, func(s string) bool { return o.imports[s] }) {
			f.feature(path, ft)
		}
	}
	base := filepath.Base(path)
	if target, err := filepath.EvalSymlinks(path); err == nil {
		base = filepath.Base(target)
	}
	if phpCLI.MatchString(base) {
		for _, ft := range phpFeatures {
			f.feature(path, ft)
		}
	}
}

func (f *finder) feature(path string, ft feature) {
	for _, pattern := range ft.files {
		names := []string{pattern}
		if strings.ContainsAny(pattern, "*?") {
			names, _ = filepath.Glob(pattern)
		}
		for _, name := range names {
			if st, err := os.Stat(name); err == nil && st.IsDir() || f.seen[name] {
				continue
			}
			if slices.Contains(byHand, ft.name) || ft.name == "sendmail" {
				// Reported whether the machine has it or not: the program will look.
				f.seen[name] = true
				f.needs = append(f.needs, need{Path: name, For: path, Why: ft.lost, Feature: ft.name})
				continue
			}
			if _, err := os.Stat(name); err == nil {
				f.file(name, path, ft.lost, ft.name)
			}
		}
	}
}
