package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/fcgi"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// moods are the ways in which unruly answers.
var moods = []string{"plain", "plain", "plain", "long", "other", "chunked", "pieces", "close", "slow", "huge", "none", "interim", "cookie"}

// unruly is a backend that answers each request in another way, and tells in the
// body which request it is for.
func unruly(t *testing.T, l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			in := bufio.NewReader(c)
			for first := true; ; first = false {
				r, err := http.ReadRequest(in)
				if err != nil {
					return
				}
				mood := r.Header.Get("X-Mood")
				if r.Header.Get("X-Forwarded-For") != "127.0.0.1" || r.Header.Get("Te") != "" {
					t.Errorf("the backend got %v", r.Header)
				}
				body := r.Header.Get("X-Seq") + " " + mood + "\n"
				extra := ""
				switch mood {
				case "long":
					body += strings.Repeat("l", 40000)
				case "huge":
					body += strings.Repeat("h", 200000)
				case "other":
					extra = "X-Other: yes\r\n"
				case "cookie":
					extra = "Set-Cookie: a=" + r.Header.Get("X-Seq") + "\r\n"
				case "none":
					if !first {
						return // what becomes of it depends on who has asked
					}
				case "slow":
					time.Sleep(20 * time.Millisecond)
				case "interim":
					io.WriteString(c, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
				}
				head := "HTTP/1.1 200 OK\r\nDate: " + time.Now().UTC().Format(http.TimeFormat) + "\r\nServer: unruly\r\nContent-Type: text/plain\r\n" + extra
				switch mood {
				case "chunked":
					fmt.Fprintf(c, "%sTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", head, len(body), body)
				case "close":
					fmt.Fprintf(c, "%sConnection: close\r\nContent-Length: %d\r\n\r\n%s", head, len(body), body)
					return
				case "pieces":
					all := fmt.Sprintf("%sContent-Length: %d\r\n\r\n%s", head, len(body), body)
					for len(all) > 0 {
						n := min(len(all), 1+rand.IntN(60))
						io.WriteString(c, all[:n])
						all = all[n:]
						time.Sleep(time.Millisecond)
					}
				default:
					fmt.Fprintf(c, "%sContent-Length: %d\r\n\r\n%s", head, len(body), body)
				}
			}
		}()
	}
}

