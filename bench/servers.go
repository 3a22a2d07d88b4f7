package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/donjon-httpd/donjon/internal/freeport"
)

// A product is a server that is compared, and how it is told to serve a site.
// All do the same work: the documents of the site, an access log in the
// combined format, one processor.
type product struct {
	Name    string
	Program string // "" for Donjon: the one under test
	// Config gives the text of a configuration, or why there is none for a feature.
	Config func(s site, port int, f feature) (text string, why string)
	Args   func(config string) []string
	Test   func(config string) []string // arguments of a configuration test; nil for a server without one
	Hosts  func(s site, port, hosts int) string
}

var products = []product{
	{Name: "donjon", Config: apacheConfig, Args: apacheArgs, Test: apacheTest, Hosts: apacheHosts},
	{Name: "apache", Program: "/usr/sbin/apache2", Config: apacheConfig, Args: apacheArgs, Test: apacheTest, Hosts: apacheHosts},
	{Name: "nginx", Program: "/usr/sbin/nginx", Config: nginxConfig,
		Args:  func(c string) []string { return []string{"-c", c, "-g", "daemon off;"} },
		Test:  func(c string) []string { return []string{"-t", "-c", c} },
		Hosts: nginxHosts},
	{Name: "lighttpd", Program: "/usr/sbin/lighttpd", Config: lighttpdConfig,
		Args: func(c string) []string { return []string{"-D", "-f", c} }},
	{Name: "caddy", Program: "/usr/bin/caddy", Config: caddyConfig,
		Args: func(c string) []string { return []string{"run", "--adapter", "caddyfile", "--config", c} }},
}

func apacheArgs(c string) []string { return []string{"-DFOREGROUND", "-f", c} }
func apacheTest(c string) []string { return []string{"-t", "-f", c} }

// apacheHead is what apache2 and Donjon read alike. The modules are those that
// the documents need; Debian's others cost Apache more.
func apacheHead(s site, port int, modules ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "ServerRoot %[1]s\nServerName localhost\nPidFile run/%[2]d.pid\nDefaultRuntimeDir run\nMutex file:run default\n", s.dir, port)
	for _, m := range append([]string{"mpm_event", "authz_core", "mime", "dir"}, modules...) {
		fmt.Fprintf(&b, "LoadModule %[1]s_module /usr/lib/apache2/modules/mod_%[1]s.so\n", m)
	}
	fmt.Fprintf(&b, "Listen 127.0.0.1:%d\nListenBacklog 4096\nErrorLog logs/%[1]d.error\nTypesConfig /etc/mime.types\n", port)
	if os.Getuid() == 0 {
		b.WriteString("User www-data\nGroup www-data\n")
	}
	return b.String()
}

func apacheConfig(s site, port int, f feature) (string, string) {
	var modules []string
	more, override := "", "None"
	switch f {
	case overrides:
		modules, override = []string{"headers"}, "All"
	case rewrites:
		modules, more = []string{"rewrite"}, `RewriteEngine On
RewriteRule ^/old/(.*)$ /new/$1 [L]
RewriteCond %{HTTP_HOST} ^www\.(.+)$ [NC]
RewriteRule ^ https://%1%{REQUEST_URI} [R=301,L]
RewriteRule ^/api/v([0-9]+)/(.*)$ /api.php?v=$1&p=$2 [L,QSA]
RewriteRule ^/user/([a-z0-9_-]+)/?$ /user.php?u=$1 [L]
RewriteRule ^/pretty/small$ /small.html [L]
`
	case listing:
		modules = []string{"autoindex"}
	case overTLS, overH2:
		modules, more = []string{"socache_shmcb", "ssl"}, fmt.Sprintf("SSLEngine On\nSSLCertificateFile %[1]s/conf/cert.pem\nSSLCertificateKeyFile %[1]s/conf/key.pem\n", s.dir)
		if f == overH2 {
			modules, more = append(modules, "http2"), more+"Protocols h2 http/1.1\n"
		}
	}
	return apacheHead(s, port, modules...) + fmt.Sprintf(`Timeout 300
MaxKeepAliveRequests 0
KeepAliveTimeout 300
StartServers 2
ServerLimit 4
ThreadLimit 64
ThreadsPerChild 64
MaxRequestWorkers 256
AsyncRequestWorkerFactor 25
LogFormat "%%h %%l %%u %%t \"%%r\" %%>s %%O \"%%{Referer}i\" \"%%{User-Agent}i\"" combined
CustomLog logs/%[2]d.access combined
DocumentRoot %[1]s
<Directory />
    AllowOverride None
    Require all denied
</Directory>
<Directory %[1]s>
    Options FollowSymLinks Indexes
    AllowOverride %[3]s
    Require all granted
</Directory>
%[4]s`, s.root(), port, override, more), ""
}

