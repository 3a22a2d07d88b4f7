package core

import (
	"errors"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/httpdconf"
	"github.com/donjon-httpd/donjon/server"
	"github.com/donjon-httpd/donjon/server/pattern"
)

// Setters of what belongs to a server or to the whole process.

func limit(words string, set func(*server.ServerConfig, int)) func(*server.ServerConfig, *directives.Cmd, string) error {
	return func(c *server.ServerConfig, cmd *directives.Cmd, a string) error {
		n := atoi(a)
		if n < 0 {
			return fmt.Errorf("%s \"%s\" %s", cmd.Name, a, words)
		}
		set(c, n)
		return nil
	}
}

func setAccessFileName(c *server.ServerConfig, _ *directives.Cmd, args string) error {
	c.AccessFileNames = httpdconf.Words(args)
	if c.AccessFileNames == nil {
		c.AccessFileNames = []string{}
	}
	return nil
}

func setFileCacheValid(c *server.FileCacheConfig, cmd *directives.Cmd, a string) error {
	d, err := server.ParseTimeout(a, time.Second)
	if err != nil {
		return fmt.Errorf("%s wants a time such as 1, 500ms or 0, not \"%s\"", cmd.Name, a)
	}
	c.Valid = directives.Given(d)
	return nil
}

func setFileCacheSize(c *server.FileCacheConfig, cmd *directives.Cmd, a string) error {
	digits := strings.TrimRight(a, "KMGkmg")
	n, err := strconv.ParseInt(digits, 10, 64)
	shift := map[string]int{"": 0, "k": 10, "m": 20, "g": 30}
	by, ok := shift[strings.ToLower(a[len(digits):])]
	if err != nil || !ok || n < 0 || n > math.MaxInt64>>by {
		return fmt.Errorf("%s wants a number of bytes such as 65536, 64K, 32M or 0, not \"%s\"", cmd.Name, a)
	}
	c.Size = directives.Given(n << by)
	return nil
}

func setDocumentRoot(c *server.ServerConfig, cmd *directives.Cmd, a string) error {
	dir := cmd.ServerRootRelative(a)
	if st, err := os.Stat(dir); server.ChecksRoots(cmd) && (err != nil || !st.IsDir()) {
		if !cmd.Server.Virtual {
			// A path spelled as the jail knows it is not there outside.
			if inside := cmd.InJail(dir); inside == dir && !server.JailOf(cmd.Server).Jailed() {
				return fmt.Errorf("DocumentRoot '%s' is not a directory, or is not readable", dir)
			}
		} else {
			cmd.Warn("AH00112: Warning: DocumentRoot [%s] does not exist", dir)
		}
	}
	c.DocumentRoot = cmd.InJail(dir)
	return nil
}

func setServerAdmin(c *server.ServerConfig, _ *directives.Cmd, a string) error {
	c.ServerAdmin = directives.Given(a)
	return nil
}

func setServerName(c *server.ServerConfig, _ *directives.Cmd, a string) error {
	if pattern.HasGlob(a) {
		return fmt.Errorf("Invalid ServerName \"%s\" use ServerAlias to set multiple server names.", a)
	}
	name := a
	if scheme, rest, ok := strings.Cut(a, "://"); ok {
		c.ServerScheme, name = strings.ToLower(scheme), rest
	}
	c.ServerPort = 0
	if host, port, ok := strings.Cut(name, ":"); ok {
		n := atoi(port)
		if n <= 0 || n >= 65536 {
			return fmt.Errorf("The port number \"%s\" is outside the appropriate range (i.e., 1..65535).", a)
		}
		name, c.ServerPort = host, n
	}
	c.ServerName = name
	return nil
}

func setErrorLog(c *server.ServerConfig, cmd *directives.Cmd, a string) error {
	if !strings.HasPrefix(a, "|") && !strings.HasPrefix(a, "syslog") {
		a = cmd.ServerRootRelative(a)
	}
	c.ErrorLog = directives.Given(a)
	return nil
}

func setErrorLogFormat(c *server.ServerConfig, cmd *directives.Cmd, a, b string) error {
	if len(httpdconf.Words(cmd.Node.Args)) < 2 {
		f, err := server.ParseErrorLogFormat(a)
		if err == nil {
			c.ErrorLogFormat = f
		}
		return err
	}
	forms := &c.ErrorLogConn
	switch {
	case strings.EqualFold(a, "connection"):
	case strings.EqualFold(a, "request"):
		forms = &c.ErrorLogReq
	default:
		return errors.New("ErrorLogFormat type must be one of request, connection")
	}
	if *forms == nil {
		*forms = []*server.ErrorFormat{} // an empty list keeps the main server's away
	}
	if b == "" {
		return nil
	}
	f, err := server.ParseErrorLogInfo(b)
	if err == nil {
		*forms = append(*forms, f)
	}
	return err
}

