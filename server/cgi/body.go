package cgi

import (
	"errors"
	"io"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/donjon-httpd/donjon/server"
	"github.com/donjon-httpd/donjon/server/program"
)

// pipeSize is what a pipe takes before a writer has to wait (pipe(7)): a body
// that is no longer never waits for the script.
const pipeSize = 64 << 10

// sendBody gives the request's body to the script (cgi_handle_request). A
// script that reads no more is no error: the rest is read and thrown away.
func (c *run) sendBody() server.Status {
	if c.proc != nil {
		defer c.proc.Stdin.Close()
	}
	r := c.r
	body := io.Reader(r.Body)
	if r.KeptBody != nil {
		body = newKept(r.KeptBody)
	}
	if r.Body == nil && r.KeptBody == nil || r.Body == http.NoBody && r.KeptBody == nil {
		return server.OK
	}
	if c.proc != nil && (r.ContentLength < 0 || r.ContentLength > pipeSize) {
		c.input = spool(c.proc.Stdout)
	}
	keep := int64(0)
	if logs := c.logs.Of(r.Server); logs.name != "" {
		keep = max(logs.buffer.Else(defaultLogBuffer), 0)
	}
	buf := make([]byte, 32<<10)
	reading := c.proc != nil // the script takes it
	for {
		n, err := body.Read(buf)
		if n > 0 {
			if room := keep - int64(len(c.body)); room > 0 {
				c.body = append(c.body, buf[:min(int64(n), room)]...)
			}
			if reading {
				c.proc.Stdin.SetWriteDeadline(time.Now().Add(c.timeout))
				if _, werr := c.proc.Stdin.Write(buf[:n]); werr != nil {
					reading = false
					if errors.Is(werr, os.ErrDeadlineExceeded) {
						c.log.Error(r).Err(errTimeUp).Msgf("AH02651: Error writing request body to script %s", r.Filename)
					}
				}
			}
		}
		switch {
		case err == io.EOF:
			return server.OK
		case err != nil:
			c.log.Error(r).Err(spelled(err)).Msgf("%s: Error reading request entity data", c.BodyUnreadable)
			return r.BodyFailed(err)
		}
	}
}

// spelled is how the log names what is wrong with a body: an answer that is
// made already is AP_FILTER_ERROR, which has no name.
func spelled(err error) error {
	if s, ok := err.(interface{ HTTPStatus() server.Status }); ok && s.HTTPStatus() != 0 {
		return errors.New("(-102)Unknown error -102")
	}
	return err
}

// errTimeUp is how the log spells a time that is over (APR_TIMEUP).
var errTimeUp = errors.New("(70007)The timeout specified has expired")

// kept is a body that was read before.
type kept struct{ rest []byte }

func newKept(b []byte) *kept { return &kept{b} }

func (k *kept) Read(p []byte) (int, error) {
	if len(k.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p, k.rest)
	k.rest = k.rest[n:]
	return n, nil
}

// maxSpool is how much a script may write before it has read its input.
// Apache's scripts have a pipe for it, and stop at 64 KiB.
const maxSpool = 1 << 20

// scriptOutput takes what a script writes while its input is still on the way,
// so that neither waits for the other.
type scriptOutput struct {
	mu   sync.Mutex
	cond sync.Cond
	data []byte
	err  error
}

func spool(from *os.File) *scriptOutput {
	s := new(scriptOutput)
	s.cond.L = &s.mu
	go func() {
		buf := make([]byte, 32<<10)
		for {
			n, err := from.Read(buf)
			s.mu.Lock()
			for len(s.data) > maxSpool && s.err == nil {
				s.cond.Wait()
			}
			s.data = append(s.data, buf[:n]...)
			if s.err == nil {
				s.err = err
			}
			ended := s.err != nil
			s.cond.Broadcast()
			s.mu.Unlock()
			if ended {
				return
			}
		}
	}()
	return s
}

// take gives what is there. With wait it waits for something, until the
// deadline that the file has.
func (s *scriptOutput) take(p []byte, wait bool) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for wait && len(s.data) == 0 && s.err == nil {
		s.cond.Wait()
	}
	if len(s.data) == 0 {
		return 0, s.err
	}
	n := copy(p, s.data)
	s.data = s.data[n:]
	s.cond.Broadcast()
	return n, nil
}

// stop ends the taking; the file is closed.
func (s *scriptOutput) stop() {
	s.mu.Lock()
	if s.err == nil {
		s.err = io.EOF
	}
	s.cond.Broadcast()
	s.mu.Unlock()
}

// Read gives what the script writes, as it comes; after the time without any
// it fails with server.ErrScriptTimeout.
func (c *run) Read(p []byte) (int, error) {
	if c.proc == nil {
		return 0, io.EOF
	}
	c.proc.Stdout.SetReadDeadline(time.Now().Add(c.timeout))
	var n int
	var err error
	if c.input != nil {
		n, err = c.input.take(p, true)
	} else {
		n, err = c.proc.Stdout.Read(p)
	}
	if errors.Is(err, os.ErrClosed) {
		err = io.EOF // it was ended
	}
	if err == io.EOF && !c.headRead {
		c.proc.WaitStderr(time.Second) // what the script says of it goes before what we say
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		c.log.Warn(c.r).Msgf("AH01220: Timeout waiting for output from CGI script %s", c.r.Filename)
		err = server.ErrScriptTimeout
	}
	return n, err
}

// readNow is Read for what is there already; 0 and nil when that is nothing.
func (c *run) readNow(p []byte) (int, error) {
	switch {
	case c.proc == nil:
		return 0, io.EOF
	case c.input != nil:
		return c.input.take(p, false)
	}
	return program.ReadNow(c.proc.Stdout, p)
}

// end ends the script before its time.
func (c *run) end() {
	if c.proc != nil {
		c.proc.End()
		c.proc.Stdout.Close()
	}
}

// waitStderr waits for the rest of what the script says on its standard error.
func (c *run) waitStderr() {
	if c.proc != nil {
		c.proc.WaitStderr(c.timeout)
	}
}
