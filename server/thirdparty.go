package server

import "strings"

// foreign are modules of others that configurations name, by how their
// directives begin, in lower case, and what to do without them here. Longer
// beginnings stand before shorter ones.
var foreign = []struct{ prefix, advice string }{
	{"php_admin_", "of mod_php: run PHP with PHP-FPM (SetHandler \"proxy:unix:/run/php/php-fpm.sock|fcgi://localhost\" in <FilesMatch \\.php$>) and put the setting into its pool: php_admin_value[…]"},
	{"php_", "of mod_php: run PHP with PHP-FPM (SetHandler \"proxy:unix:/run/php/php-fpm.sock|fcgi://localhost\" in <FilesMatch \\.php$>) and put the setting into its pool (php_value[…]) or a .user.ini"},
	{"phpini", "of mod_php: PHP-FPM is told with -c"},
	{"wsgi", "of mod_wsgi: run the application with a WSGI server (gunicorn, uwsgi) and ProxyPass to http:// or uwsgi:// it"},
	{"uwsgi", "of mod_uwsgi: ProxyPass / uwsgi://127.0.0.1:PORT/ does it (mod_proxy_uwsgi)"},
	{"passenger", "of Phusion Passenger: run \"passenger start\" as a server and ProxyPass to it"},
	{"rails", "of Phusion Passenger: run the application server and ProxyPass to it"},
	{"perl", "of mod_perl: run the program as CGI, or as FastCGI or HTTP server and ProxyPass to it"},
	{"<perl", "of mod_perl: write the lines that the program makes, or use <Macro>"},
	{"python", "of mod_python: run the application with a WSGI server and ProxyPass to it"},
	{"fcgid", "of mod_fcgid: start the FastCGI server by itself (php-fpm, spawn-fcgi) and use SetHandler \"proxy:unix:SOCKET|fcgi://localhost\""},
	{"fastcgi", "of mod_fastcgi: start the FastCGI server by itself and use SetHandler \"proxy:unix:SOCKET|fcgi://localhost\""},
	{"sec", "of ModSecurity: put a filtering proxy in front, or take the rules out"},
	{"modpagespeed", "of mod_pagespeed, which is not maintained: mod_deflate, mod_brotli and mod_expires do the essential part"},
	{"pagespeed", "of mod_pagespeed, which is not maintained: mod_deflate, mod_brotli and mod_expires do the essential part"},
	{"geoip", "of mod_geoip: let a proxy in front set a field, and look at that"},
	{"maxmind", "of mod_maxminddb: let a proxy in front set a field, and look at that"},
	{"jk", "of mod_jk: ProxyPass / ajp://127.0.0.1:8009/ does it (mod_proxy_ajp)"},
	{"<jk", "of mod_jk: ProxyPass does it (mod_proxy_ajp)"},
	{"xsendfile", "of mod_xsendfile: have the application send the file, or redirect to it internally (Location of a CGI program)"},
	{"rpaf", "of mod_rpaf: RemoteIPHeader and RemoteIPInternalProxy do it (mod_remoteip)"},
	{"cloudflareremoteip", "of mod_cloudflare: RemoteIPHeader CF-Connecting-IP does it (mod_remoteip)"},
	{"dos", "of mod_evasive: limits for each client belong into the firewall or a proxy in front"},
	{"qs_", "of mod_qos: limits for each client belong into the firewall or a proxy in front"},
	{"mod_gzip_", "of mod_gzip for Apache 1.3: AddOutputFilterByType DEFLATE text/html … does it (mod_deflate)"},
	{"assignuserid", "of mpm_itk: all children have one user; separate users want separate servers"},
	{"mono", "of mod_mono: run the application server and ProxyPass to it"},
	{"svn", "of mod_dav_svn: run svnserve, or ProxyPass to a server that has the module"},
	{"authzsvn", "of mod_authz_svn: run svnserve, or ProxyPass to a server that has the module"},
	{"krb", "of mod_auth_kerb: put an authenticating proxy in front"},
	{"gssapi", "of mod_auth_gssapi: put an authenticating proxy in front"},
	{"oidc", "of mod_auth_openidc: put an authenticating proxy in front (oauth2-proxy)"},
	{"shib", "of Shibboleth: put an authenticating proxy in front"},
	{"mellon", "of mod_auth_mellon: put an authenticating proxy in front"},
	{"cas", "of mod_auth_cas: put an authenticating proxy in front"},
	{"tkt", "of mod_auth_tkt: put an authenticating proxy in front"},
	{"gridsite", "of GridSite: there is nothing that does it here"},
	{"dnssd", "of mod_dnssd: let avahi announce the server (a file in /etc/avahi/services)"},
	{"bw", "of mod_bw: mod_ratelimit bounds the speed of responses"},
	{"tile", "of mod_tile: run the tile server by itself and ProxyPass to it"},
	{"modtile", "of mod_tile: run the tile server by itself and ProxyPass to it"},
	{"loadtile", "of mod_tile: run the tile server by itself and ProxyPass to it"},
	{"simple", "of an MPM for Apache 2.3: MaxRequestWorkers and ThreadsPerChild say it in 2.4"},
}

// gone are directives that Apache itself no longer has, and what has come in
// their place.
var gone = map[string]string{
	"lockfile":             "Apache 2.4 has Mutex in its place",
	"acceptmutex":          "Apache 2.4 has Mutex in its place",
	"sslmutex":             "Apache 2.4 has Mutex in its place",
	"rewritelog":           "Apache 2.4 has LogLevel rewrite:trace3 in its place",
	"rewriteloglevel":      "Apache 2.4 has LogLevel rewrite:trace3 in its place",
	"maxrequestsperthread": "Apache 2.4 has MaxConnectionsPerChild in its place",
	"cookielog":            "Apache 2.4 has CustomLog in its place",
	"authauthoritative":    "Apache 2.4 has AuthBasicAuthoritative in its place",
	"authgroupfile":        "LoadModule authz_groupfile_module modules/mod_authz_groupfile.so activates it",
	"a2enmod":              "a command of Debian's, not a directive",
}

// foreignHint is advice for a directive that no module here declares, or "".
func foreignHint(name string) string {
	name = strings.ToLower(name)
	if h := gone[name]; h != "" {
		return h
	}
	for _, f := range foreign {
		if strings.HasPrefix(name, f.prefix) {
			return f.advice
		}
	}
	return ""
}
