package cgi

import (
	"bufio"
	"errors"
	"io"
	"strings"

	"github.com/donjon-httpd/donjon/server"
)

// respond makes the response of what the script writes (cgi_handle_response).
func (c *run) respond() server.Status {
	if c.proc != nil {
		defer c.proc.Stdout.Close()
	}
	if c.input != nil {
		defer c.input.stop()
	}
	r := c.r
	in := bufio.NewReaderSize(c, 8192)
	if !c.nph {
		s, bad := r.ScanScript(c.log, in, false)
		c.headRead = true
		if !r.Env.Has("ap_trust_cgilike_cl") {
			r.Out.Unset("Content-Length") // the body's own length counts
		}
		r.Out.Unset("Transfer-Encoding")
		if s == 504 {
			c.end()
		}
		if s != server.OK {
			c.logScript(s, bad, in)
			if s == 304 {
				r.Status = 304
				return server.OK
			}
			return s
		}
		if l, ok := r.Out.Lookup("Location"); ok && r.Status == 200 {
			c.discard(in)
			if !strings.HasPrefix(l, "/") {
				return 302
			}
			r.Method = "GET" // whatever it was
			r.UnsetFieldIn("Content-Length")
			r.InternalRedirectHandler(l)
			return server.OK
		}
	} else {
		c.headRead = true
		r.SendRaw()
	}
	if c.stream(in) == nil && !r.Conn.Aborted {
		c.waitStderr()
	}
	return server.OK
}

// stream sends what is left of the script's output. What is there at once goes
// out together, and with its length if the script has ended; before a wait the
// client gets what there is.
func (c *run) stream(in *bufio.Reader) error {
	buf := make([]byte, 0, 16<<10)
	buf = append(buf, peek(in)...)
	for {
		flush := false
		for len(buf) < cap(buf) {
			n, err := c.readNow(buf[len(buf):cap(buf)])
			buf = buf[:len(buf)+n]
			if err == io.EOF {
				return c.pass(buf, server.Brigade{Streamed: true, EOS: true})
			}
			if err != nil {
				return err
			}
			if n == 0 {
				flush = true
				break
			}
		}
		if err := c.pass(buf, server.Brigade{Streamed: true, Flush: flush}); err != nil {
			return err
		}
		buf = buf[:0]
		if !flush {
			continue
		}
		n, err := c.Read(buf[:cap(buf)])
		buf = buf[:n]
		if err == io.EOF {
			return c.pass(buf, server.Brigade{Streamed: true, EOS: true})
		}
		if err != nil {
			if errors.Is(err, server.ErrScriptTimeout) {
				err = errTimeUp
			}
			c.end()
			c.r.TruncateFor(err)
			return err
		}
	}
}

func (c *run) pass(body []byte, b server.Brigade) error {
	if len(body) > 0 {
		b.Buckets = []server.Bucket{{Mem: body}}
	}
	if b.EOS {
		return c.r.EndWith(&b)
	}
	return c.r.PassBrigade(&b)
}

// peek is what the reader has taken in and not given out.
func peek(in *bufio.Reader) []byte {
	b, _ := in.Peek(in.Buffered())
	return b
}

// discard reads the rest of the script's output, so that it need not end before
// its time.
func (c *run) discard(in *bufio.Reader) {
	io.Copy(io.Discard, in)
	c.waitStderr()
}
