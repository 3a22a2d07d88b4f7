// Package expires sets Expires and Cache-Control: max-age (mod_expires). The
// rule for the exact media type wins, then type/*, then the default; a
// response that already has an Expires field keeps it.
package expires

import (
	"errors"
	"strings"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// Module is expires_module.
var Module = server.Module{
	Name: "expires_module",
	Directives: directives.Table{
		{Name: "ExpiresActive", In: directives.Indexes, Usage: "Limited to 'on' or 'off'",
			Set: slot.Flag(func(c *config, on bool) { c.active = directives.Given(on) })},
		{Name: "ExpiresByType", In: directives.Indexes, Usage: "a MIME type followed by an expiry date code",
			Set: slot.Take2((*config).addType)},
		{Name: "ExpiresDefault", In: directives.Indexes, Usage: "an expiry date code",
			Set: slot.Take1((*config).setDefault)},
	},
	Hooks: []server.Hook{
		server.InsertFilter.Middle(insertFilter).Plain().When(slot.If((*config).enabled)),
		server.InsertErrorFilter.Middle(insertFilter).Plain().When(slot.If((*config).enabled)),
	},
	OutputFilters: []*server.OutputFilter{filter},
}

var slot = directives.NewDirSlot(merge)

type config struct {
	active   directives.Opt[bool]
	fallback directives.Opt[rule]
	byType   map[string]rule // by "text/html" or "text/*", lower case
	wildcard bool            // a type/* was given
}

func (c *config) setDefault(_ *directives.Cmd, code string) error {
	r, err := parseRule(code)
	if err != nil {
		return errors.New("'ExpiresDefault " + code + "': " + err.Error())
	}
	c.fallback = directives.Given(r)
	return nil
}

func (c *config) addType(_ *directives.Cmd, mime, code string) error {
	if !strings.Contains(mime, "/") {
		return errors.New("Invalid mimetype: should contain a slash")
	}
	c.wildcard = c.wildcard || strings.HasSuffix(mime, "/*")
	r, err := parseRule(code)
	if err != nil {
		return errors.New("'ExpiresByType " + mime + " " + code + "': " + err.Error())
	}
	c.byType = directives.Overlay(c.byType, map[string]rule{strings.ToLower(mime): r})
	return nil
}

// merge forgets base's wildcard, as Apache 2.4.71 does: any directive of this
// module in a section hides the type/* rules around it.
func merge(base, add config) config {
	return config{
		active:   add.active.Or(base.active),
		fallback: add.fallback.Or(base.fallback),
		byType:   directives.Overlay(base.byType, add.byType),
		wildcard: add.wildcard,
	}
}

func (c *config) enabled() bool {
	return c.active.Else(false) && (len(c.byType) > 0 || c.fallback.IsSet())
}
