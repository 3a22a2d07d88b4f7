package mpm

import (
	"bufio"
	"io"
	"testing"
	"time"

	"github.com/donjon-httpd/donjon/server"
)

func TestTalk(t *testing.T) {
	logs := &parentLogs{}
	spec := server.TalkSpec{Key: "k", Argv: []string{"/bin/sed", "-u", "s/^/got /"}}
	talk, err := logs.Talk(spec)
	if err != nil {
		t.Fatal(err)
	}
	ask := func(talk *server.Talk, key string) string {
		t.Helper()
		if _, err := io.WriteString(talk.In, key+"\n"); err != nil {
			t.Fatal(err)
		}
		line, err := bufio.NewReader(talk.Out).ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		return line
	}
	if got := ask(talk, "a"); got != "got a\n" {
		t.Errorf("got %q", got)
	}
	again, err := logs.Talk(spec)
	if err != nil || again.In != talk.In {
		t.Errorf("a second call starts a second program: %v", err)
	}
	children := &childLogs{open: map[string]io.Writer{}}
	for i, s := range logs.specs {
		if logs.fds()[i] == 0 {
			t.Errorf("%s has no descriptor", s)
		}
		children.open[s] = logs.open[s]
	}
	inherited, err := children.Talk(spec)
	if err != nil {
		t.Fatal(err)
	}
	if got := ask(inherited, "b"); got != "got b\n" {
		t.Errorf("a child got %q", got)
	}
	logs.close()
	select {
	case <-logs.talks[0].ended:
	case <-time.After(10 * time.Second):
		t.Error("the program goes on")
	}
}

func TestTalkRefuses(t *testing.T) {
	logs := &parentLogs{}
	for _, argv := range [][]string{nil, {""}, {"/nonexistent/program"}} {
		if talk, err := logs.Talk(server.TalkSpec{Key: "k", Argv: argv}); err == nil {
			t.Errorf("%q: %v", argv, talk)
		}
	}
	if _, err := (&childLogs{}).Talk(server.TalkSpec{Key: "k"}); err == nil {
		t.Error("a child found what its parent has not started")
	}
	if len(logs.specs) != 0 {
		t.Errorf("descriptors of programs that do not run: %q", logs.specs)
	}
}
