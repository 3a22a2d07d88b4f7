package substitute

import (
	"bytes"

	"github.com/donjon-httpd/donjon/server"
)

var elog = server.NewLog("substitute")

// lines is a response that is cut into lines.
type lines struct {
	replacer
	part []byte // of a line whose end has not come
	out  []server.Bucket
}

func run(l *server.Link, b *server.Brigade) error {
	s, ok := l.State.(*lines)
	if !ok {
		c := slot.Of(l.R.Dir)
		s = &lines{replacer: replacer{r: l.R, rules: c.rules, max: int(c.max.Else(defaultMax))}}
		l.State = s
		l.R.Out.Unset("Content-Length")
	}
	err := s.run(l, b)
	if err == errTooLong {
		elog.Error(l.R).Msgf("AH01328: Line too long, URI %s", l.R.URI)
	}
	return err
}

// run passes on what each bucket gave at once, and the last line together with
// the end: only a response of one line has its length told.
func (s *lines) run(l *server.Link, b *server.Brigade) error {
	for _, k := range b.Buckets {
		err := k.Pieces(func(p []byte) error {
			if err := s.take(p); err != nil || len(s.out) == 0 {
				return err
			}
			return s.pass(l, &server.Brigade{})
		})
		if err != nil {
			return err
		}
	}
	if b.EOS && len(s.part) > 0 {
		if err := s.end(nil); err != nil {
			return err
		}
	}
	if b.EOS || b.Flush {
		return s.pass(l, &server.Brigade{Flush: b.Flush, EOS: b.EOS})
	}
	return nil
}

func (s *lines) take(p []byte) error {
	for len(p) > 0 {
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			s.part = append(s.part, p...)
			return nil
		}
		if err := s.end(p[:i+1]); err != nil {
			return err
		}
		p = p[i+1:]
	}
	return nil
}

// end is the end of a line, behind what there is of it already.
func (s *lines) end(p []byte) error {
	if len(s.part) > 0 {
		p = append(s.part, p...)
		if s.part = s.part[:0]; len(p) > s.max {
			return errTooLong
		}
	}
	pieces, err := s.line(string(p))
	for _, piece := range pieces {
		if piece != "" {
			s.out = append(s.out, server.Bucket{Mem: []byte(piece)})
		}
	}
	return err
}

func (s *lines) pass(l *server.Link, b *server.Brigade) error {
	b.Buckets = s.out
	s.out = nil
	return l.Pass(b)
}
