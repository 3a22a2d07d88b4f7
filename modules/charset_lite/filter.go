package charset_lite

import (
	"encoding/hex"
	"io"
	"strings"
	"syscall"

	"github.com/donjon-httpd/donjon/server"
)

var (
	outFilter = &server.OutputFilter{Name: "XLATEOUT", Level: server.ResourceLevel, Plain: true}
	inFilter  = &server.InputFilter{Name: "XLATEIN", Level: server.ResourceLevel}
)

// init, because the filters are known by name to what they run.
func init() { outFilter.Run, inFilter.Read = translateOutput, translateInput }

// begin decides whether a response is translated; nil for one that is not.
func begin(r *server.Request) *translation {
	c := slot.Of(r.Dir)
	t := strings.ToLower(r.ContentType)
	if !c.wanted(r) || t == "" || !strings.HasPrefix(t, "text/") && !strings.HasPrefix(t, "message/") && !c.all.Else(false) {
		return nil
	}
	x, err := newTranslation(c.source, c.wire)
	if err != nil {
		elog.Error(r).Err(syscall.EINVAL).Msgf("AH01453: can't open translation %s->%s", c.source, c.wire)
		return nil
	}
	if m := r.Main; m != nil && m.HasOutputFilter(outFilter.Name) {
		// What a subrequest writes comes through the main request's filter too.
		if outer := slot.Of(m.Dir); outer.wanted(m) && c.wire != outer.source {
			if elog.Enabled(server.LevelTrace1, r) {
				elog.Debug(r).Msgf("AH01451: uri %s - disabling translation %s->%s; existing translation %s->%s",
					r.URI, c.source, c.wire, outer.source, outer.wire)
			}
			return nil
		}
	}
	if !x.single {
		r.Out.Unset("Content-Length")
	}
	return x
}

func translateOutput(l *server.Link, b *server.Brigade) error {
	x, ok := l.State.(*translation)
	if !ok {
		if x = begin(l.R); x == nil {
			l.Remove()
			return l.Pass(b)
		}
		l.State = x
	}
	for _, k := range b.Buckets {
		err := k.Pieces(func(p []byte) error {
			out, err := x.convert(p)
			if err != nil {
				elog.Error(l.R).Err(syscall.EINVAL).Msg("AH02997: AH02198: xlate filter - returning error")
				return err
			}
			if len(out) == 0 {
				return nil
			}
			return l.Pass(&server.Brigade{Buckets: []server.Bucket{{Mem: out}}})
		})
		if err != nil {
			return err
		}
	}
	if b.EOS {
		l.Remove()
		if err := x.end(l.R); err != nil {
			return err
		}
	}
	if b.EOS || b.Flush {
		return l.Pass(&server.Brigade{Flush: b.Flush, EOS: b.EOS})
	}
	return nil
}

// end fails when the text ends within a character.
func (t *translation) end(r *server.Request) error {
	if len(t.part) == 0 {
		return nil
	}
	elog.Error(r).Msg("AH02997: AH02196: xlate filter - incomplete char at end of input - " + hex.EncodeToString(t.part))
	return errInput
}

// body is a request body that is being translated.
type body struct {
	*translation
	buf, ready []byte
	err        error
}

func translateInput(l *server.InputLink, p []byte) (int, error) {
	r := l.R
	b, ok := l.State.(*body)
	if !ok {
		c := slot.Of(r.Dir)
		x, err := newTranslation(c.wire, c.source)
		if err != nil || !c.wanted(r) || !takesBody(r) {
			l.Remove()
			return l.Read(p)
		}
		if _, sent := r.FieldIn("Content-Length"); sent && !x.single {
			elog.Trace(1, r).Msg("Request body length may change, resulting in misprocessing by some modules or scripts")
		}
		b = &body{translation: x, buf: make([]byte, 8192)}
		l.State = b
	}
	for len(b.ready) == 0 && b.err == nil {
		n, err := l.Read(b.buf)
		b.err = err
		out, bad := b.convert(b.buf[:n])
		if bad != nil {
			elog.Error(r).Err(syscall.EINVAL).Msg("AH02997: AH02198: xlate filter - returning error")
		} else if err == io.EOF {
			bad = b.end(r)
		}
		if bad != nil {
			b.err = &server.BodyError{Status: 400, What: bad.Error()}
			out = nil
		}
		b.ready = out
	}
	if len(b.ready) == 0 {
		return 0, b.err
	}
	n := copy(p, b.ready)
	b.ready = b.ready[n:]
	return n, nil
}
