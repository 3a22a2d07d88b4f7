// Package case_filter writes responses in capital letters: Apache's example of an
// output filter (mod_case_filter).
package case_filter

import (
	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// Module is case_filter_module.
var Module = server.Module{
	Name: "case_filter_module",
	Directives: directives.Table{
		{Name: "CaseFilter", In: directives.InServer, Usage: "Run a case filter on this host",
			Set: slot.Flag(func(c *config, on bool) { c.enabled = on })},
	},
	Hooks:         []server.Hook{server.InsertFilter.Middle(insert).Plain()},
	OutputFilters: []*server.OutputFilter{filter},
}

type config struct{ enabled bool }

// slot is not inherited by virtual hosts: Apache's module has no merge function.
var slot = directives.NewServerSlot(func(_, add config) config { return add })

var filter = &server.OutputFilter{Name: "CaseFilter", Level: server.ContentSetLevel, Plain: true, Run: run}

func insert(r *server.Request) {
	if slot.Of(r.Server).enabled {
		r.AddOutputFilter(filter, nil)
	}
}

func run(l *server.Link, b *server.Brigade) error {
	out := server.Brigade{Flush: b.Flush, EOS: b.EOS}
	for _, k := range b.Buckets {
		err := k.Pieces(func(p []byte) error {
			out.Buckets = append(out.Buckets, server.Bucket{Mem: server.UpperASCII(p)})
			return nil
		})
		if err != nil {
			return err
		}
	}
	return l.Pass(&out)
}
