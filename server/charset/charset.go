// Package charset finds character sets by the names that iconv knows them by,
// and translates text that comes in pieces.
package charset

import (
	"bytes"
	"fmt"
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/ianaindex"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// Find gives a character set, or an error for a name that is not known.
func Find(name string) (encoding.Encoding, error) {
	if e, err := ianaindex.IANA.Encoding(name); err == nil && e != nil {
		return e, nil
	}
	if e, err := htmlindex.Get(name); err == nil {
		return e, nil
	}
	return nil, fmt.Errorf("no character set %q", name)
}

// Text turns text of one character set into UTF-8, or the other way. What the
// other set has not is left out, as with iconv when the caller goes on behind it.
type Text struct {
	to   transform.Transformer
	part []byte // of a character whose end has not come
	enc  encoding.Encoding
	back bool // from UTF-8

	// Left counts the bytes that were left out.
	Left int
}

// ToUTF8 translates from the character set of that name.
func ToUTF8(name string) (*Text, error) {
	e, err := find(name)
	if err != nil {
		return nil, err
	}
	return &Text{to: e.NewDecoder(), enc: e}, nil
}

// FromUTF8 translates to the character set of that name.
func FromUTF8(name string) (*Text, error) {
	e, err := find(name)
	if err != nil {
		return nil, err
	}
	return &Text{to: e.NewEncoder(), enc: e, back: true}, nil
}

// find is Find, but for the standards' own reading of names that the Web gives
// another: ISO-8859-1 has no letters in 0x80 to 0x9F.
func find(name string) (encoding.Encoding, error) {
	name = strings.Map(func(c rune) rune {
		if strings.ContainsRune("-_./:+", c) || '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z' {
			return c
		}
		return -1 // iconv takes no notice of quotes
	}, name)
	switch strings.ToLower(name) {
	case "iso-8859-1", "latin1", "iso_8859-1", "l1":
		return charmap.ISO8859_1, nil
	}
	return Find(name)
}

// Convert translates p, which follows what was given before. The end of p may
// be kept until the rest of a character comes.
func (t *Text) Convert(p []byte) []byte {
	src := append(t.part, p...)
	if !t.back && t.enc == unicode.UTF8 {
		t.part = nil
		return src
	}
	var out []byte
	dst := make([]byte, 4096)
	for len(src) > 0 {
		nDst, nSrc, err := t.to.Transform(dst, src, false)
		out = append(out, dst[:nDst]...)
		src = src[nSrc:]
		switch {
		case err == transform.ErrShortSrc:
			t.part = bytes.Clone(src)
			return t.clean(out)
		case err == transform.ErrShortDst || err == nil:
		default: // the set has no such character: its bytes are left out one by one
			n := 1
			for n < len(src) && src[n]&0xC0 == 0x80 {
				n++
			}
			t.Left += n
			src = src[n:]
		}
	}
	t.part = nil
	return t.clean(out)
}

// clean leaves out what a decoder puts in the place of bytes that are nothing.
func (t *Text) clean(out []byte) []byte {
	const none = "\uFFFD"
	if t.back || !bytes.Contains(out, []byte(none)) {
		return out
	}
	t.Left += bytes.Count(out, []byte(none))
	return bytes.ReplaceAll(out, []byte(none), nil)
}
