// Package case_filter_in has handlers read request bodies in capital letters:
// Apache's example of an input filter (mod_case_filter_in).
package case_filter_in

import (
	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// Module is case_filter_in_module.
var Module = server.Module{
	Name: "case_filter_in_module",
	Directives: directives.Table{
		{Name: "CaseFilterIn", In: directives.InServer, Usage: "Run an input case filter on this host",
			Set: slot.Flag(func(c *config, on bool) { c.enabled = on })},
	},
	Hooks:        []server.Hook{server.InsertFilter.Middle(insert).Plain()},
	InputFilters: []*server.InputFilter{filter},
}

type config struct{ enabled bool }

// slot is not inherited by virtual hosts: Apache's module has no merge function.
var slot = directives.NewServerSlot(func(_, add config) config { return add })

var filter = &server.InputFilter{Name: "CaseFilterIn", Level: server.ContentSetLevel, Read: read}

func insert(r *server.Request) {
	if slot.Of(r.Server).enabled {
		r.AddInputFilter(filter)
	}
}

func read(l *server.InputLink, p []byte) (int, error) {
	n, err := l.Read(p)
	copy(p, server.UpperASCII(p[:n]))
	return n, err
}
