package core

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/httpdconf"
	"github.com/donjon-httpd/donjon/server"
)

// Setters of what may differ per directory.

// atoi reads a number from the start of s, 0 without one, as C does: of what
// does not fit the low 32 bits are taken.
func atoi(s string) int {
	s = strings.TrimLeft(s, " \t")
	end := 0
	for end < len(s) && (s[end] >= '0' && s[end] <= '9' || end == 0 && (s[0] == '-' || s[0] == '+')) {
		end++
	}
	n, _ := strconv.ParseInt(s[:end], 10, 64) // out of range is the nearest, as strtol's
	return int(int32(n))
}

func onOff(set func(*server.DirConfig, bool)) func(*server.DirConfig, *directives.Cmd, string) error {
	return func(c *server.DirConfig, _ *directives.Cmd, a string) error {
		switch strings.ToLower(a) {
		case "on":
			set(c, true)
		case "off":
			set(c, false)
		default:
			return errors.New("parameter must be 'on' or 'off'")
		}
		return nil
	}
}

func useless(cmd *directives.Cmd, format string, args ...any) {
	if cmd.Check(directives.NotInLocation|directives.NotInFiles) != nil {
		cmd.LogWarning(format, args...)
	}
}

func setAllowOverride(c *server.DirConfig, cmd *directives.Cmd, args string) error {
	useless(cmd, "AH00114: Useless use of AllowOverride in line %d of %s.", cmd.Node.Pos.Line, cmd.Node.Pos.File)
	o := directives.None
	for _, w := range httpdconf.Words(args) {
		k, v, given := strings.Cut(w, "=")
		switch strings.ToLower(k) {
		case "limit":
			o |= directives.Limit
		case "options":
			o |= directives.Options
			opts := server.OptAll | server.OptSymOwner | server.OptMultiViews
			if given {
				var err error
				if opts, err = overrideOptions(v); err != nil {
					return err
				}
			}
			c.OverrideOpts = directives.Given(opts)
		case "fileinfo":
			o |= directives.FileInfo
		case "authconfig":
			o |= directives.AuthConfig
		case "indexes":
			o |= directives.Indexes
		case "nonfatal":
			switch strings.ToLower(v) {
			case "override":
				o |= directives.NonfatalOverride
			case "unknown":
				o |= directives.NonfatalUnknown
			case "all":
				o |= directives.NonfatalOverride | directives.NonfatalUnknown
			case "":
				if !given {
					return fmt.Errorf("=Override, =Unknown or =All expected after %s", w)
				}
			}
		case "none":
			o = directives.None
		case "all":
			o = directives.All
		default:
			return fmt.Errorf("Illegal override option %s", k)
		}
	}
	c.Override = directives.Given(o)
	return nil
}

var optionNames = map[string]server.Options{
	"indexes": server.OptIndexes, "includes": server.OptIncludes | server.OptIncludesWithExec, "includesnoexec": server.OptIncludes,
	"followsymlinks": server.OptSymLinks, "symlinksifownermatch": server.OptSymOwner, "execcgi": server.OptExecCGI,
	"multiviews": server.OptMultiViews, "runscripts": server.OptMultiViews | server.OptExecCGI,
}

// overrideOptions reads AllowOverride Options=a,b.
func overrideOptions(list string) (server.Options, error) {
	opts := server.OptNone
	for w := range strings.SplitSeq(list, ",") {
		switch o, known := optionNames[strings.ToLower(w)]; {
		case known:
			opts |= o
		case strings.EqualFold(w, "None"):
			opts = server.OptNone
		case strings.EqualFold(w, "All"):
			opts = server.OptAll
		case w != "":
			return 0, fmt.Errorf("Illegal option %s", w)
		}
	}
	return opts, nil
}

func setAllowOverrideList(c *server.DirConfig, cmd *directives.Cmd, names []string) error {
	useless(cmd, "AH00115: Useless use of AllowOverrideList at %s:%d", cmd.Node.Pos.File, cmd.Node.Pos.Line)
	c.OverrideList = map[string]bool{}
	for _, n := range names {
		if strings.EqualFold(n, "none") {
			if len(names) != 1 {
				return errors.New("'None' not allowed with other directives in AllowOverrideList")
			}
			return nil
		}
		rows := cmd.Lookup(n)
		switch {
		case len(rows) == 0:
			cmd.LogWarning("AH00116: Discarding unrecognized directive `%s' in AllowOverrideList at %s:%d", n, cmd.Node.Pos.File, cmd.Node.Pos.Line)
		case rows[0].In&(directives.All|directives.InDir) == 0:
			cmd.LogWarning("AH02304: Discarding directive `%s' not allowed in AllowOverrideList at %s:%d", n, cmd.Node.Pos.File, cmd.Node.Pos.Line)
		default:
			c.OverrideList[strings.ToLower(n)] = true
		}
	}
	return nil
}

