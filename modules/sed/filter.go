package sed

import (
	"io"
	"slices"

	"github.com/donjon-httpd/donjon/server"
)

// outputHeld is how much of a response is gathered before it is sent: one that
// came as a whole and stays below leaves as a whole, with its length.
const outputHeld = 400000

func logged(r *server.Request) func(string) {
	return func(text string) { elog.Error(r).Msgf("AH02998: %s", text) }
}

func editOutput(l *server.Link, b *server.Brigade) error {
	r := l.R
	e, ok := l.State.(*editor)
	if !ok {
		s := slot.Of(r.Dir).output
		if s == nil || len(b.Buckets) == 0 && b.EOS && !b.Flush {
			l.Remove()
			return l.Pass(b)
		}
		var err error
		if e, err = newEditor(s, logged(r)); err != nil {
			return err
		}
		r.AtEnd(e.close)
		l.State = e
		r.Out.Unset("Content-Length")
	}
	pass := func(b *server.Brigade) error {
		if e.out.Len() > 0 {
			b.Buckets = []server.Bucket{{Mem: e.out.Bytes()}}
		}
		err := l.Pass(b)
		e.out.Reset()
		return err
	}
	for _, k := range b.Buckets {
		err := k.Pieces(func(p []byte) error {
			if err := e.write(p); err != nil {
				elog.Error(r).Err(err).Msg("AH10394: error evaluating sed on output")
				return err
			}
			if e.out.Len() < outputHeld {
				return nil
			}
			return pass(&server.Brigade{Flush: true})
		})
		if err != nil {
			return err
		}
	}
	if b.EOS {
		e.end() // what is wrong with the last line is not told, as in Apache
	}
	if e.out.Len() == 0 && !b.Flush && !b.EOS {
		return nil
	}
	return pass(&server.Brigade{Flush: b.Flush, EOS: b.EOS})
}

// editing is a request body that is being edited.
type editing struct {
	*editor
	buf []byte
	err error
}

func editInput(l *server.InputLink, p []byte) (int, error) {
	r := l.R
	e, ok := l.State.(*editing)
	if !ok {
		s := slot.Of(r.Dir).input
		if s == nil || !r.Initial() {
			l.Remove()
			return l.Read(p)
		}
		ed, err := newEditor(s, logged(r))
		if err != nil {
			return 0, &server.BodyError{Status: 400, What: err.Error()}
		}
		r.AtEnd(ed.close)
		e = &editing{editor: ed, buf: make([]byte, 8192)}
		l.State = e
	}
	for e.out.Len() == 0 && e.err == nil {
		n, err := l.Read(e.buf)
		if n > 0 {
			if bad := e.write(slices.Clone(e.buf[:n])); bad != nil {
				elog.Error(r).Err(bad).Msg("AH10395: error evaluating sed on input")
				err = &server.BodyError{Status: 400, What: bad.Error()}
			}
		}
		if e.err = err; err == io.EOF {
			e.end()
		}
	}
	if e.out.Len() == 0 {
		return 0, e.err
	}
	return e.out.Read(p)
}
