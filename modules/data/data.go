// Package data turns a response into a data URL (mod_data, RFC 2397).
package data

import (
	"encoding/base64"
	"math"
	"strconv"
	"strings"

	"github.com/donjon-httpd/donjon/server"
)

// Module is data_module.
var Module = server.Module{
	Name:          "data_module",
	OutputFilters: []*server.OutputFilter{{Name: "DATA", Level: server.ResourceLevel, Plain: true, Run: run}},
}

// encoding is a response that is becoming a URL.
type encoding struct {
	ready []byte // to be passed on
	rest  []byte // fills no three bytes yet
}

func run(l *server.Link, b *server.Brigade) error {
	e, ok := l.State.(*encoding)
	if !ok {
		if !l.R.Initial() {
			l.Remove() // a subrequest has no end at which the tail could be written
			return l.Pass(b)
		}
		e = begin(l.R)
		l.State = e
	}
	for _, k := range b.Buckets {
		err := k.Pieces(func(p []byte) error {
			e.rest = append(e.rest, p...)
			whole := len(e.rest) / 3 * 3
			e.ready = base64.StdEncoding.AppendEncode(e.ready, e.rest[:whole])
			e.rest = append(e.rest[:0], e.rest[whole:]...)
			return e.pass(l, &server.Brigade{})
		})
		if err != nil {
			return err
		}
	}
	if b.EOS {
		l.Remove()
		e.ready = base64.StdEncoding.AppendEncode(e.ready, e.rest)
	}
	if b.EOS || b.Flush {
		return e.pass(l, &server.Brigade{Flush: b.Flush, EOS: b.EOS})
	}
	return nil
}

// begin changes the head: its type, and its length if that is known.
func begin(r *server.Request) *encoding {
	e := &encoding{ready: []byte(head(r.ContentType))}
	if v, ok := r.Out.Lookup("Content-Length"); ok {
		n, err := strconv.ParseUint(v, 10, 63)
		if err == nil && n < math.MaxInt32 {
			r.SetContentLength(int64(len(e.ready) + base64.StdEncoding.EncodedLen(int(n))))
		} else {
			r.Out.Unset("Content-Length")
		}
	}
	r.ContentType = "text/plain"
	return e
}

func (e *encoding) pass(l *server.Link, b *server.Brigade) error {
	if len(e.ready) > 0 {
		b.Buckets = []server.Bucket{{Mem: e.ready}}
	}
	err := l.Pass(b)
	e.ready = e.ready[:0]
	return err
}

// head is the URL up to its data. A parameter stands behind the type as
// "text/html; charset=x" has it; of several the first is taken.
func head(contentType string) string {
	mime, parameters, _ := strings.Cut(contentType, " ")
	parameter, _, _ := strings.Cut(parameters, " ")
	return "data:" + mime + parameter + ";base64,"
}