func setServerAlias(c *server.ServerConfig, cmd *directives.Cmd, args string) error {
	if !cmd.Server.Virtual {
		return errors.New("ServerAlias only used in <VirtualHost>")
	}
	for _, w := range httpdconf.Words(args) {
		if strings.ContainsAny(w, "*?") {
			c.WildNames = append(c.WildNames, w)
		} else {
			c.Names = append(c.Names, w)
		}
	}
	return nil
}

func setServerPath(c *server.ServerConfig, _ *directives.Cmd, a string) error {
	c.ServerPath = a
	return nil
}

func setTimeout(c *server.ServerConfig, _ *directives.Cmd, a string) error {
	c.Timeout = directives.Given(time.Duration(atoi(a)) * time.Second)
	return nil
}

func setServerTokens(c *server.ServerConfig, _ *directives.Cmd, a string) error {
	t, ok := map[string]server.Tokens{"os": server.TokensOS, "min": server.TokensMinimal, "minimal": server.TokensMinimal,
		"major": server.TokensMajor, "minor": server.TokensMinor, "prod": server.TokensProductOnly,
		"productonly": server.TokensProductOnly, "full": server.TokensFull}[strings.ToLower(a)]
	if !ok {
		return errors.New("ServerTokens takes 1 argument: 'Prod(uctOnly)', 'Major', 'Minor', 'Min(imal)', 'OS', or 'Full'")
	}
	c.ServerTokens = t
	return nil
}

func setRecursion(c *server.ServerConfig, cmd *directives.Cmd, a, b string) error {
	n := atoi(a)
	if n <= 0 {
		return errors.New("The recursion limit must be greater than zero.")
	}
	if n < 4 {
		cmd.LogWarning("AH00119: Limiting internal redirects to very low numbers may cause normal requests to fail.")
	}
	c.RedirectLimit = directives.Given(n)
	if b != "" {
		if n = atoi(b); n <= 0 {
			return errors.New("The recursion limit must be greater than zero.")
		}
		if n < 4 {
			cmd.LogWarning("AH00120: Limiting the subrequest depth to a very low level may cause normal requests to fail.")
		}
	}
	c.SubreqLimit = directives.Given(n)
	return nil
}

func setTraceEnable(c *server.ServerConfig, _ *directives.Cmd, a string) error {
	t, ok := map[string]server.Trace{"on": server.TraceOn, "off": server.TraceOff, "extended": server.TraceExtended}[strings.ToLower(a)]
	if !ok {
		return errors.New("TraceEnable must be one of 'on', 'off', or 'extended'")
	}
	c.TraceEnable = directives.Given(t)
	return nil
}

func addProtocol(c *server.ServerConfig, cmd *directives.Cmd, a string) error {
	c.Protocols = append(c.Protocols, a)
	server.CoreDir.Edit(cmd).Protocols = true
	return nil
}

func setHonorOrder(c *server.ServerConfig, _ *directives.Cmd, a string) error {
	switch strings.ToLower(a) {
	case "on":
		c.ProtocolsHonorOrder = directives.Given(true)
	case "off":
		c.ProtocolsHonorOrder = directives.Given(false)
	default:
		return errors.New("ProtocolsHonorOrder must be 'on' or 'off'")
	}
	return nil
}

func setProtocolOptions(c *server.ServerConfig, _ *directives.Cmd, a string) error {
	set := func(o *directives.Opt[bool], v bool, names string) error {
		if had, ok := o.Get(); ok && had != v {
			return fmt.Errorf("HttpProtocolOptions %s are mutually exclusive", names)
		}
		*o = directives.Given(v)
		return nil
	}
	switch strings.ToLower(a) {
	case "allow0.9":
		return set(&c.HTTP09, true, "'Allow0.9' and 'Require1.0'")
	case "require1.0":
		return set(&c.HTTP09, false, "'Allow0.9' and 'Require1.0'")
	case "unsafe":
		return set(&c.Unsafe, true, "'Strict' and 'Unsafe'")
	case "strict":
		return set(&c.Unsafe, false, "'Strict' and 'Unsafe'")
	case "registeredmethods":
		return set(&c.RegisteredMethods, true, "'RegisteredMethods' and 'LenientMethods'")
	case "lenientmethods":
		return set(&c.RegisteredMethods, false, "'RegisteredMethods' and 'LenientMethods'")
	}
	return errors.New("HttpProtocolOptions accepts 'Unsafe' or 'Strict' (default), 'RegisteredMethods' or 'LenientMethods' (default), and 'Require1.0' or 'Allow0.9' (default)")
}

