package main

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
	"golang.org/x/sys/unix"
)

// ownNamespaces tells the test that it runs in some.
const ownNamespaces = "DONJON_TEST_NAMESPACES"

// TestNamesFromTheJail: names of clients are looked up from a jail that holds no
// file, with the servers of the resolv.conf outside. mod_chroot's users needed
// libnss_dns by LoadFile, resolv.conf in the jail or a DNS server at 127.0.0.1.
// The names are those of a server in a network of this test's own.
func TestNamesFromTheJail(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can enter a chroot with User and Group")
	}
	if os.Getenv(ownNamespaces) == "" {
		bin := filepath.Join(t.TempDir(), "httpd")
		buildHere(t, ".", bin)
		self, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(self, "-test.run", "^TestNamesFromTheJail$", "-test.v")
		cmd.Env = append(os.Environ(), ownNamespaces+"="+bin)
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET | unix.CLONE_NEWNS}
		out, err := cmd.CombinedOutput()
		t.Logf("%s", out)
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	if out, err := exec.Command("ip", "link", "set", "lo", "up").CombinedOutput(); err != nil {
		t.Skipf("%v: %s", err, out)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		t.Fatal(err)
	}
	root := jailTree(t, "jail/htdocs/names")
	for name, text := range map[string]string{"resolv.conf": "nameserver 127.0.0.53\n", "hosts": "127.0.0.1 localhost\n", "nsswitch.conf": "hosts: files dns\n"} {
		file := filepath.Join(root, name)
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat("/etc/" + name); err != nil {
			t.Skip(err)
		}
		if err := unix.Mount(file, "/etc/"+name, "", unix.MS_BIND, ""); err != nil {
			t.Fatal(err)
		}
	}
	nameServer(t, "127.0.0.53:53", map[string]string{
		"2.0.0.127.in-addr.arpa.": "client.example.", "client.example.": "127.0.0.2",
		"3.0.0.127.in-addr.arpa.": "client.example.", // whose addresses do not include this one
	})
	url := startServer(t, os.Getenv(ownNamespaces), root, `
LoadModule authz_core_module modules/mod_authz_core.so
LoadModule authz_host_module modules/mod_authz_host.so
ChrootDir ${ROOT}/jail
ChrootFixRoot On
DocumentRoot ${ROOT}/jail/htdocs
HostnameLookups On
CustomLog ${ROOT}/access_log "%h %>s"
<Location /names>
    Require host .example
</Location>
`)
	for _, c := range []struct {
		from string
		want int
	}{{"127.0.0.2", 404}, {"127.0.0.3", 403}, {"127.0.0.4", 403}} {
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(c.from)}, Timeout: 10 * time.Second}
		conn, err := d.Dial("tcp", strings.TrimPrefix(url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		conn.SetDeadline(time.Now().Add(20 * time.Second))
		fmt.Fprint(conn, "GET /names/none HTTP/1.0\r\n\r\n")
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		if conn.Close(); res.StatusCode != c.want {
			t.Errorf("from %s: %s, want %d", c.from, res.Status, c.want)
		}
	}
	var log []byte
	for range 200 {
		if log, _ = os.ReadFile(filepath.Join(root, "access_log")); strings.Contains(string(log), "127.0.0.4 403") {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if !strings.Contains(string(log), "\nclient.example 404\n") {
		t.Errorf("the access log: %s", log)
	}
}

// nameServer answers questions for addresses and names (A and PTR) over UDP.
func nameServer(t *testing.T, addr string, names map[string]string) {
	t.Helper()
	conn, err := net.ListenPacket("udp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go func() {
		buf := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(buf[:n]) != nil || len(m.Questions) != 1 {
				continue
			}
			q := m.Questions[0]
			answer := dnsmessage.Message{Header: dnsmessage.Header{ID: m.ID, Response: true, Authoritative: true, RecursionAvailable: true}, Questions: m.Questions}
			head := dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 1}
			switch value, ok := names[strings.ToLower(q.Name.String())]; {
			case !ok:
				answer.RCode = dnsmessage.RCodeNameError
			case q.Type == dnsmessage.TypePTR:
				answer.Answers = []dnsmessage.Resource{{Header: head, Body: &dnsmessage.PTRResource{PTR: dnsmessage.MustNewName(value)}}}
			case q.Type == dnsmessage.TypeA:
				answer.Answers = []dnsmessage.Resource{{Header: head, Body: &dnsmessage.AResource{A: [4]byte(net.ParseIP(value).To4())}}}
			}
			if packed, err := answer.Pack(); err == nil {
				conn.WriteTo(packed, from)
			}
		}
	}()
}
