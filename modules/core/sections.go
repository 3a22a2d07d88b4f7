package core

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"path"
	"strconv"
	"strings"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/httpdconf"
	"github.com/donjon-httpd/donjon/server"
	"github.com/donjon-httpd/donjon/server/pattern"
)

func missingArgument(cmd *directives.Cmd) error {
	return fmt.Errorf("%s> directive requires additional arguments", cmd.Name)
}

// argument takes a section's argument apart: the path or pattern, whether "~"
// made it one, and what follows.
func argument(cmd *directives.Cmd, args string, match bool) (word, rest string, regex server.Matcher, err error) {
	if !cmd.Node.Closed {
		return "", "", nil, cmd.Unclosed()
	}
	if args == "" {
		return "", "", nil, missingArgument(cmd)
	}
	word, rest = httpdconf.Getword(args)
	if !match && word == "~" {
		match = true
		if word, rest = httpdconf.Getword(rest); word == "" && cmd.Name == "<Directory" {
			return "", "", nil, errors.New("<Directory ~ > block must specify a path")
		}
	}
	if match {
		re, err := pattern.Compile(word, pattern.DefaultFlags())
		if err != nil {
			return "", "", nil, &directives.Hinted{Err: errors.New("Regex could not be compiled"), Hint: err.Error()}
		}
		regex = re
	}
	return word, rest, regex, nil
}

func extra(cmd *directives.Cmd, rest string) error {
	if rest != "" {
		return fmt.Errorf("Multiple %s> arguments not (yet) supported.", cmd.Name)
	}
	return nil
}

func directorySection(match bool) func(*server.ServerConfig, *directives.Cmd, string) error {
	return func(c *server.ServerConfig, cmd *directives.Cmd, args string) error {
		word, rest, regex, err := argument(cmd, args, match)
		if err != nil {
			return err
		}
		s := &server.Section{Kind: server.DirectorySection, Path: word, Regex: regex, Node: cmd.Node}
		if regex == nil {
			if word != "/" {
				if path.IsAbs(word) {
					word = cmd.InJail(word)
				} else {
					cmd.Note("<Directory \"%s\"> never applies: the path does not begin with /", word)
				}
				s.Path = strings.TrimSuffix(path.Clean(word), "/") + "/"
			}
			s.Glob = pattern.HasGlob(s.Path)
			if s.Path != "/" {
				s.Components = strings.Count(s.Path, "/")
			}
		}
		s.Conf = cmd.Section(s.Path)
		c.Directories = append(c.Directories, s)
		return extra(cmd, rest)
	}
}

func locationSection(match bool) func(*server.ServerConfig, *directives.Cmd, string) error {
	return func(c *server.ServerConfig, cmd *directives.Cmd, args string) error {
		word, rest, regex, err := argument(cmd, args, match)
		if err != nil {
			return err
		}
		s := &server.Section{Kind: server.LocationSection, Path: word, Regex: regex, Glob: regex == nil && pattern.HasGlob(word), Node: cmd.Node}
		s.Conf = cmd.Section(word)
		c.Locations = append(c.Locations, s)
		return extra(cmd, rest)
	}
}

func filesSection(match bool) func(*server.DirConfig, *directives.Cmd, string) error {
	return func(c *server.DirConfig, cmd *directives.Cmd, args string) error {
		word, rest, regex, err := argument(cmd, args, match)
		if err != nil {
			return err
		}
		s := &server.Section{Kind: server.FilesSection, Path: word, Regex: regex, Glob: regex == nil && pattern.HasGlob(word), Node: cmd.Node}
		s.Conf = cmd.Section(word)
		c.Files = append(c.Files, s)
		return extra(cmd, rest)
	}
}

func ifSection(kind server.SectionKind) func(*server.DirConfig, *directives.Cmd, string) error {
	return func(c *server.DirConfig, cmd *directives.Cmd, args string) error {
		if !cmd.Node.Closed {
			return cmd.Unclosed()
		}
		s := &server.Section{Kind: kind, Path: "*If", Node: cmd.Node}
		rest := ""
		if kind == server.ElseSection {
			if args != "" {
				return errors.New("<Else> does not take an argument")
			}
		} else {
			if args == "" {
				return missingArgument(cmd)
			}
			var text string
			text, rest = httpdconf.Getword(args)
			e, err := server.CompileExprFor(cmd, text, 0)
			if err != nil {
				return fmt.Errorf("Cannot parse condition clause: %w", err)
			}
			s.Condition = e
		}
		s.Conf = cmd.Section(s.Path)
		if kind != server.IfSection && (len(c.Ifs) == 0 || c.Ifs[len(c.Ifs)-1].Kind == server.ElseSection) {
			return errors.New("<Else> or <ElseIf> section without previous <If> or <ElseIf> section in same scope")
		}
		c.Ifs = append(c.Ifs, s)
		if rest != "" {
			return fmt.Errorf("Multiple %s> arguments not supported.", cmd.Name)
		}
		return nil
	}
}

