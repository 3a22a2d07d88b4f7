package remoteip

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// The PROXY protocol, as far as Apache takes it: version 1, a line of text, and
// version 2, binary (https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt).

// endpoint is an address of the server at which the protocol is on or off; an
// invalid address is all, port 0 any.
type endpoint struct {
	addr   netip.Addr
	port   uint16
	source *directives.Server
}

func (e endpoint) String() string {
	addr := "0.0.0.0"
	if e.addr.IsValid() {
		addr = e.addr.String()
	}
	return fmt.Sprintf("%s:%d", addr, e.port)
}

// covers tells whether two endpoints are the same where one of them may stand
// for many.
func (e endpoint) covers(o endpoint) bool {
	return e.addr == o.addr && (e.port == o.port || e.port == 0 || o.port == 0) ||
		!e.addr.IsValid() && (e.port == 0 || e.port == o.port) ||
		!o.addr.IsValid() && (o.port == 0 || o.port == e.port)
}

func inList(list []endpoint, o endpoint) bool {
	for _, e := range list {
		if e.covers(o) {
			return true
		}
	}
	return false
}

// endpointsOf are a server's addresses; the main server has all.
func endpointsOf(v *directives.Server) []endpoint {
	if !v.Virtual {
		return []endpoint{{source: v}}
	}
	var list []endpoint
	for _, a := range server.CoreServer.Of(v).Addrs {
		list = append(list, endpoint{a.Addr, uint16(a.Port), v})
	}
	return list
}

func enableProtocol(_ *config, cmd *directives.Cmd, on bool) error {
	c := mainOf(cmd)
	add, remove := &c.enabled, &c.disabled
	word := "On"
	if !on {
		add, remove = remove, add
		word = "Off"
	}
	for _, e := range endpointsOf(cmd.Server) {
		for i, old := range *remove {
			if old.addr == e.addr && old.port == e.port {
				c.overridden = append(c.overridden, override{old, e.source, word})
				*remove = append((*remove)[:i:i], (*remove)[i+1:]...)
				break
			}
		}
		if !inList(*add, e) {
			*add = append([]endpoint{e}, *add...)
		}
	}
	return nil
}

// override is an endpoint of which two virtual hosts say something different.
type override struct {
	old     endpoint
	by      *directives.Server
	setting string // On or Off
}

// describe is a virtual host as Apache's notices have it.
func describe(v *directives.Server) string {
	c := server.CoreServer.Of(v)
	port, file := 0, "(null)"
	if len(c.Addrs) > 0 {
		port = c.Addrs[0].Port
	}
	if v.Node != nil {
		file = v.Node.Pos.File
	}
	name := c.ServerName
	if name == "" {
		name = "(null)"
	}
	return fmt.Sprintf("{%s:%d in %s}", name, port, file)
}

func addExceptions(_ *config, cmd *directives.Cmd, list []string) error {
	if len(list) == 0 {
		return fmt.Errorf("%s requires an argument", cmd.Name)
	}
	c := mainOf(cmd)
	for _, w := range list {
		n, err := server.ParseSubnet(w)
		addr, _, _ := strings.Cut(w, "/")
		switch {
		case errors.Is(err, server.ErrBadMask):
			return fmt.Errorf("ip address '%s' appears to be invalid: %w", addr, err)
		case err != nil && looksLikeIP(addr):
			return fmt.Errorf("ip address '%s' appears to be invalid: The specified IP address is invalid.", addr)
		case err != nil:
			return fmt.Errorf("ip address '%s' appears to be invalid", addr)
		}
		c.exceptions = append(c.exceptions, n)
	}
	return nil
}

// sayProtocol notes where the protocol is on and off.
func sayProtocol(g *server.Generation) error {
	main := g.Config.Main
	for _, o := range slot.Of(main).overridden {
		elog.Notice(server.ServerSubject(g, o.by)).Msgf("AH03491: RemoteIPProxyProtocol: previous setting for %s from virtual host %s "+
			"is being overridden by virtual host %s; new setting is '%s'", o.old, describe(o.old.source), describe(o.by), o.setting)
	}
	for _, e := range slot.Of(main).enabled {
		elog.Notice(server.ServerSubject(g, main)).Msgf("AH03492: RemoteIPProxyProtocol: enabled on %s", e)
	}
	for _, e := range slot.Of(main).disabled {
		elog.Notice(server.ServerSubject(g, main)).Msgf("AH03494: RemoteIPProxyProtocol: disabled on %s", e)
	}
	return nil
}

// preface tells whether a connection begins with the protocol, and reads it.
func preface(c *server.Conn) server.Preface {
	conf := slot.Of(c.Gen.Config.Main)
	at := endpoint{addr: c.Local.Addr().Unmap(), port: c.Local.Port()}
	if !inList(conf.enabled, at) || inList(conf.disabled, at) {
		return nil
	}
	for _, n := range conf.exceptions {
		if n.Contains(c.Remote.Addr()) {
			return nil
		}
	}
	elog.Debug(c).Msgf("AH03503: RemoteIPProxyProtocol: enabled on connection to %s:%d", c.LocalIP, c.Local.Port())
	c.Foretold = true
	return func(data []byte) (int, bool, error) { return read(c, data) }
}

const (
	signature   = "\r\n\r\n\x00\r\nQUIT\n"
	headLength  = 16               // of version 2, without the addresses
	longestHead = headLength + 216 // with those of two UNIX sockets
	longestLine = 108
	leastRead   = 15 // what must have come before the version is decided
)

var errPreface = errors.New("no PROXY header")

