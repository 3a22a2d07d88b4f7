package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/donjon-httpd/donjon/chroot"
	"github.com/donjon-httpd/donjon/internal/freeport"
)

// TestExamplesInTheirJails starts the real program with each example and looks
// at every serving process from outside.
func TestExamplesInTheirJails(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can enter a chroot with User and Group")
	}
	bin := programsFor(t, "httpd")[0]
	for name, jail := range map[string]string{"chroot-example-1": "chroot", "chroot-example-2": ".", "chroot-example-3": "htdocs", "from-mod_chroot": "."} {
		t.Run(name, func(t *testing.T) { example(t, bin, name, jail) })
	}
}

func example(t *testing.T, bin, name, jail string) {
	parent, err := os.MkdirTemp("", "jail")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(parent) })
	os.Chmod(parent, 0o755)
	dir := filepath.Join(parent, name)
	if err := os.CopyFS(dir, os.DirFS("../../examples/"+name)); err != nil {
		t.Fatal(err)
	}
	port := freePort(t)
	cmd := exec.Command(bin, "-C", "Define ROOT "+dir, "-C", fmt.Sprintf("Define PORT 127.0.0.1:%d", port), "-f", filepath.Join(dir, "httpd.conf"), "-DFOREGROUND")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		cmd.Process.Signal(syscall.SIGTERM)
		cmd.Wait()
	}()
	page := fetch(t, fmt.Sprintf("http://127.0.0.1:%d/index.html", port), &out)
	want, err := os.ReadFile(filepath.Join(dir, map[string]string{"chroot-example-1": "chroot/"}[name], "htdocs/index.html"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(page, want) {
		t.Errorf("the page is %q", page)
	}
	children := childrenOf(t, cmd.Process.Pid)
	if len(children) == 0 {
		t.Fatal("no child")
	}
	root := filepath.Join(dir, jail)
	for _, pid := range children {
		settle(pid)
		inspect(t, pid, root)
	}
}

// settle waits until a child that was just started has changed its user: only
// then does it serve.
func settle(pid int) {
	for range 500 {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil || !strings.Contains(string(b), "\nUid:\t0\t") {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// inspect checks one serving process: root, ids, capabilities, descriptors.
func inspect(t *testing.T, pid int, root string) {
	proc := fmt.Sprintf("/proc/%d/", pid)
	if got, err := chroot.RootOf(pid); err != nil || got != root {
		t.Errorf("the root of %d is %s, %v; want %s", pid, got, err, root)
	}
	status, err := os.ReadFile(proc + "status")
	if err != nil {
		t.Fatal(err)
	}
	for l := range strings.SplitSeq(string(status), "\n") {
		key, value, _ := strings.Cut(l, ":")
		words := strings.Fields(value)
		switch key {
		case "Uid", "Gid", "Groups":
			for _, w := range words {
				if w == "0" {
					t.Errorf("%d: %s", pid, l)
				}
			}
		case "CapEff", "CapPrm", "CapInh", "CapAmb":
			if strings.Trim(words[0], "0") != "" {
				t.Errorf("%d: %s", pid, l)
			}
		case "NoNewPrivs":
			if words[0] != "1" {
				t.Errorf("%d: %s", pid, l)
			}
		}
	}
	fds, err := os.ReadDir(proc + "fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range fds {
		st, err := os.Stat(proc + "fd/" + fd.Name())
		if err == nil && st.IsDir() {
			name, _ := os.Readlink(proc + "fd/" + fd.Name())
			t.Errorf("%d holds the directory %s", pid, name)
		}
	}
}

func childrenOf(t *testing.T, parent int) []int {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	var list []int
	for _, s := range stats {
		b, err := os.ReadFile(s)
		if err != nil {
			continue
		}
		f := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+2:]))
		if f[1] == strconv.Itoa(parent) {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(s)))
			list = append(list, pid)
		}
	}
	return list
}

func freePort(t *testing.T) int {
	t.Helper()
	ports, err := freeport.Find(1)
	if err != nil {
		t.Fatal(err)
	}
	return ports[0]
}

func fetch(t *testing.T, url string, out *bytes.Buffer) []byte {
	t.Helper()
	for range 200 {
		resp, err := http.Get(url)
		if err != nil {
			time.Sleep(20 * time.Millisecond)
			continue
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		if resp.StatusCode != 200 {
			t.Fatalf("%s: %s\n%s", url, resp.Status, b)
		}
		return b
	}
	t.Fatalf("%s does not answer\n%s", url, out.String())
	return nil
}
