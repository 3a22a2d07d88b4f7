package server

import (
	"io"
	"strings"
)

// FormPair is a field of a form that was sent.
type FormPair struct{ Name, Value string }

// formType is the only type of forms that is read.
const formType = "application/x-www-form-urlencoded"

// ReadForm reads the fields of the form that is the request's body, which may
// have up to size bytes (ap_parse_form_data). A body of another type is read and
// dropped: there are no fields then. The status tells what to answer, OK for
// going on.
func (r *Request) ReadForm(size int64) ([]FormPair, Status) {
	ct, _ := r.FieldIn("Content-Type")
	if len(ct) < len(formType) || !equalFold(ct[:len(formType)], formType) {
		return nil, r.DiscardBody()
	}
	p := formParser{left: size}
	buf := make([]byte, 8192)
	for r.Body != nil {
		n, err := r.Body.Read(buf)
		p.parse(buf[:n])
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, r.BodyFailed(err)
		}
	}
	return p.end()
}

// maxFormName is the longest name of a field, in bytes (HUGE_STRING_LEN).
const maxFormName = 8192

// formParser reads a form piece by piece.
type formParser struct {
	left    int64 // bytes that may still come
	full    bool  // more came
	name    strings.Builder
	value   strings.Builder
	inValue bool
	escape  int // digits of an escape that have come: 0 outside, then 1 and 2
	high    byte
	pairs   []FormPair
}

func (p *formParser) parse(b []byte) {
	for _, c := range b {
		if p.left <= 0 {
			p.full = true
			return
		}
		p.left--
		literal := false
		switch p.escape {
		case 1:
			p.high, p.escape = formDigit(c)<<4, 2
			continue
		case 2:
			c, p.escape, literal = p.high+formDigit(c), 0, true
		}
		if !literal {
			switch c {
			case '%':
				p.escape = 1
				continue
			case '+':
				c = ' '
			case '&':
				p.flush()
				continue
			case '=':
				if !p.inValue {
					p.inValue = true
					continue
				}
			}
		}
		if p.inValue {
			p.value.WriteByte(c)
		} else if p.name.Len() < maxFormName {
			p.name.WriteByte(c)
		}
	}
}

// formDigit is the value of a hexadecimal digit; what is none has some value, as
// in Apache.
func formDigit(c byte) byte {
	switch {
	case c >= 'a':
		return c - 'a' + 10
	case c >= 'A':
		return c - 'A' + 10
	case c >= '0':
		return c - '0'
	}
	return 0
}

func (p *formParser) flush() {
	if p.inValue {
		p.pairs = append(p.pairs, FormPair{p.name.String(), p.value.String()})
	}
	p.name.Reset()
	p.value.Reset()
	p.inValue = false
}

func (p *formParser) end() ([]FormPair, Status) {
	if p.full {
		return nil, 413
	}
	p.flush()
	return p.pairs, OK
}
