package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// backendVariable has the test's program be a backend on that address.
const backendVariable = "HTTPD_TEST_BACKEND"

// beBackend answers with its process's number, after a moment where the path
// asks for one.
func beBackend(addr string) {
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/slow") {
			time.Sleep(20 * time.Millisecond)
		}
		fmt.Fprintf(w, "%d %s", os.Getpid(), r.URL.Path)
	})
	fmt.Fprintln(os.Stderr, http.ListenAndServe(addr, nil))
	os.Exit(1)
}

// member is a backend that is killed and revived.
type member struct {
	t    *testing.T
	addr string
	cmd  *exec.Cmd
}

func (m *member) start() {
	m.t.Helper()
	m.cmd = exec.Command(os.Args[0])
	m.cmd.Env = append(os.Environ(), backendVariable+"="+m.addr)
	m.cmd.Stderr = os.Stderr
	if err := m.cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	for range 500 {
		if c, err := net.Dial("tcp", m.addr); err == nil {
			c.Close()
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	m.t.Fatalf("no backend listens on %s", m.addr)
}

func (m *member) kill() {
	m.cmd.Process.Kill()
	m.cmd.Wait()
}

// balancerRequests is how many requests TestBalancerWhoseMembersDie sends at
// least, 2,000 unless BALANCER_REQUESTS says more.
func balancerRequests() int64 {
	if n, err := strconv.ParseInt(os.Getenv("BALANCER_REQUESTS"), 10, 64); err == nil && n > 0 {
		return n
	}
	return 2000
}

// TestBalancerWhoseMembersDie: the members of a balancer are killed and revived
// in turn while requests come. A member is killed when it has no request to
// answer, so that whatever meets the dead one may be tried with the other: no
// client sees an error. What is under way when a member dies may be lost, as
// nobody knows what it did; but nothing else is.
func TestBalancerWhoseMembersDie(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can enter a chroot with User and Group")
	}
	bin := filepath.Join(t.TempDir(), "httpd")
	buildHere(t, ".", bin)
	root := jailTree(t, "jail/htdocs")
	members := []*member{{t: t, addr: fmt.Sprintf("127.0.0.1:%d", freePort(t))}, {t: t, addr: fmt.Sprintf("127.0.0.1:%d", freePort(t))}}
	for _, m := range members {
		m.start()
		t.Cleanup(m.kill)
	}
	url := startServer(t, bin, root, `
LoadModule authz_core_module modules/mod_authz_core.so
LoadModule proxy_module modules/mod_proxy.so
LoadModule proxy_http_module modules/mod_proxy_http.so
LoadModule slotmem_shm_module modules/mod_slotmem_shm.so
LoadModule proxy_balancer_module modules/mod_proxy_balancer.so
LoadModule lbmethod_byrequests_module modules/mod_lbmethod_byrequests.so
ChrootDir ${ROOT}/jail
DocumentRoot /htdocs
<Proxy balancer://pair>
    BalancerMember http://`+members[0].addr+` retry=1
    BalancerMember http://`+members[1].addr+` retry=1
</Proxy>
ProxyPass /b balancer://pair
`)
	total := balancerRequests()
	var quiet sync.RWMutex // held by whoever has a request under way
	idle := sendRequests(url+"/b/fast", total, &quiet)
	kills := idle.killInTurn(members, func(m *member) {
		quiet.Lock()
		defer quiet.Unlock()
		m.kill()
	})
	if n := idle.failed.Load(); n != 0 {
		t.Errorf("%d of %d requests failed, first: %v", n, total-idle.left.Load(), idle.first.Load())
	}
	if n := len(idle.seen()); n < leastKills {
		t.Errorf("%d times a member was killed, %d processes answered: the test shows nothing", kills, n)
	}

	busy := sendRequests(url+"/b/slow", total/10, nil)
	kills = busy.killInTurn(members, (*member).kill)
	if n := busy.failed.Load(); n > int64(kills)*clients {
		t.Errorf("%d requests failed where members died %d times: no more than %d can have been under way", n, kills, kills*clients)
	}
	if n := busy.refused.Load(); n != 0 {
		t.Errorf("%d requests were answered with 503 although a member was there", n)
	}
}

const clients = 4

// loadRun is requests that several clients send one after the other.
type loadRun struct {
	left            atomic.Int64
	enough          atomic.Bool // members have died often enough
	failed, refused atomic.Int64
	first           atomic.Value // the first failure
	done            chan struct{}
	mu              sync.Mutex
	pids            map[string]bool
}

func sendRequests(url string, total int64, quiet *sync.RWMutex) *loadRun {
	l := &loadRun{done: make(chan struct{}), pids: map[string]bool{}}
	l.left.Store(total)
	var wg sync.WaitGroup
	for range clients {
		wg.Add(1)
		go func() {
			defer wg.Done()
			c := &http.Client{Transport: &http.Transport{}, Timeout: 20 * time.Second}
			defer c.CloseIdleConnections()
			for l.left.Add(-1) >= 0 || !l.enough.Load() {
				if quiet != nil {
					quiet.RLock()
				}
				l.one(c, url)
				if quiet != nil {
					quiet.RUnlock()
				}
			}
		}()
	}
	go func() { wg.Wait(); close(l.done) }()
	return l
}

func (l *loadRun) one(c *http.Client, url string) {
	res, err := c.Get(url)
	if err != nil {
		l.failed.Add(1)
		l.first.CompareAndSwap(nil, err.Error())
		return
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != 200 {
		l.failed.Add(1)
		l.first.CompareAndSwap(nil, fmt.Sprint(res.Status, " ", err))
		if res.StatusCode == 503 {
			l.refused.Add(1)
		}
		return
	}
	pid, _, _ := strings.Cut(string(body), " ")
	l.mu.Lock()
	l.pids[pid] = true
	l.mu.Unlock()
}

func (l *loadRun) seen() map[string]bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.pids
}

// leastKills is how often members die at least.
const leastKills = 4

// killInTurn kills and revives one member after the other until all requests are
// answered, and gives how often. Between two deaths the one that was revived is
// asked again: its retry= is over.
func (l *loadRun) killInTurn(members []*member, kill func(*member)) (kills int) {
	for i := 0; ; i++ {
		m := members[i%len(members)]
		kill(m)
		kills++
		time.Sleep(50 * time.Millisecond)
		m.start()
		time.Sleep(1500 * time.Millisecond)
		l.enough.Store(kills >= leastKills)
		select {
		case <-l.done:
			return kills
		default:
		}
	}
}

// TestBalancerPersist: what a manager has changed holds for all children, and
// with BalancerPersist through restarts and starts.
func TestBalancerPersist(t *testing.T) {
	for _, persist := range []bool{true, false} {
		t.Run(fmt.Sprint(persist), func(t *testing.T) {
			s := newLiveServer(t, `
LoadModule proxy_module modules/mod_proxy.so
LoadModule proxy_http_module modules/mod_proxy_http.so
LoadModule slotmem_shm_module modules/mod_slotmem_shm.so
LoadModule proxy_balancer_module modules/mod_proxy_balancer.so
LoadModule lbmethod_byrequests_module modules/mod_lbmethod_byrequests.so
DefaultRuntimeDir jail
BalancerPersist `+map[bool]string{true: "On", false: "Off"}[persist]+`
<Location /bm>
    SetHandler balancer-manager
</Location>
<Proxy balancer://c>
    BalancerMember http://127.0.0.1:1/one route=a
    BalancerMember http://127.0.0.1:1/other
    ProxySet nonce=N growth=1
</Proxy>
`)
			ask := func(method, body string) string {
				t.Helper()
				req, _ := http.NewRequest(method, "http://"+s.addr+"/bm?xml=1", strings.NewReader(body))
				req.Header.Set("Referer", "http://localhost/")
				req.Host, req.Close = "localhost", true
				res, err := http.DefaultClient.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				defer res.Body.Close()
				text, _ := io.ReadAll(res.Body)
				if res.StatusCode != 200 {
					t.Fatalf("%s: %s", body, res.Status)
				}
				return string(text)
			}
			ask("POST", "b=c&w=http://127.0.0.1:1/one&nonce=N&w_wr=changed&w_status_D=1&w_lf=3")
			ask("POST", "b=c&nonce=N&b_tmo=9&b_wyes=1&b_nwrkr=http://127.0.0.1:1/two")
			changed := []string{"<httpd:route>changed<", "<httpd:status>Init Dis <", "<httpd:loadfactor>3.00<", "<httpd:timeout>9<", "<httpd:name>http://127.0.0.1:1/two<"}
			look := func(when string, want bool) {
				t.Helper()
				for range 20 { // of one child or another
					page := ask("GET", "")
					for _, c := range changed {
						if strings.Contains(page, c) != want {
							t.Fatalf("%s: %s is there: %v, want %v in\n%s", when, c, !want, want, page)
						}
					}
				}
			}
			look("now", true)
			s.must("-k", "graceful")
			look("after a graceful restart", persist)
			s.must("-k", "restart")
			look("after a restart", persist)
			s.stop()
			s.must("-k", "start")
			s.pid = s.readPid()
			look("after a start", persist)
			s.stop()
		})
	}
}
