package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// A workload is something that is done to every server, and what the servers have to be configured for.
type workload struct {
	Name  string
	Title string
	Needs feature
	Load  *load    // by the plain client; nil for the others
	Runs  runner   // otherwise
	Only  []string // names of servers, where the rest cannot do it at all
	Why   string   // they cannot
}

// A feature is a part of a configuration that only some workloads want.
type feature int

const (
	plain feature = iota
	overrides
	rewrites
	listing
	overTLS
	overH2
)

var basicHeaders = "User-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\n"

// browserHeaders are ten fields of the kind and length that browsers send, without the compression that servers differ in.
var browserHeaders = strings.Join([]string{
	"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
	"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
	"Accept-Language: de,en-US;q=0.7,en;q=0.3",
	"Accept-Encoding: identity",
	"Referer: http://127.0.0.1/index.html",
	"Cookie: id=6f1ed002ab5595859014ebf0951522d9; layout=wide; lang=de",
	"Upgrade-Insecure-Requests: 1",
	"Sec-Fetch-Dest: document",
	"Sec-Fetch-Mode: navigate",
	"Sec-Fetch-Site: same-origin",
}, "\r\n") + "\r\n"

func get(path, fields string) []byte {
	return []byte("GET " + path + " HTTP/1.1\r\nHost: localhost\r\n" + fields + "\r\n")
}

var workloads = []workload{
	{Name: "small", Title: "1 KiB, keep-alive",
		Load: &load{Conns: 64, Request: get("/small.html", basicHeaders), Status: 200, Body: smallLen}},
	{Name: "browser", Title: "1 KiB, keep-alive, ten request fields",
		Load: &load{Conns: 64, Request: get("/small.html", browserHeaders), Status: 200, Body: smallLen}},
	{Name: "pipelined", Title: "1 KiB, 16 requests at once",
		Load: &load{Conns: 32, Pipeline: 16, Request: get("/small.html", basicHeaders), Status: 200, Body: smallLen}},
	{Name: "close", Title: "1 KiB, Connection: close",
		Load: &load{Conns: 32, Close: true, Request: get("/small.html", basicHeaders+"Connection: close\r\n"), Status: 200, Body: smallLen}},
	{Name: "large", Title: "100 KiB, keep-alive",
		Load: &load{Conns: 64, Request: get("/large.bin", basicHeaders), Status: 200, Body: largeLen}},
	{Name: "huge", Title: "10 MiB, keep-alive",
		Load: &load{Conns: 8, Request: get("/huge.bin", basicHeaders), Status: 200, Body: hugeLen}},
	{Name: "unmodified", Title: "304 Not Modified",
		Load: &load{Conns: 64, Request: get("/small.html", basicHeaders+"If-Modified-Since: "+modified.Format(http.TimeFormat)+"\r\n"), Status: 304}},
	{Name: "htaccess", Title: "1 KiB below five .htaccess files", Needs: overrides,
		Load: &load{Conns: 64, Request: get(deepDir+"/small.html", basicHeaders), Status: 200, Body: smallLen},
		Only: []string{"donjon", "apache"}, Why: "has no configuration files in the folders it serves"},
	{Name: "rewrite", Title: "1 KiB, the last of five rewrite rules", Needs: rewrites,
		Load: &load{Conns: 64, Request: get("/pretty/small", basicHeaders), Status: 200, Body: smallLen}},
	{Name: "listing", Title: fmt.Sprintf("listing of %d files", listed), Needs: listing,
		Load: &load{Conns: 32, Request: get(listDir+"/", basicHeaders), Status: 200, Body: -1}},
	{Name: "tls", Title: "1 KiB, keep-alive, TLS 1.3", Needs: overTLS, Runs: runTLS},
	{Name: "h2", Title: "1 KiB, HTTP/2 over TLS 1.3, 16 connections of 32 streams", Needs: overH2, Runs: runH2},
	{Name: "idle", Title: "5,000 idle connections", Runs: runIdle},
	{Name: "start", Title: "start to the first response", Runs: runStart},
	{Name: "configtest", Title: "test of a configuration with 5,000 hosts", Runs: runConfigTest},
}

// refuses tells why a server cannot do a workload by its design; what fails when it is tried says so by itself.
func (w *workload) refuses(server string) string {
	if w.Only == nil || slices.Contains(w.Only, server) {
		return ""
	}
	return w.Why
}