// read takes in a header of either version.
func read(c *server.Conn, data []byte) (n int, more bool, err error) {
	if len(data) < leastRead {
		return 0, true, nil
	}
	switch {
	case string(data[:len(signature)]) == signature && data[12]&0xf0 == 0x20:
		n, more, err = readBinary(c, data)
	case bytes.HasPrefix(data, []byte("PROXY ")):
		n, more, err = readLine(c, data)
	default:
		return 0, false, errPreface
	}
	if err == nil && !more {
		elog.Debug(c).Msgf("AH03511: RemoteIPProxyProtocol: received valid PROXY header: %s:%d", c.Origin.Addr(), c.Origin.Port())
	}
	return n, more, err
}

// readLine reads "PROXY TCP4 client server port port".
func readLine(c *server.Conn, data []byte) (int, bool, error) {
	end := bytes.IndexByte(data, '\r')
	if end < 0 || end+1 == len(data) {
		if len(data) >= longestLine {
			return 0, false, errPreface
		}
		return 0, true, nil
	}
	if data[end+1] != '\n' || end+2 > longestLine {
		return 0, false, errPreface
	}
	line := string(data[:end])
	words := strings.FieldsFunc(line, func(c rune) bool { return c == ' ' })[1:]
	word := func(i int, name string) (string, bool) {
		if i < len(words) {
			return words[i], true
		}
		elog.Error(c).Msgf("AH03497: RemoteIPProxyProtocol: no %s found in header '%s'", name, line)
		return "", false
	}
	family, ok := word(0, "family")
	if !ok {
		return 0, false, errPreface
	}
	valid := ""
	switch family {
	case "UNKNOWN":
		c.Origin = c.Remote
		return end + 2, false, nil
	case "TCP4":
		valid = "0123456789."
	case "TCP6":
		valid = "0123456789abcdefABCDEF:."
	default:
		elog.Error(c).Msgf("AH03499: RemoteIPProxyProtocol: unknown family '%s' in header '%s'", family, line)
		return 0, false, errPreface
	}
	host, ok := word(1, "client-address")
	if !ok {
		return 0, false, errPreface
	}
	if strings.Trim(host, valid) != "" {
		elog.Error(c).Msgf("AH03500: RemoteIPProxyProtocol: invalid client-address '%s' found in header '%s'", host, line)
		return 0, false, errPreface
	}
	if _, ok := word(2, "destination-address"); !ok {
		return 0, false, errPreface
	}
	text, ok := word(3, "client-port")
	if !ok {
		return 0, false, errPreface
	}
	digits := text[:len(text)-len(strings.TrimLeft(text, "0123456789"))]
	port, err := strconv.ParseUint(digits, 10, 64)
	if err != nil {
		elog.Error(c).Msgf("AH03501: RemoteIPProxyProtocol: error parsing port '%s' in header '%s'", text, line)
		return 0, false, errPreface
	}
	addr, err := netip.ParseAddr(host)
	if err != nil || addr.Is4() != (family == "TCP4") {
		number := map[string]int{"TCP4": 2, "TCP6": 10}[family] // AF_INET, AF_INET6
		why := errors.New("(EAI 2)Name or service not known")
		if err == nil {
			why = errors.New("(EAI 9)Address family for hostname not supported")
		}
		elog.Error(c).Err(why).Msgf("AH03502: RemoteIPProxyProtocol: error converting family '%d', host '%s', and port '%d' to sockaddr; header was '%s'",
			number, host, uint16(port), line)
		return 0, false, errPreface
	}
	c.Origin = netip.AddrPortFrom(addr, uint16(port))
	return end + 2, false, nil
}

// readBinary reads the head of version 2 and the addresses behind it; what
// follows them (TLVs) is passed over.
func readBinary(c *server.Conn, data []byte) (int, bool, error) {
	if len(data) < headLength {
		return 0, true, nil
	}
	n := headLength + int(binary.BigEndian.Uint16(data[14:]))
	if n > longestHead {
		elog.Error(c).Msg("AH10186: RemoteIPProxyProtocol protocol header length too long")
		return 0, false, errPreface
	}
	if len(data) < n {
		return 0, true, nil
	}
	switch data[12] & 0xf {
	case 0: // LOCAL: the proxy speaks for itself
		c.Origin = c.Remote
		return n, false, nil
	case 1: // PROXY
	default:
		elog.Error(c).Msgf("AH03507: RemoteIPProxyProtocol: unsupported command %02x", data[12])
		return 0, false, errPreface
	}
	// An address that is cut short reads as zeros.
	var at [36]byte
	copy(at[:], data[headLength:n])
	switch data[13] {
	case 0x11: // TCP over IPv4
		c.Origin = netip.AddrPortFrom(netip.AddrFrom4([4]byte(at[:4])), binary.BigEndian.Uint16(at[8:]))
	case 0x21: // TCP over IPv6
		c.Origin = netip.AddrPortFrom(netip.AddrFrom16([16]byte(at[:16])), binary.BigEndian.Uint16(at[32:]))
	default:
		elog.Error(c).Msgf("AH10183: RemoteIPProxyProtocol: unsupported protocol %02x", data[13])
		return 0, false, errPreface
	}
	return n, false, nil
}

// fromProtocol makes the address that the connection began with the client's.
func fromProtocol(r *server.Request) server.Status {
	if !r.Conn.Origin.IsValid() {
		elog.Warn(r).Msg("AH03496: RemoteIPProxyProtocol data is missing, but required! Aborting request.")
		return 400
	}
	r.Client = r.Conn.Origin.Addr()
	r.ClientIP = r.Client.String()
	elog.Trace(1, r).Msgf("Using %s as client's IP from PROXY protocol", r.ClientIP)
	return server.OK
}
