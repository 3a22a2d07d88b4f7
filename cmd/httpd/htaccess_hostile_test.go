package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestHostileHtaccess has folders with .htaccess files by people who mean harm.
// Each request must be answered in time, and the pages of others meanwhile too.
func TestHostileHtaccess(t *testing.T) {
	s := prepareServer(t, `LoadModule rewrite_module modules/mod_rewrite.so
LoadModule alias_module modules/mod_alias.so
LoadModule setenvif_module modules/mod_setenvif.so
LoadModule headers_module modules/mod_headers.so
LoadModule dir_module modules/mod_dir.so
<Directory />
AllowOverride All
</Directory>
`)
	evil := strings.Repeat("a", 200)
	rules := func(n int) string {
		var b strings.Builder
		b.WriteString("RewriteEngine On\n")
		for i := range n {
			fmt.Fprintf(&b, "RewriteCond %%{HTTP_COOKIE} x%d\nRewriteRule ^nosuch%d/(.*)$ /y%d/$1 [L]\n", i, i, i)
		}
		return b.String()
	}
	files := map[string]string{
		"backtrack":    "RewriteEngine On\nRewriteRule ^((a+)+)+\\1$ /x [L]\n",
		"lookahead":    "RewriteEngine On\nRewriteRule ^(?=(a|aa)+$)(a|a?)+b$ /x [L]\n",
		"match":        "RedirectMatch ^/match/((a*)*)*\\2b$ /x\n",
		"setenvif":     "SetEnvIf Request_URI ((a+)+)+\\1c$ x\n",
		"loop":         "RewriteEngine On\nRewriteRule ^(.*)$ /loop/$1x [L]\n",
		"loopn":        "RewriteEngine On\nRewriteRule ^(.*)$ $1 [N]\n",
		"grow":         "RewriteEngine On\nRewriteRule ^(.*)$ $1$1 [N]\n",
		"include":      "Include .htaccess\n",
		"errordoc":     "ErrorDocument 404 /errordoc/nosuch\nErrorDocument 500 /errordoc/nosuch\n",
		"rules":        rules(10000),
		"line":         "Header set X-Long \"" + strings.Repeat("x", 8<<20) + "\"\n",
		"continuation": strings.Repeat("\\\n", 200000) + "Options -Indexes\n",
		"nested":       strings.Repeat("<IfModule mod_rewrite.c>\n", 20000),
		"if":           strings.Repeat("<If \"true\">\n", 2000) + strings.Repeat("</If>\n", 2000),
		"expr":         "<If \"" + strings.Repeat("(", 50000) + "true" + strings.Repeat(")", 50000) + "\">\n</If>\n",
		"pattern":      "RewriteEngine On\nRewriteRule " + strings.Repeat("(", 20000) + "a" + strings.Repeat(")", 20000) + " /x\n",
		"count":        "RewriteEngine On\nRewriteRule ^((a{1,500}){1,500}){1,500}$ /x\n",
		"define":       "Define A ${A}${A}\nHeader set X \"${A}\"\n",
		"zero":         "\x00\x00Options\x00\n\xff\xfe\n",
		"index":        "DirectoryIndex " + strings.Repeat("a ", 5000) + "\n",
		"env":          strings.Repeat("SetEnvIf Host . A=%{A}\n", 2000),
	}
	for name, text := range files {
		dir := s.file(filepath.Join("jail/htdocs", name))
		os.MkdirAll(dir, 0o755)
		os.WriteFile(filepath.Join(dir, ".htaccess"), []byte(text), 0o644)
		os.WriteFile(filepath.Join(dir, evil), []byte("page"), 0o644)
	}
	s.must("-k", "start")
	s.pid = s.readPid()
	t.Cleanup(func() { s.httpd("-k", "stop") })
	before := childrenOf(t, s.pid)
	client := &http.Client{Timeout: 20 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{DisableKeepAlives: true}}
	get := func(path string) (int, time.Duration) {
		began := time.Now()
		resp, err := client.Get("http://" + s.addr + path)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			return 0, 0
		}
		resp.Body.Close()
		return resp.StatusCode, time.Since(began)
	}
	for name := range files {
		done := make(chan bool)
		go func() {
			status, took := get("/" + name + "/" + evil)
			t.Logf("%-12s %d after %v", name, status, took.Round(time.Millisecond))
			get("/" + name + "/")
			close(done)
		}()
		for running := true; running; {
			if status, _ := get("/index.html"); status != 200 {
				t.Errorf("beside %s: the page of others is answered with %d", name, status)
			}
			select {
			case <-done:
				running = false
			case <-time.After(50 * time.Millisecond):
			}
		}
	}
	for _, pid := range before {
		if !running(pid) {
			log, _ := os.ReadFile(s.file("error.log"))
			t.Errorf("child %d has ended\n%.4000s", pid, log)
		}
	}
	s.stop()
}
