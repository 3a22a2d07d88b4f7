package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/donjon-httpd/donjon/server"
)

// came is what came of a request: what an explanation foretells and what the
// server then does.
type came struct {
	Status  string
	File    string
	Handler string
	Fields  []string
	Body    int64
}

// TestExplainForetells explains requests under configurations as people have
// them and then sends the same requests to the server.
func TestExplainForetells(t *testing.T) {
	files, err := filepath.Glob("testdata/explain/*.txtar")
	if err != nil || len(files) < 10 {
		t.Fatal(len(files), err)
	}
	bin := programsFor(t, "httpd")[0]
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) { foretell(t, bin, file) })
	}
}

func foretell(t *testing.T, bin, file string) {
	dir, err := os.MkdirTemp("", "explain")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	os.Chmod(dir, 0o755)
	port := freePort(t)
	a, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	user := ""
	if os.Getuid() == 0 {
		user = "User nobody\nGroup nogroup\n"
	}
	var questions []string
	past := time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, f := range a.Files {
		name := filepath.Join(dir, f.Name)
		text := string(f.Data)
		switch f.Name {
		case "requests":
			for i, q := range strings.Split(strings.TrimSpace(text), "\n\n") {
				questions = append(questions, fmt.Sprintf("%s\nX-Question: %d", q, i))
			}
			continue
		case "end":
			continue
		case "httpd.conf":
			text = fmt.Sprintf("Define DIR %s\nDefine PORT %d\nServerRoot %[1]s\n%[3]sServerName localhost\nListen 127.0.0.1:%[2]d\nPidFile pid\n"+
				"ErrorLog error.log\nLogFormat \"%%{X-Question}i\\t%%>f\\t%%>R\" explain\nCustomLog explain.log explain\n", dir, port, user) + text
		}
		os.MkdirAll(filepath.Dir(name), 0o755)
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		os.Chtimes(name, past, past)
	}
	conf := filepath.Join(dir, "httpd.conf")
	var want []came
	for _, q := range questions {
		want = append(want, explained(t, bin, conf, q))
	}
	if out, err := exec.Command(bin, "-f", conf, "-k", "start").CombinedOutput(); err != nil {
		log, _ := os.ReadFile(filepath.Join(dir, "error.log"))
		t.Fatalf("%v\n%s\n%s", err, out, log)
	}
	s := &liveServer{t: t, dir: dir, bin: bin}
	s.pid = s.readPid()
	t.Cleanup(func() { syscall.Kill(s.pid, syscall.SIGTERM) })
	var got []came
	for _, q := range questions {
		got = append(got, served(t, fmt.Sprintf("127.0.0.1:%d", port), q))
	}
	s.stop()
	log, err := os.ReadFile(filepath.Join(dir, "explain.log"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(log)), "\n")
	if len(lines) != len(questions) {
		t.Fatalf("%d lines in the log:\n%s", len(lines), log)
	}
	for _, l := range lines {
		w := strings.Split(l, "\t")
		i, err := strconv.Atoi(w[0])
		if err != nil {
			t.Fatal(l)
		}
		got[i].File, got[i].Handler = strings.TrimPrefix(w[1], "-"), w[2]
	}
	for i, q := range questions {
		if d := cmp.Diff(want[i], got[i]); d != "" {
			t.Errorf("%s\n(-explained +served):\n%s", q, d)
		}
	}
}

func explained(t *testing.T, bin, conf, question string) came {
	lines := strings.Split(question, "\n")
	args := append([]string{"explain", "-json", "-f", conf}, strings.Fields(lines[0])...)
	for _, l := range lines[1:] {
		args = append(args, "-H", l)
	}
	out, err := exec.Command(bin, args...).Output()
	if err != nil {
		t.Fatalf("%q: %v", args, err)
	}
	var x server.Explanation
	if err := json.Unmarshal(out, &x); err != nil {
		t.Fatalf("%q: %v\n%s", args, err, out)
	}
	if x.Response == nil {
		t.Fatalf("%q: no response\n%s", args, out)
	}
	c := came{Status: x.Response.Status, File: x.File, Handler: x.LoggedHandler, Body: x.Response.Body}
	for _, f := range x.Response.Fields {
		c.Fields = appendField(c.Fields, f.Name, f.Value)
	}
	return c
}

func appendField(list []string, name, value string) []string {
	switch name {
	case "Date", "Expires", "Connection", "Keep-Alive":
		return list // time, and the connection's business
	}
	return append(list, name+": "+value)
}

func served(t *testing.T, addr, question string) came {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	lines := strings.Split(question, "\n")
	host := "Host: localhost\n"
	if strings.Contains(question, "\nHost:") {
		host = ""
	}
	text := lines[0] + " HTTP/1.1\n" + host + strings.Join(append(lines[1:], "Connection: close"), "\n") + "\n\n"
	io.WriteString(conn, strings.ReplaceAll(text, "\n", "\r\n"))
	in := bufio.NewReader(conn)
	var c came
	status, err := in.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	c.Status = strings.TrimPrefix(strings.TrimSpace(status), "HTTP/1.1 ")
	chunked := false
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if line = strings.TrimRight(line, "\r\n"); line == "" {
			break
		}
		name, value, _ := strings.Cut(line, ": ")
		chunked = chunked || name == "Transfer-Encoding"
		c.Fields = appendField(c.Fields, name, value)
	}
	body := io.Reader(in)
	if chunked {
		r, err := http.ReadResponse(bufio.NewReader(io.MultiReader(strings.NewReader("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), in)), nil)
		if err != nil {
			t.Fatal(err)
		}
		body = r.Body
	}
	c.Body, _ = io.Copy(io.Discard, body)
	return c
}
