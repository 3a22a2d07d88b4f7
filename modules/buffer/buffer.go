// Package buffer gathers small pieces of responses and of request bodies
// (mod_buffer).
package buffer

import (
	"errors"
	"io"
	"slices"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// Module is buffer_module.
var Module = server.Module{
	Name: "buffer_module",
	Directives: directives.Table{
		{Name: "BufferSize", In: directives.InDir, Usage: "Maximum size of the buffer used by the buffer filter",
			Set: slot.Take1((*config).setSize)},
	},
	OutputFilters: []*server.OutputFilter{{Name: "BUFFER", Level: server.ContentSetLevel, Plain: true, Run: gather}},
	InputFilters:  []*server.InputFilter{{Name: "BUFFER", Level: server.ContentSetLevel, Read: readAhead}},
}

var slot = directives.NewDirSlot(func(base, add config) config { return config{add.size.Or(base.size)} })

type config struct{ size directives.Opt[int64] }

const defaultSize = 128 << 10

func (c *config) setSize(_ *directives.Cmd, word string) error {
	n, _, ok := server.Strtoff(word)
	if !ok || n <= 0 {
		return errors.New("BufferSize must be a size in bytes, and greater than zero")
	}
	c.size = directives.Given(n)
	return nil
}

// gathered is what waits for more.
type gathered struct {
	list []server.Bucket
	size int64
}

// gather passes on what has come when it is more than the buffer takes, or when
// the response ends or is flushed: what ends before has a Content-Length.
func gather(l *server.Link, b *server.Brigade) error {
	g, ok := l.State.(*gathered)
	if !ok {
		if l.R.Main != nil {
			l.Remove() // a subrequest has no end
			return l.Pass(b)
		}
		g = &gathered{}
		l.State = g
	}
	limit := slot.Of(l.R.Dir).size.Else(defaultSize)
	for _, k := range b.Buckets {
		if g.size > limit {
			if err := g.pass(l, &server.Brigade{}); err != nil {
				return err
			}
		}
		if k.Size() == 0 {
			continue
		}
		if k.File == nil && !b.EOS && !b.Flush {
			k = server.Bucket{Mem: slices.Clone(k.Mem)} // it is valid only until this call returns
		}
		g.list = append(g.list, k)
		g.size += k.Size()
	}
	if b.EOS || b.Flush {
		return g.pass(l, &server.Brigade{Flush: b.Flush, EOS: b.EOS})
	}
	return nil
}

func (g *gathered) pass(l *server.Link, b *server.Brigade) error {
	b.Buckets = g.list
	g.list, g.size = nil, 0
	return l.Pass(b)
}

// ahead is what was read of a body and not yet asked for.
type ahead struct {
	buf   []byte
	ready []byte
	err   error
}

// readAhead fills its buffer before it gives anything of it.
func readAhead(l *server.InputLink, p []byte) (int, error) {
	a, ok := l.State.(*ahead)
	if !ok {
		if !l.R.Initial() {
			l.Remove()
			return l.Read(p)
		}
		a = &ahead{buf: make([]byte, slot.Of(l.R.Dir).size.Else(defaultSize))}
		l.State = a
	}
	if len(a.ready) == 0 && a.err == nil {
		var n int
		for n < len(a.buf) && a.err == nil {
			var m int
			m, a.err = l.Read(a.buf[n:])
			n += m
		}
		a.ready = a.buf[:n]
	}
	if a.err != nil && a.err != io.EOF || len(a.ready) == 0 {
		return 0, a.err
	}
	n := copy(p, a.ready)
	a.ready = a.ready[n:]
	return n, nil
}
