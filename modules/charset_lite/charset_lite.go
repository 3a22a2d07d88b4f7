// Package charset_lite translates responses and request bodies from one
// character set to another (mod_charset_lite).
package charset_lite

import (
	"errors"
	"strings"
	"syscall"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// Module is charset_lite_module.
var Module = server.Module{
	Name: "charset_lite_module",
	Directives: directives.Table{
		{Name: "CharsetSourceEnc", In: directives.FileInfo, Usage: "source (html,cgi,ssi) file charset",
			Set: slot.Take1(func(c *config, _ *directives.Cmd, name string) error { c.source = name; return nil })},
		{Name: "CharsetDefault", In: directives.FileInfo, Usage: "name of default charset",
			Set: slot.Take1(func(c *config, _ *directives.Cmd, name string) error { c.wire = name; return nil })},
		{Name: "CharsetOptions", In: directives.FileInfo,
			Usage: "valid options: ImplicitAdd, NoImplicitAdd, TranslateAllMimeTypes, NoTranslateAllMimeTypes",
			Set:   slot.Iterate((*config).setOption)},
	},
	Hooks: []server.Hook{
		server.Fixups.Middle(open).When(slot.If((*config).used)).Plain(),
		server.InsertFilter.ReallyLast(insert).When(slot.If((*config).used)).Plain(),
	},
	OutputFilters: []*server.OutputFilter{outFilter},
	InputFilters:  []*server.InputFilter{inFilter},
}

var elog = server.NewLog("charset_lite")

var slot = directives.NewDirSlot(func(base, add config) config {
	if add.source == "" {
		add.source = base.source
	}
	if add.wire == "" {
		add.wire = base.wire
	}
	add.explicit, add.all = add.explicit.Or(base.explicit), add.all.Or(base.all)
	return add
})

type config struct {
	source   string               // of files
	wire     string               // of responses and request bodies
	explicit directives.Opt[bool] // the filters are added by other directives alone
	all      directives.Opt[bool] // types that are no text are translated too
}

func (c *config) setOption(_ *directives.Cmd, word string) error {
	switch strings.ToLower(word) {
	case "implicitadd":
		c.explicit = directives.Given(false)
	case "noimplicitadd":
		c.explicit = directives.Given(true)
	case "translateallmimetypes":
		c.all = directives.Given(true)
	case "notranslateallmimetypes":
		c.all = directives.Given(false)
	default:
		return errors.New("Invalid CharsetOptions option: " + word)
	}
	return nil
}

func (c *config) used() bool { return *c != config{} }

// wanted tells whether a request is translated.
func (c *config) wanted(r *server.Request) bool {
	if c.source == "" || c.wire == "" || r.Proxied || strings.EqualFold(c.source, c.wire) {
		return false
	}
	for _, redirected := range []string{"redirect:", "gone:", "passthrough:", "forbidden:"} {
		if strings.HasPrefix(r.Filename, redirected) {
			return false
		}
	}
	return true
}

func takesBody(r *server.Request) bool { return r.Method == "POST" || r.Method == "PUT" }

// open looks whether a body can be translated before anybody reads it.
func open(r *server.Request) server.Status {
	c := slot.Of(r.Dir)
	if c.source == "" || c.wire == "" {
		unset := func(name string) string {
			if name == "" {
				return "unspecified"
			}
			return name
		}
		elog.Debug(r).Msgf("AH01448: incomplete configuration: src %s, dst %s", unset(c.source), unset(c.wire))
		return server.Declined
	}
	if c.wanted(r) && takesBody(r) {
		if _, err := newTranslation(c.wire, c.source); err != nil {
			elog.Error(r).Err(syscall.EINVAL).Msgf("AH01449: can't open translation %s->%s", c.wire, c.source)
			return 500
		}
	}
	return server.Declined
}

func insert(r *server.Request) {
	c := slot.Of(r.Dir)
	if c.explicit.Else(false) || !c.wanted(r) {
		return
	}
	if !r.HasOutputFilter(outFilter.Name) {
		r.AddOutputFilter(outFilter, nil)
	}
	if takesBody(r) && !r.HasInputFilter(inFilter.Name) {
		r.AddInputFilter(inFilter)
	}
}