func registerMethod(_ *server.ServerConfig, _ *directives.Cmd, a string) error {
	server.RegisterMethod(a)
	return nil
}

// regexOptions are those of RegexDefaultOptions.
var regexOptions = map[string]pattern.Flags{"icase": pattern.FoldCase, "dotall": pattern.DotAll, "dollar_endonly": pattern.DollarEndOnly}

func setRegexDefaults(_ *server.ServerConfig, cmd *directives.Cmd, args string) error {
	flags := pattern.DefaultFlags()
	for _, w := range httpdconf.Words(args) {
		if strings.EqualFold(w, "none") {
			flags = 0
			continue
		}
		how := byte(0)
		if w != "" && (w[0] == '+' || w[0] == '-') {
			how, w = w[0], w[1:]
		}
		f, ok := regexOptions[strings.ToLower(w)]
		if !ok {
			return fmt.Errorf("%s: option '%s' unknown", cmd.Name, w)
		}
		switch how {
		case '+':
			flags |= f
		case '-':
			flags &^= f
		default:
			flags = f
		}
	}
	pattern.SetDefaultFlags(flags)
	return nil
}

func setFlushMaxThreshold(c *server.ServerConfig, _ *directives.Cmd, a string) error {
	n, err := strconv.ParseUint(a, 10, 32)
	if err != nil {
		return fmt.Errorf("parameter must be a number between 0 and (4294967295U)): %s", a)
	}
	c.FlushMaxThreshold = directives.Given(int(n))
	return nil
}

func setFlushMaxPipelined(c *server.ServerConfig, _ *directives.Cmd, a string) error {
	n, err := strconv.ParseInt(a, 10, 32)
	if err != nil || n < -1 {
		return fmt.Errorf("parameter must be a number between -1 and (2147483647): %s", a)
	}
	c.FlushMaxPipelined = directives.Given(int(n))
	return nil
}

func setProtocol(_ *server.ServerConfig, _ *directives.Cmd, _ string) error { return nil }

// setAcceptFilter takes any word for a filter, as Apache does: on Linux all but
// "none" mean that a connection is accepted when its first bytes have come.
func setAcceptFilter(c *server.ServerConfig, _ *directives.Cmd, protocol, filter string) error {
	c.AcceptFilters = directives.Overlay(c.AcceptFilters, map[string]string{strings.ToLower(protocol): strings.ToLower(filter)})
	return nil
}

func deprecated(_ *server.ServerConfig, cmd *directives.Cmd, _ string) error {
	return errors.New(cmd.Usage)
}

// nameVirtualHost warns of the first one only, as Apache does.
func nameVirtualHost(c *server.ServerConfig, cmd *directives.Cmd, _ string) error {
	if c.NameVirtualHost {
		return nil
	}
	c.NameVirtualHost = true
	cmd.Warn("AH00548: NameVirtualHost has no effect and will be removed in the next release %s:%d", cmd.Node.Pos.File, cmd.Node.Pos.Line)
	return nil
}

func ignored1(*server.ServerConfig, *directives.Cmd, string) error { return nil }

func setCoreDump(c *server.MPMConfig, cmd *directives.Cmd, a string) error {
	dir := cmd.ServerRootRelative(a)
	st, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("CoreDumpDirectory %s does not exist", dir)
	}
	if !st.IsDir() {
		return fmt.Errorf("CoreDumpDirectory %s is not a directory", dir)
	}
	c.CoreDumpDir, c.CoreDumpInJail = directives.Given(dir), cmd.InJail(dir)
	return nil
}

func setMaxMemFree(c *server.MPMConfig, _ *directives.Cmd, a string) error {
	n := atoi(a)
	if n < 0 {
		return errors.New("Invalid MaxMemFree value: " + a)
	}
	c.MaxMemFree = directives.Given(int64(n) * 1024)
	return nil
}