func setOptions(c *server.DirConfig, cmd *directives.Cmd, args string) error {
	const mixed = "Either all Options must start with + or -, or no Option may."
	allowed := server.Options(0xffff)
	if cmd.Htaccess {
		allowed = server.Options(cmd.OverrideOpts)
	}
	first, relative, allNone := true, false, false
	absolute := server.OptNone
	for _, w := range httpdconf.Words(args) {
		action := byte(0)
		if w != "" && (w[0] == '+' || w[0] == '-') {
			action, w = w[0], w[1:]
			if !relative && !first && !allNone {
				return errors.New(mixed)
			}
			relative = true
		} else if !first && relative {
			return errors.New(mixed)
		}
		o, known := optionNames[strings.ToLower(w)]
		switch {
		case known:
		case strings.EqualFold(w, "None"), strings.EqualFold(w, "All"):
			all := strings.EqualFold(w, "All")
			name := map[bool]string{true: "All", false: "None"}[all]
			if !first {
				if all {
					return errors.New("'Options All' must be the first option given.")
				}
				return errors.New("'Options None' must be the first Option given.")
			}
			if relative {
				return fmt.Errorf("You may not use 'Options +%s' or 'Options -%s'.", name, name)
			}
			allNone = true
			if all {
				o = server.OptAll
			}
		default:
			return fmt.Errorf("Illegal option %s", w)
		}
		if allowed&o != o {
			return fmt.Errorf("Option %s not allowed here", w)
		}
		if first && action == 0 {
			c.Options, c.OptionsAdd, c.OptionsRemove = directives.Given(server.OptNone), 0, 0
		}
		switch action {
		case '+':
			c.OptionsAdd |= o
			c.OptionsRemove &^= o
		case '-':
			c.OptionsRemove |= o
			c.OptionsAdd &^= o
		default:
			absolute |= o
		}
		if v, ok := c.Options.Get(); ok {
			c.Options = directives.Given((v | absolute | c.OptionsAdd) &^ c.OptionsRemove)
		}
		first = false
	}
	return nil
}

func setErrorDocument(c *server.DirConfig, cmd *directives.Cmd, code, msg string) error {
	n := atoi(code)
	if n != 500 && server.StatusText(n) == server.StatusText(500) {
		return fmt.Errorf("Unsupported HTTP response code %s", code)
	}
	var d server.ErrorDocument
	switch {
	case strings.EqualFold(msg, "default"):
		d.Default = true
	case strings.Contains(msg, " "):
		d.Text = msg
	case strings.HasPrefix(msg, "/"):
		d.Path = msg
	case isURL(msg):
		if n == 401 {
			cmd.LogAs("notice", "AH00113: %s:%d cannot use a full URL in a 401 ErrorDocument directive --- ignoring!", cmd.Node.Pos.File, cmd.Node.Pos.Line)
			return nil
		}
		d.URL = msg
	default:
		d.Text = msg
	}
	if !d.Default {
		e, err := server.CompileExprFor(cmd, msg, server.ExprString)
		if err != nil {
			return fmt.Errorf("Cannot parse expression in ErrorDocument: %w", err)
		}
		if text, constant := e.Constant(); !constant {
			d.Expr = e
		} else if d.Text != "" {
			d.Text = text
		}
	}
	c.ErrorDocuments = directives.Overlay(c.ErrorDocuments, map[int]server.ErrorDocument{n: d})
	return nil
}

// isURL tells whether s starts with a scheme (ap_is_url).
func isURL(s string) bool {
	i := strings.Index(s, ":/")
	if i <= 0 {
		return false
	}
	for _, r := range s[:i] {
		if !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("+-.", r)) {
			return false
		}
	}
	return true
}

func setFileETag(c *server.DirConfig, cmd *directives.Cmd, args string) error {
	const all = server.ETagMTime | server.ETagINode | server.ETagSize
	bits := map[string]server.ETagBits{"size": server.ETagSize, "mtime": server.ETagMTime, "lmtime": server.ETagMTime,
		"lastmodified": server.ETagMTime, "inode": server.ETagINode, "digest": server.ETagDigest}
	first := true
	for _, w := range httpdconf.Words(args) {
		action := byte('*')
		if w != "" && (w[0] == '+' || w[0] == '-') {
			action, w = w[0], w[1:]
		} else if first {
			c.ETag, c.ETagAdd, c.ETagRemove = directives.Opt[server.ETagBits]{}, 0, 0
			first = false
		}
		bit, known := bits[strings.ToLower(w)]
		if !known {
			switch strings.ToLower(w) {
			case "none":
				bit = server.ETagNone
			case "all":
				bit = all
			default:
				return fmt.Errorf("Unknown keyword '%s' for %s directive", w, cmd.Name)
			}
			if action != '*' {
				return fmt.Errorf("%s keyword '%s' cannot be used with '+' or '-'", cmd.Name, w)
			}
			c.ETag = directives.Given(bit)
			continue
		}
		switch action {
		case '+':
			c.ETagAdd |= bit
			c.ETagRemove &^= bit
		case '-':
			c.ETagRemove |= bit
			c.ETagAdd &^= bit
		default:
			c.ETag = directives.Given(c.ETag.Else(0)&^server.ETagNone | bit)
		}
	}
	return nil
}

