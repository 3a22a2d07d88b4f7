package rewrite

import (
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/donjon-httpd/donjon/server"
)

// program is a RewriteMap's program: one process for all that serve. A mutex
// keeps the goroutines of this process apart, a lock the processes.
type program struct {
	mu   sync.Mutex
	talk *server.Talk
}

// startPrograms starts what prg maps name (run_rewritemap_programs); not where
// the engine is off.
func startPrograms(g *server.Generation) error {
	for i, v := range g.Servers() {
		c := serverSlot.Of(v)
		if !c.engine.Else(false) {
			continue
		}
		for name, m := range c.maps {
			if m.kind != prgMap || m.program != nil || m.argv[0] == "" {
				continue
			}
			err := errors.New("nothing here can start a program")
			var talk *server.Talk
			if t, ok := g.Logs.(server.Talker); ok {
				talk, err = t.Talk(server.TalkSpec{Key: fmt.Sprintf("rewrite-map:%d:%s", i, name), Argv: m.argv, Dir: path.Dir(m.argv[0]),
					User: m.user, Group: m.group})
			}
			if err != nil {
				return fmt.Errorf("AH00654: mod_rewrite: could not start RewriteMap program %s: %w", m.argv[0], err)
			}
			m.program = &program{talk: talk}
		}
	}
	return nil
}

// maxAnswer bounds an answer of a program, in bytes.
const maxAnswer = 1 << 20

// ask writes a key and reads a line (lookup_map_program). ok is false for the
// answer NULL, for a key that would upset the conversation, and where no
// program runs.
func (p *program) ask(r *server.Request, key string) (value string, ok bool) {
	if p == nil || strings.IndexByte(key, '\n') >= 0 {
		return "", false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	lock := func(kind int16) error {
		l := unix.Flock_t{Type: kind}
		for {
			if err := unix.FcntlFlock(p.talk.Lock.Fd(), unix.F_SETLKW, &l); err != unix.EINTR {
				return err
			}
		}
	}
	if err := lock(unix.F_WRLCK); err != nil {
		elog.Error(r).Err(err).Msg("AH00659: apr_global_mutex_lock(rewrite_mapr_lock_acquire) failed")
		return "", false
	}
	io.WriteString(p.talk.In, key+"\n") //nolint:errcheck // a program that is gone answers nothing
	var b []byte
	one := make([]byte, 1)
	for len(b) < maxAnswer {
		if n, err := p.talk.Out.Read(one); n == 0 || err != nil || one[0] == '\n' {
			break
		}
		b = append(b, one[0])
	}
	if err := lock(unix.F_UNLCK); err != nil {
		elog.Error(r).Err(err).Msg("AH00660: apr_global_mutex_unlock(rewrite_mapr_lock_acquire) failed")
		return "", false
	}
	if strings.EqualFold(string(b), "NULL") {
		return "", false
	}
	return string(b), true
}

// splitCommand cuts a command line into words as apr_tokenize_to_argv does:
// quotes group, a backslash protects a quote or itself.
func splitCommand(line string) []string {
	var argv []string
	for {
		line = strings.TrimLeft(line, " \t")
		if line == "" {
			return argv
		}
		var quote byte
		if line[0] == '"' || line[0] == '\'' {
			quote, line = line[0], line[1:]
		}
		var b strings.Builder
		i := 0
		for ; i < len(line); i++ {
			c := line[i]
			if c == '\\' && i+1 < len(line) && strings.IndexByte(`"'\ `, line[i+1]) >= 0 {
				i++
				b.WriteByte(line[i])
				continue
			}
			if quote != 0 && c == quote || quote == 0 && (c == ' ' || c == '\t') {
				i++
				break
			}
			b.WriteByte(c)
		}
		argv = append(argv, b.String())
		line = line[i:]
	}
}
