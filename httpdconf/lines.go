package httpdconf

import (
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/participle/v2"
	"github.com/alecthomas/participle/v2/lexer"
)

// A configuration text is a list of logical lines: this file is its grammar.
// What a line means can only be known when the ones before it have been
// executed (a variable may hold the name of a directive, a false <IfModule>
// may hide anything), so sections are nested by the reader, not here. The
// rule for all lines is one Parseable: with a token captured by reflection for
// each of 75,000 lines, reading took twice as long.

// line is a logical line: continuations joined, white space around it gone.
type line struct {
	text   string
	number int // of its last physical line
	column int // of its first character
}

// maxLine is the longest logical line of a server's file in bytes
// (VARBUF_MAX_LEN), and maxHtaccessLine of a .htaccess file (HUGE_STRING_LEN).
const (
	maxLine         = 16 << 20
	maxHtaccessLine = 8192
)

type document struct {
	Lines *allLines `parser:"@@"`
}

type allLines struct{ list lineList }

type lineList []line

var _ participle.Parseable = (*allLines)(nil)

// Parse takes every line token.
func (l *allLines) Parse(lex *lexer.PeekingLexer) error {
	for {
		t := lex.Peek()
		if t.EOF() {
			return nil
		}
		lex.Next()
		l.list = append(l.list, line{t.Value, t.Pos.Line, t.Pos.Column})
	}
}

const tokenLine lexer.TokenType = -2

// lineLexer makes a token of each logical line that is neither empty nor a
// comment.
type lineLexer struct{ max int }

var (
	_ lexer.Definition       = lineLexer{}
	_ lexer.StringDefinition = lineLexer{}
)

func (lineLexer) Symbols() map[string]lexer.TokenType {
	return map[string]lexer.TokenType{"EOF": lexer.EOF, "Line": tokenLine}
}

func (d lineLexer) Lex(name string, r io.Reader) (lexer.Lexer, error) {
	b, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	return d.LexString(name, string(b))
}

func (d lineLexer) LexString(_, text string) (lexer.Lexer, error) {
	return &lineScanner{rest: strings.TrimPrefix(text, "\ufeff"), max: d.max}, nil
}

type lineScanner struct {
	rest   string
	number int
	max    int
}

// tooLong is where a line exceeds the limit.
type tooLong struct{ line int }

func (e *tooLong) Error() string { return fmt.Sprintf("line %d is too long", e.line) }

func (s *lineScanner) Next() (lexer.Token, error) {
	for s.rest != "" {
		text, err := s.logical()
		if err != nil {
			return lexer.Token{}, err
		}
		column := 1
		for column <= len(text) && isSpace(text[column-1]) {
			column++
		}
		text = trimSpace(text)
		if text == "" || text[0] == '#' {
			continue
		}
		return lexer.Token{Type: tokenLine, Value: text, Pos: lexer.Position{Line: s.number, Column: column}}, nil
	}
	return lexer.EOFToken(lexer.Position{Line: s.number}), nil
}

// logical reads one line and those that continue it: a line that ends in a
// backslash, also a comment. A NUL ends the line's text, as in C.
func (s *lineScanner) logical() (string, error) {
	text, more := s.physical()
	if more {
		var b strings.Builder
		b.WriteString(text)
		for more && s.rest != "" {
			text, more = s.physical()
			b.WriteString(text)
			if b.Len() > s.max {
				break
			}
		}
		text = b.String()
	}
	if len(text) > s.max {
		return "", &tooLong{s.number}
	}
	return text, nil
}

// physical reads up to a newline. more: the line goes on in the next one.
func (s *lineScanner) physical() (text string, more bool) {
	s.number++
	i := strings.IndexByte(s.rest, '\n')
	if i < 0 {
		text, s.rest = s.rest, ""
		return untilNUL(text), false
	}
	text, s.rest = s.rest[:i], s.rest[i+1:]
	text = untilNUL(text)
	end := strings.TrimSuffix(text, "\r")
	if strings.HasSuffix(end, `\`) {
		return end[:len(end)-1], true
	}
	return text, false
}

func untilNUL(s string) string {
	if i := strings.IndexByte(s, 0); i >= 0 {
		return s[:i]
	}
	return s
}

var (
	serverLines   = participle.MustBuild[document](participle.Lexer(lineLexer{maxLine}))
	htaccessLines = participle.MustBuild[document](participle.Lexer(lineLexer{maxHtaccessLine}))
)
