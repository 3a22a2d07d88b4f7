package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// A soak puts a mixed load on Donjon for a long time, with graceful restarts
// and changed files in between, and looks whether memory and descriptors grow
// and whether any request fails that should not.
type soak struct {
	addr   string
	site   site
	server *process

	requests, failures atomic.Int64
	mu                 sync.Mutex
	first              error
}

// soakConfig is more than the comparison needs: what a real site has.
func soakConfig(s site, port int) string {
	text, _ := apacheConfig(s, port, overrides)
	return text + "LoadModule autoindex_module modules/mod_autoindex.so\nLoadModule setenvif_module modules/mod_setenvif.so\n" +
		"BrowserMatch \"Mozilla/2\" nokeepalive\nKeepAliveTimeout 2\nGracefulShutdownTimeout 20\n"
}

// soakFor runs a soak and reports its samples. Growth is judged between the
// first third and the last third of the time.
func soakFor(ctx context.Context, httpd, dir string, d time.Duration, out io.Writer) error {
	s, err := makeSite(dir, httpd)
	if err != nil {
		return err
	}
	donjon := products[0]
	donjon.Config = func(s site, port int, _ feature) (string, string) { return soakConfig(s, port), "" }
	server, err := donjon.start(s, overrides, nil)
	if err != nil {
		return err
	}
	defer server.stop()
	k := &soak{addr: fmt.Sprintf("127.0.0.1:%d", server.port), site: s, server: server}
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	var wg sync.WaitGroup
	for _, client := range []struct {
		n  int
		do func(context.Context) error
	}{
		{4, k.keepAlive}, {2, k.closing}, {2, k.conditional}, {2, k.ranges}, {1, k.large}, {2, k.abort}, {2, k.slow}, {1, k.listing}, {1, k.bad},
	} {
		for range client.n {
			wg.Go(func() { k.repeat(ctx, client.do) })
		}
	}
	wg.Go(func() { k.disturb(ctx, httpd, filepath.Join(dir, "conf"), d/10) })
	samples := k.watch(ctx, out, d/30)
	wg.Wait()
	fmt.Fprintf(out, "%d requests, %d failures\n", k.requests.Load(), k.failures.Load())
	if k.first != nil {
		return fmt.Errorf("%d of %d requests failed: %w", k.failures.Load(), k.requests.Load(), k.first)
	}
	return growth(samples)
}

func (k *soak) repeat(ctx context.Context, do func(context.Context) error) {
	for ctx.Err() == nil {
		k.note(ctx, do(ctx), "")
		time.Sleep(time.Duration(rand.IntN(4)) * time.Millisecond)
	}
}

// note counts a failure and keeps the first; what fails because the time is up is none.
func (k *soak) note(ctx context.Context, err error, more string) {
	if err == nil || ctx.Err() != nil {
		return
	}
	k.failures.Add(1)
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.first == nil {
		k.first = fmt.Errorf("%w %s", err, more)
	}
}

// dial connects with a deadline for all that follows.
func (k *soak) dial() (net.Conn, *bufio.Reader, error) {
	c, err := net.DialTimeout("tcp", k.addr, 10*time.Second)
	if err != nil {
		return nil, nil, err
	}
	c.SetDeadline(time.Now().Add(30 * time.Second))
	return c, bufio.NewReader(c), nil
}

// ask sends a request and reads its response, which must have one of the statuses.
func (k *soak) ask(c net.Conn, in *bufio.Reader, target, fields string, statuses ...int) (again bool, err error) {
	k.requests.Add(1)
	if _, err := fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n", target, fields); err != nil {
		return false, err
	}
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		return false, fmt.Errorf("%s: %w", target, err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return false, fmt.Errorf("%s: %w", target, err)
	}
	for _, s := range statuses {
		if resp.StatusCode == s {
			return !resp.Close, nil
		}
	}
	return false, fmt.Errorf("%s: %s", target, resp.Status)
}

func (k *soak) several(n int, target, fields string, statuses ...int) error {
	c, in, err := k.dial()
	if err != nil {
		return err
	}
	defer c.Close()
	answered := time.Now()
	for i := range n {
		asked := time.Now()
		again, err := k.ask(c, in, target, fields, statuses...)
		if err != nil {
			// A machine with much to do can keep a client from sending for so
			// long that the server may have given the connection up.
			if waited := asked.Sub(answered); i > 0 && waited >= keepAliveTimeout-100*time.Millisecond {
				return nil
			}
			return fmt.Errorf("request %d of a connection, %v after the answer before: %w", i+1, asked.Sub(answered), err)
		}
		if !again {
			break
		}
		answered = time.Now()
	}
	return nil
}

// keepAliveTimeout is the server's.
const keepAliveTimeout = 2 * time.Second

func (k *soak) keepAlive(context.Context) error {
	targets := []string{"/small.html", deepDir + "/small.html", fmt.Sprintf("/small.html?%d", rand.IntN(1000))}
	return k.several(20, targets[rand.IntN(len(targets))], browserHeaders, 200)
}