// TestForwarding sends the same request again and again through a proxy, over few
// connections, to a backend that answers in any way: whether the event loop or the
// phases forward one, each client gets the answer to its own request, and each
// request one right line in the access log.
func TestForwarding(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can enter a chroot with User and Group")
	}
	bin := filepath.Join(t.TempDir(), "httpd")
	buildHere(t, ".", bin)
	root := jailTree(t, "jail/htdocs")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go unruly(t, l)
	url := startServer(t, bin, root, `
LoadModule authz_core_module modules/mod_authz_core.so
LoadModule proxy_module modules/mod_proxy.so
LoadModule proxy_http_module modules/mod_proxy_http.so
ChrootDir ${ROOT}/jail
DocumentRoot /htdocs
LogFormat "%{X-Seq}i %{X-Mood}i %>s %B %{X-Other}o %{Content-Length}o" proxied
CustomLog ${ROOT}/access_log proxied
ProxyPass /p http://`+l.Addr().String()+`
`)
	const clients, each = 8, 250
	var seq atomic.Int64
	var wg sync.WaitGroup
	var mu sync.Mutex
	want := map[string]string{} // log lines, by X-Seq
	for n := range clients {
		wg.Add(1)
		go func() {
			defer wg.Done()
			rng := rand.New(rand.NewPCG(uint64(n), 1))
			client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1}, Timeout: 20 * time.Second}
			for range each {
				id, mood := strconv.FormatInt(seq.Add(1), 10), moods[rng.IntN(len(moods))]
				req, _ := http.NewRequest("GET", url+"/p/x", nil)
				req.Header.Set("X-Seq", id)
				req.Header.Set("X-Mood", mood)
				req.Header.Set("Te", "trailers")
				res, err := client.Do(req)
				if mood == "none" && (err != nil || res.StatusCode == 502) {
					continue
				}
				if err != nil {
					t.Errorf("%s %s: %v", id, mood, err)
					continue
				}
				body, err := io.ReadAll(res.Body)
				res.Body.Close()
				if err != nil || res.StatusCode != 200 || !strings.HasPrefix(string(body), id+" "+mood+"\n") || res.Header.Get("Server") != "unruly" ||
					(res.Header.Get("X-Other") != "") != (mood == "other") || (res.Header.Get("Set-Cookie") != "") != (mood == "cookie") {
					t.Errorf("%s %s: %v %d %v %.40q", id, mood, err, res.StatusCode, res.Header, body)
				}
				other, length := "-", strconv.Itoa(len(body))
				if mood == "other" {
					other = "yes"
				}
				if mood == "chunked" {
					length = strconv.FormatInt(res.ContentLength, 10)
				}
				mu.Lock()
				want[id] = fmt.Sprintf("%s %s 200 %d %s %s", id, mood, len(body), other, strings.Replace(length, "-1", "-", 1))
				mu.Unlock()
			}
		}()
	}
	wg.Wait()
	var lines []string
	for range 100 { // log lines are written in batches
		text, err := os.ReadFile(filepath.Join(root, "access_log"))
		if err != nil {
			t.Fatal(err)
		}
		if lines = strings.Split(strings.TrimSpace(string(text)), "\n"); len(lines) >= len(want)+1 {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	seen := map[string]bool{}
	for _, line := range lines {
		id, _, _ := strings.Cut(line, " ")
		if id == "-" || strings.Contains(line, " none ") {
			continue // the request that found the server ready; one that may have been lost, and asked again
		}
		if seen[id] || line != want[id] {
			t.Errorf("logged %q, want %q", line, want[id])
		}
		seen[id] = true
	}
	for id, line := range want {
		if !seen[id] && !strings.Contains(line, " none ") {
			t.Errorf("not in the log: %q", line)
		}
	}
}

// TestForwardingToFastCGI is TestForwarding for an application that is asked over
// a socket in the jail, a connection for each request.
func TestForwardingToFastCGI(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can enter a chroot with User and Group")
	}
	bin := filepath.Join(t.TempDir(), "httpd")
	buildHere(t, ".", bin)
	root := jailTree(t, "jail/htdocs", "jail/run")
	l, err := net.Listen("unix", filepath.Join(root, "jail/run/app.sock"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	os.Chmod(filepath.Join(root, "jail/run/app.sock"), 0o666)
	go fcgi.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		env := fcgi.ProcessEnv(r)
		w.Header().Set("Content-Type", "text/plain")
		mood := r.Header.Get("X-Mood")
		if mood == "other" {
			w.Header().Set("X-Other", "yes")
			w.WriteHeader(404)
		}
		fmt.Fprintf(w, "%s %s %s %s\n", r.Header.Get("X-Seq"), mood, r.RemoteAddr, env["SCRIPT_FILENAME"])
		switch mood {
		case "long":
			io.WriteString(w, strings.Repeat("l", 60000))
		case "huge":
			io.WriteString(w, strings.Repeat("h", 200000))
		case "slow":
			w.(http.Flusher).Flush()
			time.Sleep(5 * time.Millisecond)
			io.WriteString(w, "later")
		}
	}))
	url := startServer(t, bin, root, `
LoadModule authz_core_module modules/mod_authz_core.so
LoadModule proxy_module modules/mod_proxy.so
LoadModule proxy_fcgi_module modules/mod_proxy_fcgi.so
ChrootDir ${ROOT}/jail
DocumentRoot /htdocs
<Files app.php>
    SetHandler "proxy:unix:/run/app.sock|fcgi://localhost"
</Files>
`)
	if err := os.WriteFile(filepath.Join(root, "jail/htdocs/app.php"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	lengths := map[string]int{"long": 60000, "huge": 200000, "slow": 5}
	var wg sync.WaitGroup
	for n := range 6 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			rng := rand.New(rand.NewPCG(uint64(n), 2))
			var local string
			dial := func(_ context.Context, network, addr string) (net.Conn, error) {
				c, err := net.Dial(network, addr)
				if err == nil {
					local = c.LocalAddr().String()
				}
				return c, err
			}
			client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1, DialContext: dial}, Timeout: 20 * time.Second}
			for i := range 150 {
				mood := []string{"plain", "plain", "long", "huge", "slow", "other"}[rng.IntN(6)]
				id := fmt.Sprintf("%d-%d", n, i)
				req, _ := http.NewRequest("GET", url+"/app.php?x", nil)
				req.Header.Set("X-Seq", id)
				req.Header.Set("X-Mood", mood)
				res, err := client.Do(req)
				if err != nil {
					t.Errorf("%s %s: %v", id, mood, err)
					continue
				}
				body, err := io.ReadAll(res.Body)
				res.Body.Close()
				first := fmt.Sprintf("%s %s %s proxy:fcgi://localhost/htdocs/app.php\n", id, mood, local)
				if err != nil || (res.StatusCode == 404) != (mood == "other") || (res.Header.Get("X-Other") != "") != (mood == "other") ||
					!strings.HasPrefix(string(body), first) || len(body) != len(first)+lengths[mood] {
					t.Errorf("%s %s: %v %d %v %.60q", id, mood, err, res.StatusCode, res.Header, body)
				}
			}
		}()
	}
	wg.Wait()
}
