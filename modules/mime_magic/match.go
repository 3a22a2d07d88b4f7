package mime_magic

import (
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"github.com/donjon-httpd/donjon/server"
)

// words is what rules say, piece by piece.
type words []string

// result reads "type/subtype encoding" out of the pieces; ok is false without a
// slash.
func (w words) result() (mediaType, encoding string, ok bool) {
	type span struct{ piece, at, n int }
	var spans []span // of the words, as far as they are needed
	inside, slash := false, false
	for p, piece := range w {
		for i := range len(piece) {
			slash = slash || piece[i] == '/' && len(spans) == 1 && inside
			switch {
			case strings.IndexByte(blank, piece[i]) >= 0:
				inside = false
			case inside:
				spans[len(spans)-1].n++
			case len(spans) < 2:
				inside = true
				spans = append(spans, span{p, i, 1})
			default:
				spans = append(spans, span{})
			}
		}
	}
	if !slash {
		return "", "", false
	}
	if len(spans) > 1 {
		encoding = strings.ToLower(w.copy(spans[1].piece, spans[1].at, spans[1].n))
	}
	return strings.ToLower(w.copy(spans[0].piece, spans[0].at, spans[0].n)), encoding, true
}

// copy gives n characters and, as Apache does, the one behind them if there is
// one: a blank, mostly. Of the pieces behind the first as much is passed over as
// of that (rsl_strdup; observed on 2.4.71).
func (w words) copy(piece, at, n int) string {
	var b []byte
	for p := piece; p < len(w); p++ {
		for i := at; i < len(w[p]) && len(b) <= n; i++ {
			b = append(b, w[p][i])
		}
	}
	return string(b)
}

// value is what stands at an offset.
type value struct {
	number uint64
	text   string // up to a zero or the end of the line
	raw    []byte // the same with what is behind, for comparisons
}

// match goes through the rules to the first that holds, and through those that
// continue it: one of a deeper level counts when the one before it that is less
// deep held.
func match(r *server.Request, rules []rule, head []byte) (words, bool) {
	for i := 0; i < len(rules); i++ {
		m := &rules[i]
		v, ok := m.get(r, head)
		if !ok || !m.holds(v) {
			for i+1 < len(rules) && rules[i+1].level != 0 {
				i++
			}
			continue
		}
		w := words{m.say(v)}
		separate := m.desc != ""
		level := 1
		for i++; i < len(rules) && rules[i].level != 0; i++ {
			m := &rules[i]
			if level < m.level {
				continue
			}
			level = m.level
			v, ok := m.get(r, head)
			if !ok || !m.holds(v) {
				continue
			}
			if separate && !m.noSpace && m.desc != "" {
				w = append(w, " ")
				separate = false
			}
			w = append(w, m.say(v))
			separate = separate || m.desc != ""
			level++
		}
		return w, true
	}
	return nil, false
}

// get takes the bytes at the rule's offset for what its kind says.
func (m *rule) get(r *server.Request, head []byte) (value, bool) {
	v, ok := m.at(head, m.offset)
	if ok && m.kind == invalid {
		elog.Error(r).Msg("AH01538: mod_mime_magic: invalid type 0 in mconvert().")
		return value{}, false
	}
	if !ok || !m.indirect {
		return v, ok
	}
	// Apache reads the offset of an indirect rule under the rule's own kind, then
	// takes as many of its low bytes as the indirection names.
	n := v.number
	switch m.in {
	case byteKind:
		n = uint64(uint8(n))
	case shortKind:
		n = uint64(uint16(n))
	}
	return m.at(head, int64(n)+m.inOffset)
}

