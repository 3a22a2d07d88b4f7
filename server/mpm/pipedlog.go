package mpm

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// pipedLog is a program that reads a log on its standard input: "|program
// arguments", the same with "||", or "|$command" for the shell. The parent
// holds both ends of the pipe, so that a program that died is replaced without
// a lost line: what its children write meanwhile waits in the pipe.
type pipedLog struct {
	spec        string
	read, write *os.File

	mu      sync.Mutex
	process *os.Process // nil while none runs
	closing bool
	ended   chan struct{} // closed when the program is gone for good
}

func startPipedLog(spec string) (*pipedLog, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	p := &pipedLog{spec: spec, read: r, write: w, ended: make(chan struct{})}
	if err := p.start(); err != nil {
		r.Close()
		w.Close()
		return nil, err
	}
	go p.keep()
	return p, nil
}

// command is the program as argv.
func (p *pipedLog) command() []string {
	line := strings.TrimPrefix(p.spec[1:], "|")
	if shell, ok := strings.CutPrefix(line, "$"); ok {
		return []string{"/bin/sh", "-c", shell}
	}
	return splitCommand(line)
}

func (p *pipedLog) start() error {
	argv := p.command()
	if len(argv) == 0 {
		return errors.New("no program given")
	}
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = p.read, os.Stdout, os.Stderr
	cmd.Env = environment(os.Environ())
	if err := startUnblocked(cmd); err != nil {
		return err
	}
	p.process = cmd.Process
	return nil
}

// keep starts the program anew whenever it ends, at most once a second after
// the first time.
func (p *pipedLog) keep() {
	defer close(p.ended)
	for pause := time.Duration(0); ; pause = time.Second {
		began := time.Now()
		p.mu.Lock()
		process := p.process
		p.mu.Unlock()
		if process != nil {
			process.Wait() //nolint:errcheck // how it ended makes no difference
		}
		p.mu.Lock()
		p.process = nil
		closing := p.closing
		p.mu.Unlock()
		if closing {
			return
		}
		corelog.Error(nil).Msgf("AH00106: piped log program '%s' failed unexpectedly", p.spec[1:])
		if time.Since(began) > 10*time.Second {
			pause = 0
		}
		time.Sleep(pause)
		p.mu.Lock()
		if p.closing {
			p.mu.Unlock()
			return
		}
		for p.start() != nil && !p.closing {
			p.mu.Unlock()
			time.Sleep(time.Second)
			p.mu.Lock()
		}
		p.mu.Unlock()
	}
}

// close lets the program read to the end; one that has not ended by itself a
// second later is told to.
func (p *pipedLog) close() {
	p.mu.Lock()
	p.closing = true
	process := p.process
	p.mu.Unlock()
	p.write.Close()
	p.read.Close()
	go func() {
		select {
		case <-p.ended:
		case <-time.After(time.Second):
			if process == nil {
				return
			}
			process.Signal(syscall.SIGTERM) //nolint:errcheck // gone is as well
		}
	}()
}

// splitCommand cuts a command line into words as apr_tokenize_to_argv does:
// single and double quotes group, a backslash protects a quote or itself.
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
		var word strings.Builder
		i := 0
		for ; i < len(line); i++ {
			c := line[i]
			if c == '\\' && i+1 < len(line) && strings.IndexByte(`"'\ `, line[i+1]) >= 0 {
				i++
				word.WriteByte(line[i])
				continue
			}
			if quote != 0 && c == quote || quote == 0 && (c == ' ' || c == '\t') {
				i++
				break
			}
			word.WriteByte(c)
		}
		argv = append(argv, word.String())
		line = line[i:]
	}
}