func limitSection(except bool) func(*server.DirConfig, *directives.Cmd, string) error {
	return func(_ *server.DirConfig, cmd *directives.Cmd, args string) error {
		if !cmd.Node.Closed {
			return cmd.Unclosed()
		}
		if args == "" {
			return missingArgument(cmd)
		}
		var limited int64
		for _, m := range httpdconf.Words(args) {
			if m == "TRACE" && !except {
				return errors.New("TRACE cannot be controlled by <Limit>, see TraceEnable")
			}
			if !server.KnownMethod(m) {
				if cmd.Htaccess || !server.RegisterMethod(m) {
					return fmt.Errorf("Could not register method '%s' for %s from .htaccess configuration", m, cmd.Name)
				}
			}
			limited |= server.MethodBit(m)
		}
		if except {
			limited = ^limited
		}
		switch {
		case cmd.Limited&limited == 0:
			return fmt.Errorf("%s> directive excludes all methods", cmd.Name)
		case cmd.Limited&limited == cmd.Limited:
			return fmt.Errorf("%s> directive specifies methods already excluded", cmd.Name)
		}
		cmd.Nested(func(inner *directives.Cmd) { inner.Limited &= limited })
		return nil
	}
}

func virtualHost(_ *server.ServerConfig, cmd *directives.Cmd, args string) error {
	if !cmd.Node.Closed {
		return cmd.Unclosed()
	}
	if args == "" {
		return missingArgument(cmd)
	}
	var addrs []server.HostAddr
	for _, w := range httpdconf.Words(args) {
		list, err := hostAddrs(cmd, w)
		if err != nil {
			return err
		}
		addrs = append(addrs, list...)
	}
	cmd.VirtualHost(func(v *directives.Server) {
		c := server.CoreServer.EditServer(v)
		c.Addrs = addrs
		if len(addrs) > 0 {
			c.ServerPort = addrs[0].Port
		}
	})
	return nil
}

// hostAddrs reads one address of a <VirtualHost>: *, _default_, an address or
// a name, with or without a port (get_addresses).
func hostAddrs(cmd *directives.Cmd, w string) ([]server.HostAddr, error) {
	host, port, err := splitPort(w)
	if err != nil {
		return nil, err
	}
	if host == "*" || strings.EqualFold(host, "_default_") {
		return []server.HostAddr{{Port: port, Given: w}}, nil
	}
	literal := strings.Trim(host, "[]")
	if a, err := netip.ParseAddr(literal); err == nil {
		if a.IsUnspecified() {
			a = netip.Addr{} // [::] and 0.0.0.0 mean all, as * does (observed on 2.4.71)
		}
		return []server.HostAddr{{Addr: a, Port: port, Given: w}}, nil
	}
	ips, err := net.LookupIP(host)
	if err != nil {
		cmd.LogAs("error", "(EAI 2)Name or service not known: AH00547: Could not resolve host name %s -- ignoring!", host)
		return nil, nil
	}
	var list []server.HostAddr
	for _, ip := range ips {
		if a, ok := netip.AddrFromSlice(ip); ok {
			list = append(list, server.HostAddr{Addr: a.Unmap(), Port: port, Given: w})
		}
	}
	return list, nil
}

// splitPort takes the port off an address: the digits behind the last colon, or
// ":*" for any (apr_parse_addr_port). What has no port there is all host.
func splitPort(w string) (host string, port int, err error) {
	invalid := errors.New("The address or port is invalid")
	if host, any := strings.CutSuffix(w, ":*"); any {
		if host == "" {
			return "", 0, invalid
		}
		return host, 0, nil
	}
	digits := strings.TrimRight(w, "0123456789")
	number := w[len(digits):]
	port, err = strconv.Atoi(number)
	bare := digits == "" || number != "" && strings.HasSuffix(digits, ":")
	switch {
	case w == "" || bare && (err != nil || port < 1 || port > 65535) || digits == ":" && number != "":
		return "", 0, invalid
	case digits == "":
		return "", 0, errors.New("Missing address for VirtualHost")
	case bare:
		w = digits[:len(digits)-1]
	default:
		port = 0
	}
	if strings.HasPrefix(w, "[") {
		if _, err := netip.ParseAddr(strings.TrimSuffix(w[1:], "]")); err != nil || !strings.HasSuffix(w, "]") {
			return "", 0, invalid
		}
	}
	return w, port, nil
}

// generateError is Error: the text is the message.
func generateError(_ *server.DirConfig, _ *directives.Cmd, args string) error {
	if args == "" {
		return errors.New("The Error directive was used with no message.")
	}
	if n := len(args); n > 1 && (args[0] == '"' || args[0] == '\'') && args[n-1] == args[0] {
		args = args[1 : n-1]
	}
	return errors.New(args)
}

func serverRoot(r *httpdconf.Reader, n *httpdconf.Node) error {
	dir, _ := httpdconf.Getword(n.Args)
	if isDir, ok := r.Source().Stat(dir); !ok || !isDir || !path.IsAbs(dir) {
		return errors.New("ServerRoot must be a valid directory")
	}
	r.SetServerRoot(path.Clean(dir))
	return nil
}

// runtimeDir notes the directory, if it is there.
func runtimeDir(r *httpdconf.Reader, n *httpdconf.Node) error {
	dir, _ := httpdconf.Getword(n.Args)
	if isDir, ok := r.Source().Stat(r.Abs(dir)); !ok || !isDir {
		return errors.New("DefaultRuntimeDir must be a valid directory, absolute or relative to ServerRoot")
	}
	r.SetRuntimeDir(r.Abs(dir))
	return nil
}
