package server

import (
	"strings"
	"testing"
)

func TestForeignHint(t *testing.T) {
	for name, want := range map[string]string{
		"php_value": "PHP-FPM", "php_admin_flag": "php_admin_value", "WSGIScriptAlias": "mod_wsgi", "SecRuleEngine": "ModSecurity",
		"JkMount": "ajp://", "<Perl": "mod_perl", "LockFile": "Mutex", "RewriteLog": "LogLevel rewrite:trace3",
		"DocumentRoot": "", "Nosuch": "",
	} {
		got := foreignHint(name)
		if (want == "") != (got == "") || !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q in it", name, got, want)
		}
	}
	for i, f := range foreign {
		if f.prefix != strings.ToLower(f.prefix) {
			t.Errorf("%s is not in lower case", f.prefix)
		}
		for _, later := range foreign[i+1:] {
			if strings.HasPrefix(later.prefix, f.prefix) {
				t.Errorf("%s is never reached behind %s", later.prefix, f.prefix)
			}
		}
	}
}
