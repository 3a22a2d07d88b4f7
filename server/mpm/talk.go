package mpm

import (
	"errors"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/donjon-httpd/donjon/server"
)

var (
	_ server.Talker = (*parentLogs)(nil)
	_ server.Talker = (*childLogs)(nil)
)

// talkSpecs name a program's descriptors among those that children are handed.
func talkSpecs(key string) [3]string {
	return [3]string{"talk-in:" + key, "talk-out:" + key, "talk-lock:" + key}
}

// Talk starts a program with pipes on both sides, or finds the one that an
// upgraded program's predecessor started.
func (p *parentLogs) Talk(t server.TalkSpec) (*server.Talk, error) {
	specs := talkSpecs(t.Key)
	if p.open[specs[0]] != nil {
		return talkOf(specs, func(spec string) *os.File { return p.open[spec] })
	}
	if len(t.Argv) == 0 || t.Argv[0] == "" {
		return nil, errors.New("no program given")
	}
	lock, err := unix.MemfdCreate("talk", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, err
	}
	files := [3]*os.File{2: os.NewFile(uintptr(lock), specs[2])}
	var theirs [2]*os.File
	if theirs[0], files[0], err = os.Pipe(); err == nil {
		files[1], theirs[1], err = os.Pipe()
	}
	var process *os.Process
	if err == nil {
		process, err = startTalk(t, theirs[0], theirs[1])
	}
	for _, f := range theirs {
		f.Close() //nolint:errcheck // the program has its own
	}
	if err != nil {
		for _, f := range files {
			f.Close() //nolint:errcheck // nothing was written
		}
		return nil, err
	}
	if p.open == nil {
		p.open = map[string]*os.File{}
	}
	for i, s := range specs {
		p.open[s] = files[i]
		p.specs = append(p.specs, s)
	}
	p.talks = append(p.talks, newTalker(process))
	return &server.Talk{In: files[0], Out: files[1], Lock: files[2]}, nil
}

func startTalk(t server.TalkSpec, in, out *os.File) (*os.Process, error) {
	cmd := exec.Command(t.Argv[0], t.Argv[1:]...)
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.Env = t.Dir, in, out, os.Stderr, environment(os.Environ())
	if t.User != "" || t.Group != "" {
		c, err := credential(t.User, t.Group)
		if err != nil {
			return nil, err
		}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: c}
	}
	if err := startUnblocked(cmd); err != nil {
		return nil, err
	}
	return cmd.Process, nil
}

func credential(name, group string) (*syscall.Credential, error) {
	c := &syscall.Credential{Uid: uint32(os.Getuid()), Gid: uint32(os.Getgid())}
	if name != "" {
		u, err := user.Lookup(name)
		if err != nil {
			return nil, err
		}
		if c.Uid, err = accountID(u.Uid); err != nil {
			return nil, err
		}
		if c.Gid, err = accountID(u.Gid); err != nil {
			return nil, err
		}
	}
	if group != "" {
		g, err := user.LookupGroup(group)
		if err != nil {
			return nil, err
		}
		if c.Gid, err = accountID(g.Gid); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func accountID(s string) (uint32, error) {
	n, err := strconv.ParseUint(s, 10, 32)
	return uint32(n), err
}

// talker is a program under the parent's care. It is not started anew when it
// ends, as Apache's is not.
type talker struct {
	process *os.Process
	ended   chan struct{}
}

func newTalker(process *os.Process) *talker {
	t := &talker{process, make(chan struct{})}
	go func() {
		process.Wait() //nolint:errcheck // how it ended makes no difference
		close(t.ended)
	}()
	return t
}

// close ends the program: by a signal, and by force three seconds later
// (APR_KILL_AFTER_TIMEOUT).
func (t *talker) close() {
	t.process.Signal(syscall.SIGTERM) //nolint:errcheck // gone is as well
	go func() {
		select {
		case <-t.ended:
		case <-time.After(3 * time.Second):
			t.process.Kill() //nolint:errcheck // gone is as well
		}
	}()
}

// Talk finds what the parent started.
func (c *childLogs) Talk(t server.TalkSpec) (*server.Talk, error) {
	return talkOf(talkSpecs(t.Key), func(spec string) *os.File {
		f, _ := c.open[spec].(*os.File)
		return f
	})
}

func talkOf(specs [3]string, open func(spec string) *os.File) (*server.Talk, error) {
	t := &server.Talk{In: open(specs[0]), Out: open(specs[1]), Lock: open(specs[2])}
	if t.In == nil || t.Out == nil || t.Lock == nil {
		return nil, errors.New("the parent has not started " + specs[0])
	}
	return t, nil
}
