package main

import (
	"os"
	"strings"

	"github.com/donjon-httpd/donjon/httpdconf"
)

// sourceLine is the line of the file that a position names. A position inside
// a macro names no file.
func sourceLine(p httpdconf.Pos) (string, bool) {
	text, err := os.ReadFile(p.File)
	if err != nil || p.Line < 1 {
		return "", false
	}
	lines := strings.Split(string(text), "\n")
	if p.Line > len(lines) {
		return "", false
	}
	return strings.TrimSuffix(lines[p.Line-1], "\r"), true
}

// indent is the white space before a column, with the tabs of the line itself.
func indent(line string, column int) string {
	n := min(max(column-1, 0), len(line))
	return strings.Map(func(r rune) rune {
		if r == '\t' {
			return r
		}
		return ' '
	}, line[:n])
}