func apacheHosts(s site, port, hosts int) string {
	var b strings.Builder
	b.WriteString(apacheHead(s, port, "alias", "rewrite", "headers"))
	for i := range hosts {
		fmt.Fprintf(&b, `<VirtualHost 127.0.0.1:%[1]d>
    ServerName site%[2]d.example.com
    ServerAlias www.site%[2]d.example.com
    DocumentRoot %[3]s
    <Directory %[3]s>
        Options FollowSymLinks
        AllowOverride None
        Require all granted
    </Directory>
    Redirect permanent /gone%[2]d https://example.org/
    RewriteEngine On
    RewriteRule ^/old/(.*)$ /new/$1 [R=301,L]
    Header set X-Site s%[2]d
</VirtualHost>
`, port, i, s.root())
	}
	return b.String()
}

func nginxHead(s site, port int) string {
	user := ""
	if os.Getuid() == 0 {
		user = "user www-data;\n"
	}
	return fmt.Sprintf(`%[3]sworker_processes 1;
pid %[1]s/run/%[2]d.pid;
error_log %[1]s/logs/%[2]d.error warn;
worker_rlimit_nofile 20000;
events { worker_connections 10000; }
`, s.dir, port, user)
}

// nginxConfig uses open_file_cache and a buffered log, which are what Donjon
// does by default.
func nginxConfig(s site, port int, f feature) (string, string) {
	listen, more := "", ""
	switch f {
	case rewrites:
		more = `rewrite ^/old/(.*)$ /new/$1 last;
if ($host ~* ^www\.(.+)$) { return 301 https://$1$request_uri; }
rewrite ^/api/v([0-9]+)/(.*)$ /api.php?v=$1&p=$2 last;
rewrite ^/user/([a-z0-9_-]+)/?$ /user.php?u=$1 last;
rewrite ^/pretty/small$ /small.html last;
`
	case listing:
		more = "autoindex on;\n"
	case overTLS, overH2:
		listen = " ssl"
		if f == overH2 {
			listen = " ssl http2"
		}
		more = fmt.Sprintf("ssl_certificate %[1]s/conf/cert.pem;\nssl_certificate_key %[1]s/conf/key.pem;\nssl_protocols TLSv1.2 TLSv1.3;\n", s.dir)
	}
	return nginxHead(s, port) + fmt.Sprintf(`http {
include /etc/nginx/mime.types;
sendfile on;
tcp_nopush on;
keepalive_timeout 300;
keepalive_requests 1000000000;
open_file_cache max=10000 inactive=60s;
open_file_cache_valid 1s;
log_format own '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"';
access_log %[1]s/logs/%[2]d.access own buffer=64k flush=1s;
server {
listen 127.0.0.1:%[2]d%[4]s backlog=4096;
server_name localhost;
root %[3]s;
%[5]s}
}
`, s.dir, port, s.root(), listen, more), ""
}

