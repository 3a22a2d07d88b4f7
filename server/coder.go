package server

// coder codes one response.
type coder struct {
	plan  CodingPlan
	enc   Encoder
	buf   []byte // coded and not yet sent
	piece int    // how much of it is gathered
	in    int64
	out   int64 // sent

	whole *wholeFile // not nil when the response is a file as it is
	keep  bool       // form is to be remembered
	form  []byte     // what was sent of it
}

// formHeld is how much of a file's coded form is gathered before the head is
// sent: a form that ends earlier has a Content-Length, and ranges.
const formHeld = 256 << 10

// Write takes what the encoder makes.
func (s *coder) Write(p []byte) (int, error) {
	s.buf = append(s.buf, p...)
	return len(p), nil
}

func (s *coder) run(l *Link, b *Brigade) error {
	r := l.R
	if r.HeaderOnly && r.Top().HeadSent {
		l.Remove() // nobody wants the rest
		return l.Pass(b)
	}
	for _, k := range b.Buckets {
		err := k.Pieces(func(p []byte) error {
			s.in += int64(len(p))
			if _, err := s.enc.Write(p); err != nil {
				s.plan.Failed(r, false, err)
				return err
			}
			if len(s.buf) > s.piece {
				return s.pass(l, &Brigade{})
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	if b.EOS {
		if err := s.enc.Close(); err != nil {
			s.plan.Failed(r, true, err)
			return err
		}
		l.Remove()
		s.done(r, s.in, s.out+int64(len(s.buf)))
		if s.keep && s.in == s.whole.info.Size {
			r.Gen.forms.put(s.whole, s.plan.Key, append(s.form, s.buf...))
		}
		return s.pass(l, &Brigade{Flush: b.Flush, EOS: true})
	}
	if b.Flush {
		if err := s.enc.Flush(); err != nil {
			s.plan.Failed(r, true, err)
			return err
		}
		return s.pass(l, &Brigade{Flush: true})
	}
	return nil
}

// pass sends what was coded.
func (s *coder) pass(l *Link, b *Brigade) error {
	if s.keep && !b.EOS {
		if len(s.form)+len(s.buf) <= formSize {
			s.form = append(s.form, s.buf...)
		} else {
			s.keep, s.form = false, nil
		}
	}
	if len(s.buf) > 0 {
		b.Buckets = []Bucket{{Mem: s.buf}}
	}
	s.out += int64(len(s.buf))
	err := l.Pass(b)
	s.buf = s.buf[:0]
	return err
}

func (s *coder) done(r *Request, in, out int64) {
	if s.plan.Done != nil {
		s.plan.Done(r, in, out)
	}
}
