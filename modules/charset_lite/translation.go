package charset_lite

import (
	"bytes"
	"errors"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"

	"github.com/donjon-httpd/donjon/server/charset"
)

// translation is text on its way from one character set to another.
type translation struct {
	decode  transform.Transformer
	encode  transform.Transformer
	unicode bool   // decode only looks whether it is UTF-8
	part    []byte // of a character whose end has not come
	single  bool   // each byte of either set is a character of the other
}

var errInput = errors.New("an input character was invalid")

// newTranslation fails for a name that no library knows.
func newTranslation(from, to string) (*translation, error) {
	src, err := charset.Find(from)
	if err != nil {
		return nil, err
	}
	dst, err := charset.Find(to)
	if err != nil {
		return nil, err
	}
	t := &translation{decode: src.NewDecoder(), encode: dst.NewEncoder()}
	if src == unicode.UTF8 {
		t.decode, t.unicode = encoding.UTF8Validator, true
	}
	var every [256]byte
	for i := range every {
		every[i] = byte(i)
	}
	probe := translation{decode: t.decode, encode: t.encode, unicode: t.unicode}
	out, err := probe.convert(every[:])
	t.single = err == nil && len(out) == len(every) && len(probe.part) == 0
	t.decode.Reset()
	t.encode.Reset()
	return t, nil
}

// convert translates p and what was left of the text before. It fails at a
// character that is none, or that the other set has not.
func (t *translation) convert(p []byte) ([]byte, error) {
	text, part, err := run(t.decode, append(t.part, p...))
	if err != nil || !t.unicode && bytes.Contains(text, []byte("\uFFFD")) {
		return nil, errInput
	}
	t.part = part
	out, _, err := run(t.encode, text)
	if err != nil {
		return nil, errInput
	}
	return out, nil
}

// run transforms as much of src as is whole characters.
func run(t transform.Transformer, src []byte) (out, rest []byte, err error) {
	buf := make([]byte, 4*len(src)+16)
	for {
		n, used, err := t.Transform(buf, src, false)
		out = append(out, buf[:n]...)
		src = src[used:]
		switch {
		case err == transform.ErrShortDst && (n > 0 || used > 0):
		case err == nil, err == transform.ErrShortSrc:
			return out, bytes.Clone(src), nil
		default:
			return nil, nil, err
		}
	}
}