func nginxHosts(s site, port, hosts int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%shttp {\nserver_names_hash_max_size 65536;\nserver_names_hash_bucket_size 128;\n", nginxHead(s, port))
	for i := range hosts {
		fmt.Fprintf(&b, `server {
listen 127.0.0.1:%[1]d;
server_name site%[2]d.example.com www.site%[2]d.example.com;
root %[3]s;
add_header X-Site s%[2]d;
rewrite ^/old/(.*)$ /new/$1 permanent;
location /gone%[2]d { return 301 https://example.org/; }
}
`, port, i, s.root())
	}
	return b.String() + "}\n"
}

func lighttpdConfig(s site, port int, f feature) (string, string) {
	modules, more := `"mod_accesslog"`, ""
	switch f {
	case rewrites:
		modules += `, "mod_rewrite"`
		more = `url.rewrite-once = ("^/old/(.*)$" => "/new/$1", "^/api/v([0-9]+)/(.*)$" => "/api.php?v=$1&p=$2",
"^/user/([a-z0-9_-]+)/?$" => "/user.php?u=$1", "^/pretty/small$" => "/small.html")
`
	case listing:
		modules += `, "mod_dirlisting"`
		more = "dir-listing.activate = \"enable\"\n"
	case overTLS, overH2:
		modules += `, "mod_openssl"`
		more = fmt.Sprintf("ssl.engine = \"enable\"\nssl.pemfile = \"%[1]s/conf/cert.pem\"\nssl.privkey = \"%[1]s/conf/key.pem\"\n", s.dir)
	}
	return fmt.Sprintf(`server.modules = (%[4]s)
server.document-root = "%[3]s"
server.bind = "127.0.0.1"
server.port = %[2]d
server.errorlog = "%[1]s/logs/%[2]d.error"
server.max-keep-alive-requests = 60000
server.max-keep-alive-idle = 300
server.max-fds = 20000
server.max-connections = 9000
server.listen-backlog = 4096
mimetype.assign = (".html" => "text/html", "" => "application/octet-stream")
accesslog.filename = "%[1]s/logs/%[2]d.access"
%[5]s`, s.dir, port, s.root(), modules, more), ""
}

func caddyConfig(s site, port int, f feature) (string, string) {
	scheme, browse, more := "http", "", ""
	switch f {
	case rewrites:
		more = "rewrite /pretty/small /small.html\nrewrite /old/* /new/\nrewrite /api/* /api.php\nrewrite /user/* /user.php\n"
	case listing:
		browse = " browse"
	case overTLS, overH2:
		scheme, more = "https", fmt.Sprintf("tls %[1]s/conf/cert.pem %[1]s/conf/key.pem\n", s.dir)
	}
	return fmt.Sprintf(`{
admin off
auto_https off
}
%[3]s://localhost:%[2]d {
bind 127.0.0.1
log {
output file %[1]s/logs/%[2]d.access
}
%[5]sroot * %[4]s
file_server%[6]s
}
`, s.dir, port, scheme, s.root(), more, browse), ""
}

// A process is a server that runs.
type process struct {
	port int
	cmd  *exec.Cmd
	done chan error
	out  bytes.Buffer
}

// configure writes a configuration and tells the program to run with it.
func (p *product) configure(s site, port int, text string) (program, file string, err error) {
	if program = p.Program; program == "" {
		program = s.httpd
	}
	if _, err := os.Stat(program); err != nil {
		return "", "", errors.New("is not installed")
	}
	file = filepath.Join(s.dir, "conf", fmt.Sprintf("%s-%d.conf", p.Name, port))
	return program, file, os.WriteFile(file, []byte(text), 0o644)
}

// start runs a server until it takes connections. Its error says what the
// server said.
func (p *product) start(s site, f feature, on *cpus) (*process, error) {
	ports, err := freeport.Find(1)
	if err != nil {
		return nil, err
	}
	port := ports[0]
	text, why := p.Config(s, port, f)
	if why != "" {
		return nil, errors.New(why)
	}
	program, file, err := p.configure(s, port, text)
	if err != nil {
		return nil, err
	}
	r := &process{port: port, cmd: exec.Command(program, p.Args(file)...), done: make(chan error, 1)}
	r.cmd.Stdout, r.cmd.Stderr = &r.out, &r.out
	r.cmd.Env = append(os.Environ(), "HOME="+filepath.Join(s.dir, "run"), "XDG_DATA_HOME="+filepath.Join(s.dir, "run"))
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := on.onServerCPU(r.cmd.Start); err != nil {
		return nil, err
	}
	go func() { r.done <- r.cmd.Wait() }()
	for range 1000 {
		select {
		case err := <-r.done:
			return nil, fmt.Errorf("does not start: %v: %s", err, firstLine(r.out.String()))
		default:
		}
		if c, err := net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", port), time.Second); err == nil {
			c.Close()
			return r, nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	r.stop()
	return nil, errors.New("does not take connections")
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(s), "\n")
	return line
}

// stop ends the server and all its processes.
func (r *process) stop() {
	r.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-r.done:
	case <-time.After(10 * time.Second):
		syscall.Kill(-r.cmd.Process.Pid, syscall.SIGKILL)
		<-r.done
	}
}
