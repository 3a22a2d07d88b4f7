package cgi

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"time"

	"github.com/donjon-httpd/donjon/server"
)

// stderr puts a line of the script's standard error into the logs.
func (c *run) stderr(line string) { c.complain(server.Status(c.r.Status), "AH01215", line) }

// complain says what is wrong in the error log and in ScriptLog (log_scripterror).
func (c *run) complain(s server.Status, number, what string) {
	c.log.Error(c.r).Msgf("%s: stderr from %s: %s", number, c.r.Filename, what)
	c.write(func(b *bytes.Buffer) {
		c.logHead(b, s)
		fmt.Fprintf(b, "%%error\n%s\n", what)
	})
}

// refuse answers a request whose script is not even started, and says why.
func (c *run) refuse(s server.Status, number, why string) server.Status {
	c.complain(s, number, why)
	return s
}

// logScript writes an entry about a failed script into ScriptLog, and reads its
// output to the end (log_script).
func (c *run) logScript(s server.Status, bad string, in *bufio.Reader) {
	r := c.r
	if c.logs.Of(r.Server).name == "" {
		c.discard(in)
		return
	}
	buf := make([]byte, 8000)
	c.write(func(b *bytes.Buffer) {
		c.logHead(b, s)
		b.WriteString("%request\n")
		for _, name := range r.FieldOrder {
			v, _ := r.FieldIn(name)
			fmt.Fprintf(b, "%s: %s\n", name, v)
		}
		if (r.Method == "POST" || r.Method == "PUT") && len(c.body) > 0 {
			fmt.Fprintf(b, "\n%s\n", c.body)
		}
		b.WriteString("%response\n")
		for _, f := range r.ErrOut.All() {
			fmt.Fprintf(b, "%s: %s\n", f.Name, f.Value)
		}
		if bad != "" {
			fmt.Fprintf(b, "%s\n", bad)
		}
		// The head's reader has most of it at once, and Apache logs a piece a time.
		for first := true; ; first = false {
			n, err := in.Read(buf)
			if n > 0 && first {
				b.WriteString("%stdout\n")
			}
			if n > 0 {
				fmt.Fprintf(b, "%s\n", buf[:n])
			}
			if err != nil {
				break
			}
		}
	})
}

// logHead begins an entry: "%% [Wed Jun 19 10:53:21 1996] GET /cgi-bin/printenv
// HTTP/1.0" and "%% 500 /usr/local/apache/cgi-bin/printenv".
func (c *run) logHead(b *bytes.Buffer, s server.Status) {
	r := c.r
	uri := r.URI
	if r.HasArgs {
		uri += "?" + r.Args
	}
	fmt.Fprintf(b, "%%%% [%s] %s %s %s\n%%%% %d %s\n", time.Now().Format(time.ANSIC), r.Method, uri, r.Proto, int(s), r.Filename)
}

// write appends an entry to the file of ScriptLog, unless that is full.
func (c *run) write(entry func(*bytes.Buffer)) {
	conf := c.logs.Of(c.r.Server)
	if conf.name == "" {
		return
	}
	if st, err := os.Stat(conf.name); err == nil && st.Size() > conf.length.Else(defaultLogLength) {
		return
	}
	f, err := os.OpenFile(conf.name, os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o666)
	if err != nil {
		return
	}
	defer f.Close()
	var b bytes.Buffer
	entry(&b)
	f.Write(b.Bytes())
}
