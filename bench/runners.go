package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// A runner does a workload that is more than requests of the plain client.
// It gives the figures of one round.
type runner func(ctx context.Context, b *bench, p *product) ([]figure, error)

// idleConns is how many connections wait at once.
const idleConns = 5000

// runIdle opens connections that have had one answer and tells what they cost
// the server: the growth of what its processes share out among them (PSS).
func runIdle(ctx context.Context, b *bench, p *product) ([]figure, error) {
	if err := raiseDescriptors(idleConns + 1000); err != nil {
		return nil, err
	}
	r, err := p.start(b.site, plain, b.cpus)
	if err != nil {
		return nil, err
	}
	defer r.stop()
	request := get("/small.html", basicHeaders)
	var open []net.Conn
	defer func() {
		for _, c := range open {
			c.Close()
		}
	}()
	buf := make([]byte, 4096)
	ask := func(c net.Conn) error {
		c.SetDeadline(time.Now().Add(10 * time.Second))
		if _, err := c.Write(request); err != nil {
			return err
		}
		var a answer
		for {
			n, err := c.Read(buf)
			if err != nil {
				return err
			}
			if _, complete, err := a.feed(buf[:n]); err != nil || complete {
				return err
			}
		}
	}
	connect := func() error {
		c, err := net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", r.port), 10*time.Second)
		if err != nil {
			return err
		}
		open = append(open, c)
		return ask(c)
	}
	for range 100 { // what a first client makes it allocate is not a connection's
		if err := connect(); err != nil {
			return nil, err
		}
	}
	before, err := memoryOf(r.cmd.Process.Pid)
	if err != nil {
		return nil, err
	}
	for len(open) < 100+idleConns && ctx.Err() == nil {
		if err := connect(); err != nil {
			return nil, fmt.Errorf("connection %d: %w", len(open), err)
		}
	}
	time.Sleep(time.Second)
	after, err := memoryOf(r.cmd.Process.Pid)
	if err != nil {
		return nil, err
	}
	for _, c := range open[len(open)-50:] {
		if err := ask(c); err != nil {
			return nil, fmt.Errorf("a connection that waited is dead: %w", err)
		}
	}
	return []figure{
		figureOf("a connection", "KiB", []float64{float64(after.PSS-before.PSS) / idleConns}),
		figureOf("before", "KiB", []float64{float64(before.PSS)}),
		figureOf("with all", "KiB", []float64{float64(after.PSS)}),
	}, nil
}

func raiseDescriptors(n uint64) error {
	var r unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &r); err != nil {
		return err
	}
	if r.Cur >= n {
		return nil
	}
	r.Cur, r.Max = n, max(r.Max, n)
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &r); err != nil {
		return fmt.Errorf("%d descriptors: %w", n, err)
	}
	return nil
}

// runStart times from the start of the program to the first response.
func runStart(_ context.Context, b *bench, p *product) ([]figure, error) {
	began := time.Now()
	r, err := p.start(b.site, plain, b.cpus)
	if err != nil {
		return nil, err
	}
	defer r.stop()
	resp, err := http.Get(fmt.Sprintf("http://localhost:%d/small.html", r.port))
	if err != nil {
		return nil, err
	}
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	return []figure{figureOf("wall", "ms", []float64{float64(time.Since(began)) / 1e6})}, nil
}

// testedHosts is how many virtual hosts the tested configuration has.
const testedHosts = 5000

func runConfigTest(ctx context.Context, b *bench, p *product) ([]figure, error) {
	if p.Test == nil || p.Hosts == nil {
		return nil, errors.New("has no virtual hosts of this kind")
	}
	program, file, err := p.configure(b.site, 18999, p.Hosts(b.site, 18999, testedHosts))
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, program, p.Test(file)...)
	began := time.Now()
	out, err := cmd.CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, firstLine(string(out)))
	}
	wall := time.Since(began)
	used := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return []figure{
		figureOf("wall", "ms", []float64{float64(wall) / 1e6}),
		figureOf("cpu", "ms", []float64{float64(used) / 1e6}),
	}, nil
}

func runTLS(ctx context.Context, b *bench, p *product) ([]figure, error) {
	return overTransport(ctx, b, p, overTLS, 64, 1)
}

func runH2(ctx context.Context, b *bench, p *product) ([]figure, error) {
	return overTransport(ctx, b, p, overH2, 16, 32)
}

// overTransport sends requests with net/http's client: conns connections of
// so many requests at once.
func overTransport(ctx context.Context, b *bench, p *product, f feature, conns, streams int) ([]figure, error) {
	r, err := p.start(b.site, f, b.cpus)
	if err != nil {
		return nil, err
	}
	defer r.stop()
	url := fmt.Sprintf("https://localhost:%d/small.html", r.port)
	var clients []*http.Client
	for range conns {
		t := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS13}, MaxConnsPerHost: 1, ForceAttemptHTTP2: f == overH2}
		if f != overH2 {
			t.Protocols = new(http.Protocols)
			t.Protocols.SetHTTP1(true)
		}
		defer t.CloseIdleConnections()
		clients = append(clients, &http.Client{Transport: t, Timeout: 10 * time.Second})
	}
	one := func(c *http.Client) error {
		resp, err := c.Get(url)
		if err != nil {
			return err
		}
		n, err := io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		switch {
		case err != nil:
			return err
		case resp.StatusCode != 200 || n != smallLen:
			return fmt.Errorf("status %d, %d bytes", resp.StatusCode, n)
		case f == overH2 && resp.ProtoMajor != 2:
			return errors.New("does not speak HTTP/2")
		}
		return nil
	}
	for _, c := range clients { // handshakes are not what is compared
		if err := one(c); err != nil {
			return nil, err
		}
	}
	var mu sync.Mutex
	var latency []time.Duration
	var failure error
	var wg sync.WaitGroup
	cpu, began := cpuTime(r.cmd.Process.Pid), time.Now()
	end := began.Add(b.duration)
	for _, c := range clients {
		for range streams {
			wg.Go(func() {
				var own []time.Duration
				var err error
				for err == nil && time.Now().Before(end) && ctx.Err() == nil {
					at := time.Now()
					if err = one(c); err == nil {
						own = append(own, time.Since(at))
					}
				}
				mu.Lock()
				defer mu.Unlock()
				latency = append(latency, own...)
				if failure == nil {
					failure = err
				}
			})
		}
	}
	wg.Wait()
	elapsed := time.Since(began)
	if failure != nil {
		return nil, failure
	}
	slices.Sort(latency)
	return loadFigures([]round{{Requests: len(latency), Elapsed: elapsed, CPU: cpuTime(r.cmd.Process.Pid) - cpu,
		P50: percentile(latency, 50), P90: percentile(latency, 90), P99: percentile(latency, 99)}}), nil
}