func setDefaultCharset(c *server.DirConfig, _ *directives.Cmd, a string) error {
	switch strings.ToLower(a) {
	case "off":
		a = ""
	case "on":
		a = "iso-8859-1"
	}
	c.AddDefaultCharset = directives.Given(a)
	return nil
}

func setAcceptPathInfo(c *server.DirConfig, _ *directives.Cmd, a string) error {
	v, ok := map[string]server.AcceptPathInfo{"on": server.PathInfoOn, "off": server.PathInfoOff, "default": server.PathInfoDefault}[strings.ToLower(a)]
	if !ok {
		return errors.New("AcceptPathInfo must be set to on, off or default")
	}
	c.AcceptPathInfo = directives.Given(v)
	return nil
}

func setDefaultType(_ *server.DirConfig, cmd *directives.Cmd, a string) error {
	if !strings.EqualFold(a, "off") && !strings.EqualFold(a, "none") {
		cmd.LogWarning("AH00117: Ignoring deprecated use of DefaultType in line %d of %s.", cmd.Node.Pos.Line, cmd.Node.Pos.File)
	}
	return nil
}

func setReadBufferSize(c *server.DirConfig, _ *directives.Cmd, a string) error {
	n, err := strconv.ParseUint(a, 10, 32)
	if err != nil {
		return fmt.Errorf("parameter must be a number between 0 and (4294967295U)): %s", a)
	}
	c.ReadBufferSize = directives.Given(int(n))
	return nil
}

func setHostnameLookups(c *server.DirConfig, _ *directives.Cmd, a string) error {
	v, ok := map[string]server.HostnameLookups{"on": server.LookupsOn, "off": server.LookupsOff, "double": server.LookupsDouble}[strings.ToLower(a)]
	if !ok {
		return errors.New("parameter must be 'on', 'off', or 'double'")
	}
	c.HostnameLookups = directives.Given(v)
	return nil
}

func setServerSignature(c *server.DirConfig, _ *directives.Cmd, a string) error {
	v, ok := map[string]server.Signature{"on": server.SignatureOn, "off": server.SignatureOff, "email": server.SignatureEmail}[strings.ToLower(a)]
	if !ok {
		return errors.New("ServerSignature: use one of: off | on | email")
	}
	c.ServerSignature = directives.Given(v)
	return nil
}

func setUseCanonicalName(c *server.DirConfig, _ *directives.Cmd, a string) error {
	v, ok := map[string]server.CanonicalName{"on": server.CanonicalOn, "off": server.CanonicalOff, "dns": server.CanonicalDNS}[strings.ToLower(a)]
	if !ok {
		return errors.New("parameter must be 'on', 'off', or 'dns'")
	}
	c.UseCanonicalName = directives.Given(v)
	return nil
}

func setLimitRequestBody(c *server.DirConfig, _ *directives.Cmd, a string) error {
	n, err := strconv.ParseInt(a, 10, 64)
	switch {
	case errors.Is(err, strconv.ErrRange):
		return errors.New("LimitRequestBody argument is not parsable.")
	case err != nil || n < 0:
		return errors.New("LimitRequestBody requires a non-negative integer.")
	}
	c.LimitRequestBody = directives.Given(n)
	return nil
}

func setLimitXML(c *server.DirConfig, _ *directives.Cmd, a string) error {
	const most = 3074457345618258601 // so that thrice of it can be allocated (observed on 2.4.71)
	n, err := strconv.ParseInt(a, 10, 64)
	switch {
	case n > most:
		return fmt.Errorf("LimitXMLRequestBody must not exceed %d", int64(most))
	case err != nil:
		n = int64(atoi(a))
	}
	if n < 0 {
		return errors.New("LimitXMLRequestBody requires a non-negative integer.")
	}
	c.LimitXMLRequestBody = directives.Given(n)
	return nil
}

func rangeLimit(set func(*server.DirConfig, int)) func(*server.DirConfig, *directives.Cmd, string) error {
	return func(c *server.DirConfig, cmd *directives.Cmd, a string) error {
		switch strings.ToLower(a) {
		case "none":
			set(c, 0)
		case "unlimited":
			set(c, -1)
		case "default":
			set(c, map[string]int{"MaxRanges": 200, "MaxRangeOverlaps": 20, "MaxRangeReversals": 20}[cmd.Name])
		default:
			n := atoi(a)
			if n <= 0 {
				return fmt.Errorf("%s requires 'none', 'default', 'unlimited' or a positive integer", cmd.Name)
			}
			set(c, n)
		}
		return nil
	}
}

