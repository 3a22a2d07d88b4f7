package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// peer tells who is connected to a socket.
func peer(c net.Conn) string {
	u, ok := c.(*net.UnixConn)
	if !ok {
		return "tcp"
	}
	who := "unknown"
	if raw, err := u.SyscallConn(); err == nil {
		raw.Control(func(fd uintptr) {
			if cred, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
				who = fmt.Sprintf("uid %d gid %d", cred.Uid, cred.Gid)
			}
		})
	}
	return who
}

// TestSocketsOutsideOfTheJail: the parent connects to what the main configuration
// names, as the child's user, and to nothing else.
func TestSocketsOutsideOfTheJail(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can enter a chroot with User and Group")
	}
	bin := filepath.Join(t.TempDir(), "httpd")
	buildHere(t, ".", bin)
	root := jailTree(t, "jail/htdocs/dir", "jail/run", "out")
	who := make(chan string, 16)
	listen := func(path string) {
		l, err := net.Listen("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		os.Chmod(path, 0o777)
		t.Cleanup(func() { l.Close() })
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				who <- peer(c)
				go func() {
					defer c.Close()
					c.SetDeadline(time.Now().Add(10 * time.Second))
					c.Read(make([]byte, 4096))
					body := filepath.Base(path)
					fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
				}()
			}
		}()
	}
	for _, p := range []string{"out/named", "out/secret", "out/handler", "jail/run/inside"} {
		listen(filepath.Join(root, p))
	}
	os.WriteFile(filepath.Join(root, "jail/htdocs/dir/.htaccess"), []byte("SetHandler \"proxy:unix:"+root+"/out/secret|http://x\"\n"), 0o644)
	os.WriteFile(filepath.Join(root, "jail/htdocs/dir/a"), nil, 0o644)
	os.WriteFile(filepath.Join(root, "jail/htdocs/h"), nil, 0o644)
	url := startServer(t, bin, root, `
LoadModule authz_core_module modules/mod_authz_core.so
LoadModule proxy_module modules/mod_proxy.so
LoadModule proxy_http_module modules/mod_proxy_http.so
ChrootDir ${ROOT}/jail
ChrootFixRoot On
DocumentRoot ${ROOT}/jail/htdocs
<Directory ${ROOT}/jail/htdocs>
    AllowOverride All
</Directory>
ProxyPass /named unix:${ROOT}/out/named|http://named/
ProxyPass /inside unix:${ROOT}/jail/run/inside|http://inside/
<Location /h>
    SetHandler "proxy:unix:${ROOT}/out/handler|http://handler"
</Location>
`)
	for path, want := range map[string]string{"/named/x": "named", "/inside/x": "inside", "/h": "handler"} {
		if got := ask(t, "GET", url+path, ""); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
			continue
		}
		if got := <-who; !strings.HasPrefix(got, "uid ") || got == "uid 0 gid 0" || strings.Contains(got, "uid 0 ") {
			t.Errorf("%s was connected to by %s", path, got)
		}
	}
	if got := ask(t, "GET", url+"/dir/a", ""); got != "503 Service Unavailable" {
		t.Errorf("what .htaccess names: %q", got)
	}
	select {
	case got := <-who:
		t.Errorf("a socket that only .htaccess names was connected to by %s", got)
	default:
	}
}
