package mime_magic

import (
	"bytes"
	"strings"
)

// tellingSize is how much of a file is searched for telling words.
const tellingSize = 1024

// telling are words that only stand in texts of one type.
var telling = func() map[string]string {
	m := map[string]string{}
	for mediaType, list := range map[string]string{
		"text/html": "<html> <HTML> <head> <HEAD> <title> <TITLE> <h1> <H1> <!--",
		"text/plain": "/* #include char The the double extern float real struct union CFLAGS LDFLAGS all: .PRECIOUS " +
			".ascii .asciiz .byte .even .globl clr (input, dcl",
		"message/rfc822": "Received: >From Return-Path: Cc:",
		"message/news":   "Newsgroups: Path: Organization:",
	} {
		for w := range strings.FieldsSeq(list) {
			m[w] = mediaType
		}
	}
	return m
}()

// textType recognizes troff, Fortran, texts by telling words, and tar archives
// (ascmagic); head ends in a zero.
func textType(head []byte) words {
	at := func(i int) byte {
		if i < len(head) {
			return head[i]
		}
		return 0
	}
	space := func(c byte) bool { return strings.IndexByte(blank, c) >= 0 }
	if at(0) == '.' {
		i := 1
		for space(at(i)) {
			i++
		}
		if (alphanumeric(at(i)) || at(i) == '\\') && (alphanumeric(at(i+1)) || at(i) == '"') {
			return words{"application/x-troff"}
		}
	}
	if (at(0) == 'c' || at(0) == 'C') && space(at(1)) {
		return words{"text/plain"}
	}
	start := head[:min(len(head), tellingSize)]
	escapes := bytes.IndexByte(start, 0x1b) >= 0
	text, _, _ := bytes.Cut(start, []byte{0})
	for w := range bytes.FieldsFuncSeq(text, func(c rune) bool { return strings.ContainsRune(" \t\n\r\f", c) }) {
		if t, ok := telling[string(w)]; ok {
			if escapes {
				return words{t, " (with escape sequences)"}
			}
			return words{t}
		}
	}
	if isTar(head) {
		return words{"application/x-tar"}
	}
	return nil
}

func alphanumeric(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// isTar tells whether the first record is the head of a tar archive: its
// checksum is right when its own field is taken for blanks.
func isTar(head []byte) bool {
	const size, from, to = 512, 148, 156
	if len(head) < size {
		return false
	}
	sum := 0
	for i, c := range head[:size] {
		if i >= from && i < to {
			c = ' '
		}
		sum += int(c)
	}
	field := bytes.TrimLeft(head[from:to], blank)
	value, i := 0, 0
	for i < len(field) && field[i] >= '0' && field[i] <= '7' {
		value = value<<3 | int(field[i]-'0')
		i++
	}
	if len(field) == 0 || i < len(field) && field[i] != 0 && strings.IndexByte(blank, field[i]) < 0 {
		return false
	}
	return sum == value
}
