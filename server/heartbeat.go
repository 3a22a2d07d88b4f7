package server

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/donjon-httpd/donjon/directives"
)

// Heartbeats are messages by which servers tell how much they have to do:
// mod_heartbeat sends them, mod_heartmonitor keeps what came, and
// mod_lbmethod_heartbeat chooses by it. What is kept stands in memory that all
// children share, or in a file.

// HeartbeatConfig is what the three modules have been told. It belongs to the
// main server.
type HeartbeatConfig struct {
	Storage    string               // HeartbeatStorage, as it is called in the jail
	MaxServers directives.Opt[int]  // HeartbeatMaxServers; 0: the file
	Listen     netip.AddrPort       // HeartbeatListen; invalid: none
	Send       netip.AddrPort       // HeartbeatAddress
	Monitor    directives.Opt[bool] // mod_heartmonitor is active
}

// Heart is the slot of it.
var Heart = directives.NewServerSlot(func(base, _ HeartbeatConfig) HeartbeatConfig { return base })

// defaultHeartbeats is how many servers are kept in memory unless the
// configuration says more.
const defaultHeartbeats = 10

// SetHeartbeatStorage is HeartbeatStorage, for the modules that have it.
func SetHeartbeatStorage(c *HeartbeatConfig, cmd *directives.Cmd, path string) error {
	c.Storage = cmd.InJail(cmd.ServerRootRelative(path))
	return nil
}

// ParseHeartbeatAddress reads "host:port" (apr_parse_addr_port), and gives the
// address of a name. problem is which of them is wrong: "parse", "host", "port"
// or "lookup"; "" for none.
func ParseHeartbeatAddress(s string) (a netip.AddrPort, problem string) {
	digits := len(s)
	for digits > 0 && s[digits-1] >= '0' && s[digits-1] <= '9' {
		digits--
	}
	host, port := s, 0
	if digits < len(s) && (digits == 0 || s[digits-1] == ':') {
		n, err := strconv.ParseUint(s[digits:], 10, 16)
		if err != nil || n == 0 || digits == 1 {
			return a, "parse"
		}
		host, port = s[:max(digits-1, 0)], int(n)
	}
	switch {
	case host == "":
		return a, "host"
	case port == 0:
		return a, "port"
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		list, err := net.LookupIP(host)
		for _, p := range list {
			if p4 := p.To4(); err == nil && p4 != nil {
				return netip.AddrPortFrom(netip.AddrFrom4([4]byte(p4)), uint16(port)), ""
			}
		}
		return a, "lookup"
	}
	if !ip.Is4() {
		return a, "lookup"
	}
	return netip.AddrPortFrom(ip, uint16(port)), ""
}

// Heartbeat is what a server has told last.
type Heartbeat struct {
	IP          string
	Busy, Ready int // workers
	Port        int
	Seen        time.Time
}

// HeartbeatForgotten is the age at which a server is forgotten.
const HeartbeatForgotten = 30 * time.Second

// Heartbeats is where they are kept.
type Heartbeats struct {
	rows []*ProxyShared // one for each server, in shared memory; none: the file
	path string         // of the file
}

// Heartbeats gives the place where this configuration keeps them; ask for it
// behind PostConfig.First, where mod_heartmonitor says that it is there.
func (g *Generation) Heartbeats() *Heartbeats {
	g.heart.Do(func() { g.hearts = newHeartbeats(g) })
	return g.hearts
}

func newHeartbeats(g *Generation) *Heartbeats {
	c := Heart.Of(g.Config.Main)
	h := &Heartbeats{path: c.Storage}
	if h.path == "" {
		h.path = filepath.Join(RuntimeDir(g.Config.Tree), "hb.dat")
		if g.Jail.Fix() {
			h.path, _ = g.Jail.Request(h.path)
		}
	}
	if c.Monitor.Else(false) {
		for i := range c.MaxServers.Else(defaultHeartbeats) {
			h.rows = append(h.rows, g.ProxyShare("heartbeat "+strconv.Itoa(i), func(*ProxyShared) {}))
		}
	}
	return h
}

// InMemory tells whether they are kept in shared memory.
func (h *Heartbeats) InMemory() bool { return len(h.rows) > 0 }

// Path is the file's.
func (h *Heartbeats) Path() string { return h.path }

// heartbeatLine is a server's line, in the file and in memory.
func heartbeatLine(b Heartbeat, seen int64) string {
	return fmt.Sprintf("%s &ready=%d&busy=%d&lastseen=%d&port=%d\n", b.IP, uint32(b.Ready), uint32(b.Busy), uint32(seen), uint32(b.Port))
}

// Put keeps what a server has told. In memory, a server for which there is no room
// is not kept.
func (h *Heartbeats) Put(b Heartbeat) error {
	if !h.InMemory() {
		return h.putInFile(b)
	}
	var free *ProxyShared
	for _, row := range h.rows {
		old, ok := parseHeartbeat(row.text())
		switch {
		case ok && old.IP == b.IP:
			row.setText(heartbeatLine(b, b.Seen.Unix()))
			return nil
		case free == nil && (!ok || time.Since(old.Seen) > HeartbeatForgotten):
			free = row
		}
	}
	if free != nil {
		free.setText(heartbeatLine(b, b.Seen.Unix()))
	}
	return nil
}

