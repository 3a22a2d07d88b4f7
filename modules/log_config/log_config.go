// Package log_config writes the access logs (mod_log_config). A LogFormat is
// compiled into a list of append functions when the configuration is read; a
// line is made in one pass and gathered in a buffer of the process, which is
// written at least once a second, in whole lines.
package log_config

import (
	"errors"
	"maps"
	"strings"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

var Module = server.Module{
	Name:   "log_config_module",
	Static: true,
	Directives: directives.Table{
		{Name: "CustomLog", In: directives.InServer,
			Usage: `a file name, a custom log format string or format name, and an optional "env=" or "expr=" clause (see docs)`,
			Reads: directives.BeforeJail, Set: slot.Take23((*config).customLog)},
		{Name: "GlobalLog", In: directives.InServer, Forbid: directives.GlobalOnly,
			Usage: "Same as CustomLog, but forces virtualhosts to inherit the log",
			Reads: directives.BeforeJail, Set: slot.Take23((*config).globalLog)},
		{Name: "TransferLog", In: directives.InServer, Usage: "the filename of the access log",
			Reads: directives.BeforeJail, Set: slot.Take1((*config).transferLog)},
		{Name: "LogFormat", In: directives.InServer, Usage: "a log format string (see docs) and an optional format name",
			Set: slot.Take12((*config).logFormat)},
		{Name: "BufferedLogs", In: directives.InServer, Usage: "Enable Buffered Logging (experimental)",
			NoOp: "access logs are always buffered, for at most one second",
			Set:  slot.Flag(func(c *config, on bool) { c.buffered = on })},
	},
	Hooks: []server.Hook{
		server.OpenLogs.Middle(openLogs),
		server.ChildInit.Last(startFlusher),
		server.ChildExit.Last(stopFlusher),
		server.LogTransaction.Middle(logTransaction).Plain(),
	},
	LogItems: items,
	Defaults: func(main *directives.Server) {
		c := slot.EditServer(main)
		c.formats = map[string]string{"clf": commonFormat}
	},
}

// commonFormat is the Common Log Format, the default and the nickname CLF.
const commonFormat = `%h %l %u %t "%r" %>s %b`

var slot = directives.NewServerSlot(merge)

// config is what one server says: its own logs, and what it has from the main server.
type config struct {
	formats  map[string]string // by nickname, in lower case
	fallback string            // LogFormat without nickname, for TransferLog
	logs     []*customLog
	main     []*customLog // of the main server, seen from a virtual host
	buffered bool
	flusher  *flusher // in the main server: writes all outputs once a second
}

// customLog is a CustomLog, GlobalLog or TransferLog.
type customLog struct {
	spec    string   // path or |program; "" logs nothing
	format  *program // nil: the server's fallback
	name    string   // as written: a format, or a nickname once all are known
	env     string   // env=NAME, env=!NAME
	expr    *server.Expr
	inherit bool // GlobalLog
	out     *output
}

// merge gives a virtual host the main server's logs, which it uses when it has
// none itself (merge_config_log_state).
func merge(base, add config) config {
	m := add
	m.main = base.logs
	m.formats = directives.Overlay(base.formats, add.formats)
	if m.fallback == "" {
		m.fallback = base.fallback
	}
	return m
}

func (c *config) customLog(cmd *directives.Cmd, file, format, clause string) error {
	l := &customLog{spec: spec(cmd, file)}
	if err := l.clause(cmd, clause); err != nil {
		return err
	}
	c.logs = append(c.logs, l)
	return l.setFormat(cmd, format)
}

func (c *config) globalLog(cmd *directives.Cmd, file, format, clause string) error {
	if err := c.customLog(cmd, file, format, clause); err != nil {
		return err
	}
	c.logs[len(c.logs)-1].inherit = true
	return nil
}

func (c *config) transferLog(cmd *directives.Cmd, file string) error {
	c.logs = append(c.logs, &customLog{spec: spec(cmd, file)})
	return nil
}

func (c *config) logFormat(cmd *directives.Cmd, format, name string) error {
	if _, err := parse(cmd, format); err != nil {
		return err
	}
	if name == "" {
		c.fallback = format
		return nil
	}
	c.formats = maps.Clone(c.formats)
	if c.formats == nil {
		c.formats = map[string]string{}
	}
	c.formats[server.LowerASCII(name)] = format
	return nil
}

// spec makes a path absolute; a program is left as it is.
func spec(cmd *directives.Cmd, file string) string {
	if strings.HasPrefix(file, "|") {
		return file
	}
	return cmd.ServerRootRelative(file)
}

func (l *customLog) clause(cmd *directives.Cmd, clause string) error {
	kind, arg, _ := strings.Cut(clause, "=")
	switch {
	case clause == "":
		return nil
	case strings.EqualFold(kind, "env") && strings.Contains(clause, "="):
		if arg == "" || arg == "!" {
			return errors.New("missing environment variable name")
		}
		l.env = arg
	case strings.EqualFold(kind, "expr") && strings.Contains(clause, "="):
		if arg == "" {
			return errors.New("missing condition")
		}
		e, err := server.CompileExpr(arg, server.ExprNoVary)
		if err != nil {
			return err
		}
		l.expr = e
	default:
		return errors.New("error in condition clause")
	}
	return nil
}

// setFormat compiles a format. A nickname may be given later in the text, so
// names are resolved when the logs are opened; a format without % is legal and
// only then known not to be a name.
func (l *customLog) setFormat(cmd *directives.Cmd, format string) error {
	p, err := parse(cmd, format)
	if err != nil {
		return err
	}
	l.name, l.format = format, p
	return nil
}

// openLogs opens every log of every server once, and resolves nicknames.
func openLogs(g *server.Generation) error {
	f := &flusher{}
	outs := map[string]*output{}
	for _, v := range g.Servers() {
		c := slot.EditServer(v)
		for _, l := range c.logs {
			if err := c.resolve(g, l); err != nil {
				return err
			}
			if l.spec == "" || l.out != nil {
				continue
			}
			o := outs[l.spec]
			if o == nil {
				w, err := g.Logs.OpenLog(l.spec)
				if err != nil {
					return err
				}
				o = newOutput(l.spec, w, g.Logs.LogBuffer(l.spec), strings.HasPrefix(l.spec, "|"))
				outs[l.spec] = o
				f.outs = append(f.outs, o)
			}
			l.out = o
		}
	}
	for _, o := range f.outs {
		o.flusher = f
	}
	slot.EditServer(g.Config.Main).flusher = f
	return nil
}

// resolve replaces a nickname, or the absent format, by the format it stands for.
func (c *config) resolve(g *server.Generation, l *customLog) error {
	text, named := c.formats[server.LowerASCII(l.name)]
	switch {
	case l.name == "":
		if text = c.fallback; text == "" {
			text = commonFormat
		}
	case !named:
		return nil
	}
	p, err := parseFor(g.Modules, text)
	if err != nil {
		return err
	}
	l.format = p
	return nil
}

// logTransaction writes the request's lines: the virtual host's own logs, and
// the main server's where the host has none or the log is global.
func logTransaction(r *server.Request) server.Status {
	c := slot.Of(r.Server)
	for _, l := range c.logs {
		l.write(r)
	}
	for _, l := range c.main {
		if l.inherit || len(c.logs) == 0 {
			l.write(r)
		}
	}
	return server.OK
}

func (l *customLog) write(r *server.Request) {
	if l.out == nil || l.format == nil {
		return
	}
	if l.env != "" {
		name, not := strings.CutPrefix(l.env, "!")
		if r.Env.Has(name) == not {
			return
		}
	}
	if l.expr != nil {
		ok, err := l.expr.Bool(r)
		if err != nil {
			elog.Warn(r).Msgf("AH00644: Error evaluating log condition: %s", err)
		}
		if !ok {
			return
		}
	}
	l.out.line(func(b []byte) []byte { return l.format.append(b, r) })
}

var elog = server.NewLog("log_config")
