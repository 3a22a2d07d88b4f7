package server

import (
	"fmt"
	"maps"
	"time"

	"github.com/donjon-httpd/donjon/directives"
)

// Level is a severity of the error log; larger is more talkative.
type Level int8

const (
	LevelEmerg Level = iota
	LevelAlert
	LevelCrit
	LevelError
	LevelWarn
	LevelNotice
	LevelInfo
	LevelDebug
	LevelTrace1
	LevelTrace2
	LevelTrace3
	LevelTrace4
	LevelTrace5
	LevelTrace6
	LevelTrace7
	LevelTrace8

	DefaultLevel = LevelWarn
)

// LogLevels is a LogLevel directive: a default and modules that differ from it.
type LogLevels struct {
	Default directives.Opt[Level]
	Modules map[string]Level // by short name: "core", "ssl"
}

// Merge lays add over l; either may be nil.
func (l *LogLevels) Merge(add *LogLevels) *LogLevels {
	if l == nil {
		return add
	}
	if add == nil {
		return l
	}
	m := &LogLevels{Default: add.Default.Or(l.Default)}
	// A new default resets the levels of modules, as ap_merge_log_config does
	// only when the new one names none.
	m.Modules = directives.Overlay(l.Modules, maps.Clone(add.Modules))
	return m
}

// Of is the level for a module.
func (l *LogLevels) Of(module string) Level {
	if l == nil {
		return DefaultLevel
	}
	if v, ok := l.Modules[module]; ok {
		return v
	}
	return l.Default.Else(DefaultLevel)
}

// Log is a module's handle on the error log.
type Log struct{ module string }

// NewLog makes the handle of a module, by its short name: "core", "alias".
func NewLog(module string) *Log { return &Log{module} }

// Subject is what a line of the error log is about: a *Request, a *Conn, a
// [ServerSubject], or nil for the process.
type Subject interface {
	logLevels() *LogLevels
	// logParties are what the line is about; only the generation and the server
	// are always there.
	logParties() (*Generation, *directives.Server, *Conn, *Request)
}

// Event is a line of the error log being made. It is nil below the LogLevel;
// all its methods accept that.
type Event struct {
	log    *ErrorLog
	conf   *ServerConfig // of the server whose log it is; nil before one is known
	level  Level         // -1 in a line that is written once for a connection or a request
	module string
	err    error
	at     time.Time
	file   string // where the line comes from, when somebody wants to know
	line   int

	s *directives.Server
	c *Conn
	r *Request
}

// From says that the line comes from a place in a script of the server's, where lines show
// where they come from.
func (e *Event) From(file string, line int) *Event {
	if e != nil && e.file != "" {
		e.file, e.line = file, line
	}
	return e
}

// Err adds the cause: an errno is shown as Apache does, "(13)Permission denied: ".
func (e *Event) Err(err error) *Event {
	if e != nil {
		e.err = err
	}
	return e
}

// Msg writes the line.
func (e *Event) Msg(text string) {
	if e != nil {
		e.log.write(e, text)
	}
}

// Msgf writes the line.
func (e *Event) Msgf(format string, args ...any) {
	if e != nil {
		e.log.write(e, fmt.Sprintf(format, args...))
	}
}

func (l *Log) Emerg(s Subject) *Event  { return l.At(LevelEmerg, s) }
func (l *Log) Alert(s Subject) *Event  { return l.At(LevelAlert, s) }
func (l *Log) Crit(s Subject) *Event   { return l.At(LevelCrit, s) }
func (l *Log) Error(s Subject) *Event  { return l.At(LevelError, s) }
func (l *Log) Warn(s Subject) *Event   { return l.At(LevelWarn, s) }
func (l *Log) Notice(s Subject) *Event { return l.At(LevelNotice, s) }
func (l *Log) Info(s Subject) *Event   { return l.At(LevelInfo, s) }
func (l *Log) Debug(s Subject) *Event  { return l.At(LevelDebug, s) }

// Trace is trace1 to trace8.
func (l *Log) Trace(n int, s Subject) *Event { return l.At(LevelDebug+Level(n), s) }

func (r *Request) logLevels() *LogLevels {
	if l := CoreDir.Of(r.Dir).LogLevel; l != nil {
		return l
	}
	return CoreServer.Of(r.Server).LogLevel
}

func (r *Request) logParties() (*Generation, *directives.Server, *Conn, *Request) {
	return r.Gen, r.Server, r.Conn, r
}

// first is the request that a subrequest belongs to, else the request itself:
// both have one log id.
func (r *Request) first() *Request {
	if r.Main != nil {
		return r.Main
	}
	return r
}

func (c *Conn) logLevels() *LogLevels { return CoreServer.Of(c.Server).LogLevel }

func (c *Conn) logParties() (*Generation, *directives.Server, *Conn, *Request) {
	return c.Gen, c.Server, c, nil
}