func (m *rule) at(head []byte, offset int64) (v value, ok bool) {
	if offset < 0 || offset > int64(len(head)-valueSize) {
		return v, false
	}
	b := head[offset : offset+valueSize]
	switch m.kind {
	case byteKind:
		v.number = uint64(b[0])
	case shortKind, leShort:
		v.number = uint64(binary.LittleEndian.Uint16(b))
	case beShort:
		v.number = uint64(binary.BigEndian.Uint16(b))
	case longKind, dateKind:
		v.number = binary.LittleEndian.Uint64(b)
	case beLong, beDate:
		v.number = uint64(int32(binary.BigEndian.Uint32(b)))
	case leLong, leDate:
		v.number = uint64(int32(binary.LittleEndian.Uint32(b)))
	case stringKind:
		v.number = binary.LittleEndian.Uint64(b)
		v.raw = append([]byte(nil), b...)
		v.raw[valueSize-1] = 0
		v.text, _, _ = strings.Cut(string(v.raw), "\x00")
		if line, _, cut := strings.Cut(v.text, "\n"); cut {
			v.text = line
			v.raw[len(line)] = 0
		}
	}
	return v, true
}

// holds compares (mcheck).
func (m *rule) holds(v value) bool {
	n, want := v.number, m.number
	if m.kind == stringKind {
		if m.text == "x" {
			return true // as Apache has it, whatever stands there
		}
		n, want = 0, 0
		for i := range len(m.text) {
			if d := int(v.raw[i]) - int(m.text[i]); d != 0 {
				n = uint64(int64(d))
				break
			}
		}
	} else if want&0xffff == 'x' {
		return true // the same, for a number whose bytes are 'x' and 0
	}
	n = m.extend(n) & m.mask
	switch m.relation {
	case 'x':
		return true
	case '!':
		return n != want
	case '=':
		return n == want
	case '>':
		if m.unsigned {
			return n > want
		}
		return int64(n) > int64(want)
	case '<':
		if m.unsigned {
			return n < want
		}
		return int64(n) < int64(want)
	case '&':
		return n&want == want
	case '^':
		return n&want != want
	}
	return false
}

// say makes the rule's text with what was found.
func (m *rule) say(v value) string {
	switch m.kind {
	case stringKind:
		if m.relation == '=' {
			text, _, _ := strings.Cut(m.text, "\x00")
			return format(m.desc, text, 0)
		}
		return format(m.desc, v.text, 0)
	case dateKind, beDate, leDate:
		return format(m.desc, time.Unix(int64(v.number), 0).Local().Format("Mon Jan 02 15:04:05 2006"), 0)
	}
	return format(m.desc, "", m.extend(v.number)&m.mask)
}

// maxSaid bounds what one rule says (MAXMIMESTRING, with its zero).
const maxSaid = 255

// maxFlags bounds the width that an item asks for.
const maxFlags = 4

// format is printf with one item, of a text or a number.
func format(desc, text string, number uint64) string {
	var b strings.Builder
	for i := 0; i < len(desc); i++ {
		if desc[i] != '%' || i+1 == len(desc) {
			b.WriteByte(desc[i])
			continue
		}
		end := i + 1
		for end < len(desc) && strings.IndexByte("-+ #0123456789.", desc[end]) >= 0 {
			end++
		}
		flags := desc[i:min(end, i+maxFlags)]
		for end < len(desc) && strings.IndexByte("lhqL", desc[end]) >= 0 {
			end++
		}
		if end == len(desc) {
			break
		}
		switch desc[end] {
		case 's':
			fmt.Fprintf(&b, flags+"s", text)
		case 'd', 'i':
			if strings.Contains(desc[i:end], "l") {
				fmt.Fprintf(&b, flags+"d", int64(number))
			} else {
				fmt.Fprintf(&b, flags+"d", int32(number))
			}
		case 'u':
			if strings.Contains(desc[i:end], "l") {
				fmt.Fprintf(&b, flags+"d", number)
			} else {
				fmt.Fprintf(&b, flags+"d", uint32(number))
			}
		case 'x', 'X', 'o':
			fmt.Fprintf(&b, flags+string(desc[end]), number)
		case 'c':
			b.WriteByte(byte(number))
		case '%':
			b.WriteByte('%')
		}
		i = end
	}
	s := b.String()
	return s[:min(len(s), maxSaid)]
}
