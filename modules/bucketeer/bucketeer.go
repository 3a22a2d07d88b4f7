// Package bucketeer cuts responses into pieces at control characters, for tests of
// other filters (mod_bucketeer).
package bucketeer

import (
	"bytes"
	"strings"

	"github.com/donjon-httpd/donjon/server"
)

// Module is bucketeer_module.
var Module = server.Module{
	Name:          "bucketeer_module",
	OutputFilters: []*server.OutputFilter{{Name: "BUCKETEER", Level: server.ResourceLevel, Plain: true, Run: run}},
}

// What the characters stand for.
const (
	endBucket  = 0x02
	endBrigade = 0x10 // what has come is passed on
	flush      = 0x06
)

func run(l *server.Link, b *server.Brigade) error {
	if t := l.R.ContentType; t == "" || !strings.HasPrefix(t, "text/") {
		l.Remove()
		return l.Pass(b)
	}
	if l.State == nil {
		l.State = true
		l.R.Out.Unset("Content-Length")
	}
	out := &server.Brigade{}
	send := func(flush bool) error {
		out.Flush = flush
		err := l.Pass(out)
		out = &server.Brigade{}
		return err
	}
	for _, k := range b.Buckets {
		p, err := k.Read()
		if err != nil {
			return err
		}
		for len(p) > 0 {
			i := bytes.IndexAny(p, "\x02\x06\x10")
			if i < 0 {
				out.Buckets = append(out.Buckets, server.Bucket{Mem: p})
				break
			}
			if i > 0 {
				out.Buckets = append(out.Buckets, server.Bucket{Mem: p[:i]})
			}
			switch p[i] {
			case endBrigade:
				err = send(false)
			case flush:
				err = send(true)
			}
			if err != nil {
				return err
			}
			p = p[i+1:]
		}
	}
	out.Flush, out.EOS = b.Flush, b.EOS
	return l.Pass(out)
}
