// Bench compares Donjon with Debian's apache2, nginx, lighttpd and Caddy on
// this machine: the same documents, the same work, an access log each, in
// rounds that take turns, so that what else the machine does hits all alike.
// The figure to trust is CPU per request, user and system time of all of a
// server's processes, and its ratio within one run.
//
//	go run ./bench [-servers donjon,nginx] [-work small,close] [-rounds 5] [-seconds 2] [-json FILE] [-docs docs]
//	go run ./bench -soak 30m
//
// It wants to be root for the servers' accounts, and the packages apache2,
// nginx, lighttpd and caddy; a server that is not there is reported as such.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

func main() {
	var (
		servers = flag.String("servers", "", "comma-separated names; default all")
		work    = flag.String("work", "", "comma-separated names of workloads; default all")
		rounds  = flag.Int("rounds", 5, "rounds of each workload")
		seconds = flag.Float64("seconds", 2, "length of a round")
		jsonOut = flag.String("json", "", "write the results to a file")
		docs    = flag.String("docs", "", "write tables and charts into performance.md of this folder")
		httpd   = flag.String("httpd", "", "the program; default: build ./cmd/httpd")
		soak    = flag.Duration("soak", 0, "instead of comparing, put a mixed load on Donjon for so long and look for growth")
	)
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *servers, *work, *rounds, *seconds, *jsonOut, *docs, *httpd, *soak); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, servers, work string, rounds int, seconds float64, jsonOut, docs, httpd string, soak time.Duration) error {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if httpd, err = program(ctx, httpd, dir); err != nil {
		return err
	}
	if soak > 0 {
		return soakFor(ctx, httpd, dir, soak, os.Stdout)
	}
	s, err := makeSite(dir, httpd)
	if err != nil {
		return err
	}
	if err := makeCertificate(s); err != nil {
		return err
	}
	b := &bench{site: s, rounds: rounds, duration: time.Duration(seconds * float64(time.Second)), out: os.Stdout}
	var reason string
	if b.cpus, reason = pinning(); b.cpus == nil {
		fmt.Println(reason)
	} else if err := b.cpus.pinClient(); err != nil {
		return err
	}
	ps, err := choose(products, servers, func(p product) string { return p.Name })
	if err != nil {
		return err
	}
	ws, err := choose(workloads, work, func(w workload) string { return w.Name })
	if err != nil {
		return err
	}
	var results []result
	for i := range ws {
		r := b.measure(ctx, &ws[i], ps)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		fmt.Print(r.text())
		results = append(results, r)
	}
	if jsonOut != "" {
		text, err := json.MarshalIndent(results, "", "\t")
		if err != nil {
			return err
		}
		if err := os.WriteFile(jsonOut, append(text, '\n'), 0o644); err != nil {
			return err
		}
	}
	if docs != "" {
		return writeDocs(docs, results, machine(b))
	}
	return nil
}

// program is the httpd to measure, as an absolute path.
func program(ctx context.Context, httpd, dir string) (string, error) {
	if httpd != "" {
		return filepath.Abs(httpd)
	}
	httpd = filepath.Join(dir, "httpd")
	cmd := exec.CommandContext(ctx, "go", "build", "-o", httpd, "github.com/donjon-httpd/donjon/cmd/httpd")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return httpd, nil
}

// choose picks by name, in the order of all.
func choose[T any](all []T, names string, name func(T) string) ([]T, error) {
	if names == "" {
		return all, nil
	}
	var known []string
	for _, t := range all {
		known = append(known, name(t))
	}
	wanted := strings.Split(names, ",")
	for _, n := range wanted {
		if !slices.Contains(known, n) {
			return nil, fmt.Errorf("no %q; there are %s", n, strings.Join(known, ", "))
		}
	}
	return slices.DeleteFunc(slices.Clone(all), func(t T) bool { return !slices.Contains(wanted, name(t)) }), nil
}
