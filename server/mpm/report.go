package mpm

import (
	"github.com/donjon-httpd/donjon/httpdconf"
	"github.com/donjon-httpd/donjon/server"
)

// Sentence is a diagnostic as Apache prints it. What it finds while it reads
// starts with the program's name, what it finds later with a number.
func Sentence(d httpdconf.Diagnostic, program string) string {
	if d.Code != "" || d.Severity != httpdconf.Error {
		return d.String()
	}
	return program + ": " + d.String()
}

// logOf is the log of the module whose message a diagnostic is.
func logOf(d httpdconf.Diagnostic) *server.Log {
	if d.Module != "" {
		return server.NewLog(d.Module)
	}
	return corelog
}

func levelOf(d httpdconf.Diagnostic) server.Level {
	if d.Severity == httpdconf.Error {
		return server.LevelError
	}
	if level, ok := server.ParseLevel(d.Level); ok {
		return level
	}
	return server.LevelWarn
}