// Replace writes the file anew with all servers that are not forgotten; in
// memory it puts each.
func (h *Heartbeats) Replace(all []Heartbeat) error {
	var text strings.Builder
	for _, b := range all {
		age := time.Since(b.Seen)
		if age > HeartbeatForgotten {
			continue
		}
		if h.InMemory() {
			h.Put(b) //nolint:errcheck // only files fail
		}
		text.WriteString(heartbeatLine(b, int64(age.Seconds())))
	}
	if h.InMemory() {
		return nil
	}
	return h.write(text.String())
}

// putInFile changes a server's line in the file and lets the others grow older.
func (h *Heartbeats) putInFile(b Heartbeat) error {
	var text strings.Builder
	put := false
	old, err := os.Open(h.path)
	if err == nil {
		defer old.Close()
		age := int64(0)
		if st, err := old.Stat(); err == nil {
			age = int64(time.Since(st.ModTime()).Seconds())
		}
		in := bufio.NewScanner(io.LimitReader(old, maxHeartbeatFile))
		for in.Scan() {
			was, ok := parseHeartbeat(in.Text())
			switch {
			case !ok || strings.HasPrefix(in.Text(), "#"):
				text.WriteString(in.Text() + "\n")
			case was.IP == b.IP:
				text.WriteString(heartbeatLine(b, int64(time.Since(b.Seen).Seconds())))
				put = true
			default:
				text.WriteString(heartbeatLine(was, was.Seen.Unix()+age))
			}
		}
	}
	if !put {
		text.WriteString(heartbeatLine(b, int64(time.Since(b.Seen).Seconds())))
	}
	return h.write(text.String())
}

const maxHeartbeatFile = 1 << 20

// HeartbeatFileError is a step of writing the file that failed.
type HeartbeatFileError struct {
	Step string // "open", "flush", "close", "chmod" or "move"
	Path string // of the file that is written first
	Err  error
}

func (e *HeartbeatFileError) Error() string { return e.Step + " " + e.Path + ": " + e.Err.Error() }
func (e *HeartbeatFileError) Unwrap() error { return e.Err }

func (h *Heartbeats) write(text string) error {
	tmp, err := os.CreateTemp(filepath.Dir(h.path), filepath.Base(h.path)+".tmp.*")
	if err != nil {
		return &HeartbeatFileError{"open", h.path + ".tmp", err}
	}
	step := "flush"
	if _, err = tmp.WriteString(text); err == nil {
		step, err = "chmod", tmp.Chmod(0o644)
	}
	if closed := tmp.Close(); err == nil && closed != nil {
		step, err = "close", closed
	}
	if err == nil {
		step, err = "move", os.Rename(tmp.Name(), h.path)
	}
	if err != nil {
		os.Remove(tmp.Name()) //nolint:errcheck // it may be gone
		return &HeartbeatFileError{step, tmp.Name(), err}
	}
	return nil
}

// Read gives the servers that are known. Of one in the file Seen is what it was
// when the file was written.
func (h *Heartbeats) Read() (map[string]Heartbeat, error) {
	all := map[string]Heartbeat{}
	if h.InMemory() {
		for _, row := range h.rows {
			if b, ok := parseHeartbeat(row.text()); ok {
				all[b.IP] = b
			}
		}
		return all, nil
	}
	f, err := os.Open(h.path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	now := time.Now()
	in := bufio.NewScanner(io.LimitReader(f, maxHeartbeatFile))
	for in.Scan() {
		if b, ok := parseHeartbeat(in.Text()); ok && !strings.HasPrefix(in.Text(), "#") {
			b.Seen = now.Add(-time.Duration(b.Seen.Unix()) * time.Second)
			all[b.IP] = b
		}
	}
	return all, in.Err()
}

// parseHeartbeat reads a line. Seen is the number that stands there.
func parseHeartbeat(line string) (b Heartbeat, ok bool) {
	ip, query, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
	if !ok || ip == "" {
		return b, false
	}
	b = Heartbeat{IP: ip, Port: 80, Seen: time.Unix(int64(HeartbeatForgotten/time.Second), 0)}
	fields := HeartbeatFields(query)
	b.Busy, b.Ready = Atoi(fields["busy"]), Atoi(fields["ready"])
	if p, ok := fields["port"]; ok {
		b.Port = Atoi(p)
	}
	if n, err := strconv.ParseInt(fields["lastseen"], 10, 64); err == nil {
		b.Seen = time.Unix(n, 0)
	}
	return b, true
}

// HeartbeatFields takes a message apart: name=value pairs between ampersands; a
// name alone has the value 1 (qs_to_table).
func HeartbeatFields(s string) map[string]string {
	fields := map[string]string{}
	for pair := range strings.SplitSeq(s, "&") {
		if pair == "" {
			continue
		}
		name, value, ok := strings.Cut(pair, "=")
		if !ok {
			value = "1"
		}
		name, _ = UnescapeURL(name)
		value, _ = UnescapeURL(value)
		fields[name] = value
	}
	return fields
}