func (k *soak) closing(context.Context) error {
	return k.several(1, "/small.html", "Connection: close\r\n", 200)
}

func (k *soak) conditional(context.Context) error {
	return k.several(10, "/small.html", "If-Modified-Since: "+modified.Format(http.TimeFormat)+"\r\n", 200, 304)
}

func (k *soak) ranges(context.Context) error {
	at := rand.IntN(largeLen - 100)
	return k.several(3, "/large.bin", fmt.Sprintf("Range: bytes=%d-%d\r\n", at, at+50), 206)
}

func (k *soak) large(context.Context) error { return k.several(2, "/huge.bin", "", 200) }

func (k *soak) listing(context.Context) error { return k.several(3, listDir+"/", "", 200) }

// abort leaves in the middle of a download.
func (k *soak) abort(context.Context) error {
	c, in, err := k.dial()
	if err != nil {
		return err
	}
	defer c.Close()
	k.requests.Add(1)
	if _, err := io.WriteString(c, "GET /huge.bin HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		return err
	}
	_, err = io.CopyN(io.Discard, in, int64(rand.IntN(1<<20))+1)
	return err
}

// slow sends its request in small pieces.
func (k *soak) slow(ctx context.Context) error {
	c, in, err := k.dial()
	if err != nil {
		return err
	}
	defer c.Close()
	k.requests.Add(1)
	for _, piece := range []string{"GET /sma", "ll.html HT", "TP/1.1\r\nHost: loc", "alhost\r", "\n\r", "\n"} {
		if _, err := io.WriteString(c, piece); err != nil {
			return err
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return nil
		}
	}
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		return err
	}
	resp.Body.Close()
	return nil
}

// bad sends what is no request; any answer or end will do.
func (k *soak) bad(context.Context) error {
	c, in, err := k.dial()
	if err != nil {
		return err
	}
	defer c.Close()
	k.requests.Add(1)
	for range 3 {
		b := make([]byte, rand.IntN(2000))
		for i := range b {
			b[i] = byte(rand.IntN(256))
		}
		if _, err := c.Write(append(b, "\r\n\r\n"...)); err != nil {
			return nil
		}
	}
	io.Copy(io.Discard, in)
	return nil
}

// disturb restarts the server gracefully and changes files now and then.
func (k *soak) disturb(ctx context.Context, httpd, conf string, every time.Duration) {
	files, _ := filepath.Glob(filepath.Join(conf, "donjon-*.conf"))
	for n := 0; len(files) > 0; n++ {
		select {
		case <-time.After(every):
		case <-ctx.Done():
			return
		}
		access := filepath.Join(k.site.root(), deepDir, ".htaccess")
		os.WriteFile(access, fmt.Appendf(nil, "Header set X-Turn \"%d\"\n", n), 0o644)
		out, err := exec.CommandContext(ctx, httpd, "-f", files[0], "-k", "graceful").CombinedOutput()
		k.note(ctx, err, string(out))
	}
}

// sample is what the server held at one time.
type sample struct {
	PSS   int64 // KiB
	Files int
	Procs int
}

func (k *soak) watch(ctx context.Context, out io.Writer, every time.Duration) []sample {
	var samples []sample
	began := time.Now()
	pid := k.server.cmd.Process.Pid
	for {
		select {
		case <-ctx.Done():
			return samples
		case <-time.After(every):
		}
		m, err := memoryOf(pid)
		if err != nil {
			continue
		}
		s := sample{m.PSS, descriptors(pid), len(family(pid))}
		samples = append(samples, s)
		fmt.Fprintf(out, "%6s  %7d KiB  %4d descriptors  %d processes  %d requests\n",
			time.Since(began).Round(time.Second), s.PSS, s.Files, s.Procs, k.requests.Load())
	}
}

// growth compares the least that was held in the first and the last third of
// the time: a peak is not growth.
func growth(samples []sample) error {
	third := len(samples) / 3
	if third == 0 {
		return errors.New("too short to tell growth")
	}
	least := func(list []sample, f func(sample) int64) int64 {
		low := f(list[0])
		for _, s := range list {
			low = min(low, f(s))
		}
		return low
	}
	var problems []string
	for _, w := range []struct {
		what  string
		slack int64
		f     func(sample) int64
	}{
		{"KiB of memory", 8 << 10, func(s sample) int64 { return s.PSS }},
		{"descriptors", 30, func(s sample) int64 { return int64(s.Files) }},
		{"processes", 3, func(s sample) int64 { return int64(s.Procs) }},
	} {
		early, late := least(samples[:third], w.f), least(samples[len(samples)-third:], w.f)
		if late > early+early/4+w.slack {
			problems = append(problems, fmt.Sprintf("%s: %d at first, %d at last", w.what, early, late))
		}
	}
	if problems != nil {
		return errors.New("it grows: " + strings.Join(problems, "; "))
	}
	return nil
}
