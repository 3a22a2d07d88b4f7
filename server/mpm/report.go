package mpm

import (
	"fmt"

	"github.com/donjon-httpd/donjon/httpdconf"
	"github.com/donjon-httpd/donjon/server"
)

// Sentence is a diagnostic in Apache's words, on one or two lines.
func Sentence(d httpdconf.Diagnostic, program string) string {
	code := ""
	if d.Code != "" {
		code = d.Code + ": "
	}
	if d.Pos.File == "" {
		return code + d.Summary
	}
	if d.Code == "AH00526" {
		return fmt.Sprintf("%sSyntax error on line %d of %s:\n%s", code, d.Pos.Line, d.Pos.File, d.Summary)
	}
	return fmt.Sprintf("%s: Syntax error on line %d of %s: %s", program, d.Pos.Line, d.Pos.File, d.Summary)
}

func levelOf(d httpdconf.Diagnostic) server.Level {
	if d.Severity == httpdconf.Error {
		return server.LevelError
	}
	return server.LevelWarn
}