func resourceLimit(set func(*server.DirConfig, server.RLimit)) func(*server.DirConfig, *directives.Cmd, string, string) error {
	return func(c *server.DirConfig, cmd *directives.Cmd, soft, hard string) error {
		value := func(s string) int64 {
			if strings.EqualFold(s, "max") {
				return -1
			}
			n, _ := strconv.ParseInt(strings.TrimLeft(s, " \t"), 10, 64)
			return n
		}
		l := server.RLimit{Soft: value(soft)}
		if hard != "" {
			l.Hard = value(hard)
		}
		set(c, l)
		return nil
	}
}

func setCGIVar(c *server.DirConfig, _ *directives.Cmd, name, rule string) error {
	if name != "REQUEST_URI" {
		return fmt.Errorf("Unrecognized CGI variable: \"%s\"", name)
	}
	rule = strings.ToLower(rule)
	if rule != "current-uri" && rule != "original-uri" {
		return errors.New("Valid rules for REQUEST_URI are 'current-uri' and 'original-uri'")
	}
	c.CGIVars = directives.Overlay(c.CGIVars, map[string]string{name: rule})
	return nil
}

func setForceType(c *server.DirConfig, _ *directives.Cmd, a string) error {
	c.ForceType = directives.Given(strings.ToLower(a))
	return nil
}

func setHandler(c *server.DirConfig, cmd *directives.Cmd, a string) error {
	if strings.Contains(a, "%{") {
		e, err := server.CompileExprFor(cmd, a, server.ExprString)
		if err != nil {
			return fmt.Errorf("Can't parse expression : %w", err)
		}
		c.SetHandlerExpr, c.SetHandler = e, directives.Opt[string]{}
		return nil
	}
	if !strings.HasPrefix(a, "proxy:unix") { // the path of a socket keeps its case, as in Apache
		a = strings.ToLower(a)
	}
	c.SetHandler, c.SetHandlerExpr = directives.Given(a), nil
	return nil
}

func filterNames(a string) []string {
	return slices.DeleteFunc(strings.Split(a, ";"), func(s string) bool { return s == "" })
}

func setEncodedSlashes(c *server.DirConfig, cmd *directives.Cmd, a string) error {
	switch strings.ToLower(a) {
	case "on":
		c.AllowEncodedSlashes, c.DecodeEncodedSlashes = true, true
	case "off":
		c.AllowEncodedSlashes, c.DecodeEncodedSlashes = false, false
	case "nodecode":
		c.AllowEncodedSlashes, c.DecodeEncodedSlashes = true, false
	default:
		return fmt.Errorf("%s must be On, Off, or NoDecode", cmd.Name)
	}
	return nil
}

// setLogLevel is LogLevel, of a directory inside sections, else of the server.
func setLogLevel(c *server.DirConfig, cmd *directives.Cmd, a string) error {
	at := &c.LogLevel
	if !cmd.InSection() {
		at = &server.CoreServer.Edit(cmd).LogLevel
	}
	if *at == nil {
		*at = &server.LogLevels{}
	}
	name, level, isModule := cutLast(a, ':')
	if !isModule {
		l, ok := server.ParseLevel(a)
		if !ok {
			return fmt.Errorf("%s", levelError)
		}
		(*at).Default, (*at).Modules = directives.Given(l), nil
		return nil
	}
	if level == "" {
		return fmt.Errorf("Module specifier '%s' must be followed by a log level keyword", name)
	}
	l, ok := server.ParseLevel(level)
	if !ok {
		return fmt.Errorf("%s:%s: %s", name, level, levelError)
	}
	short := moduleName(cmd, name)
	if short == "" {
		return fmt.Errorf("Cannot find module %s", name)
	}
	(*at).Modules = directives.Overlay((*at).Modules, map[string]server.Level{short: l})
	return nil
}

const levelError = "Log level keyword must be one of emerg/alert/crit/error/warn/notice/info/debug/trace1/.../trace8"

func cutLast(s string, c byte) (before, after string, found bool) {
	if i := strings.LastIndexByte(s, c); i >= 0 {
		return s[:i], s[i+1:], true
	}
	return s, "", false
}

// moduleName finds an active module by identifier, short name or source name.
func moduleName(cmd *directives.Cmd, name string) string {
	for _, m := range server.ActiveModules(cmd) {
		short := strings.TrimSuffix(m.Name, "_module")
		if name == m.Name || name == short || name == m.SourceName() {
			return short
		}
	}
	return ""
}
