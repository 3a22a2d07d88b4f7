package compattests

import (
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"time"
)

// serveFD is "gateway fd": the backend is passed clients' connections over
// run/backend.sock (mod_proxy_fdpass). It writes the lines of the section
// "backend" to them, and closes them; "!echo" sends back what comes first.
func (b *backend) serveFD(conn net.Conn) {
	u, ok := conn.(*net.UnixConn)
	if !ok {
		return
	}
	data, oob := make([]byte, 16), make([]byte, 256)
	n, oobn, _, _, err := u.ReadMsgUnix(data, oob)
	if err != nil {
		return
	}
	var files []*os.File
	messages, _ := syscall.ParseSocketControlMessage(oob[:oobn])
	for i := range messages {
		fds, _ := syscall.ParseUnixRights(&messages[i])
		for _, fd := range fds {
			files = append(files, os.NewFile(uintptr(fd), "client"))
		}
	}
	b.record(&seen{head: fmt.Sprintf("%q with %d files\n", data[:n], len(files))})
	for _, f := range files {
		client, err := net.FileConn(f)
		f.Close()
		if err != nil {
			continue
		}
		for _, l := range b.answers[""] {
			if l == "!echo" {
				p := make([]byte, 4096)
				n, _ := client.Read(p)
				client.Write(p[:n])
				continue
			}
			if pause, ok := strings.CutPrefix(l, "!pause "); ok {
				if d, err := time.ParseDuration(pause); err == nil {
					time.Sleep(d)
				}
				continue
			}
			io.WriteString(client, b.expand(l))
		}
		client.Close()
	}
}
