// Package include is server-side includes (mod_include): elements like
// <!--#echo var="X" --> in a response are replaced by what they stand for.
package include

import (
	"errors"
	"strings"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// Module is include_module.
var Module = server.Module{
	Name: "include_module",
	Directives: directives.Table{
		{Name: "XBitHack", In: directives.Options, Usage: "Off, On, or Full", Set: slot.Take1((*config).setXBitHack)},
		{Name: "SSIErrorMsg", In: directives.All, Usage: "a string",
			Set: slot.Take1(func(c *config, _ *directives.Cmd, s string) error {
				c.errorText = directives.Given(s)
				return nil
			})},
		{Name: "SSITimeFormat", In: directives.All, Usage: "a strftime(3) formatted string",
			Set: slot.Take1(func(c *config, _ *directives.Cmd, s string) error {
				c.timeFormat = directives.Given(s)
				return nil
			})},
		{Name: "SSIStartTag", In: directives.InServer, Usage: "SSI Start String Tag",
			Set: tagSlot.Take1(func(c *tags, _ *directives.Cmd, s string) error { return setTag(&c.start, "SSIStartTag", s) })},
		{Name: "SSIEndTag", In: directives.InServer, Usage: "SSI End String Tag",
			Set: tagSlot.Take1(func(c *tags, _ *directives.Cmd, s string) error { return setTag(&c.end, "SSIEndTag", s) })},
		{Name: "SSIUndefinedEcho", In: directives.All, Usage: "String to be displayed if an echoed variable is undefined",
			Set: slot.Take1(func(c *config, _ *directives.Cmd, s string) error {
				c.undefined = directives.Given(s)
				return nil
			})},
		{Name: "SSILegacyExprParser", In: directives.Limit,
			Usage: "Whether to use the legacy expression parser compatible with <= 2.2.x. Limited to 'on' or 'off'",
			Set:   slot.Flag(func(c *config, on bool) { c.legacy = directives.Given(on) })},
		{Name: "SSILastModified", In: directives.Limit,
			Usage: "Whether to set the last modified header or respect an existing header. Limited to 'on' or 'off'",
			Set:   slot.Flag(func(c *config, on bool) { c.lastModified = directives.Given(on) })},
		{Name: "SSIEtag", In: directives.Limit,
			Usage: "Whether to allow the generation of ETags within the server. Existing ETags will be preserved. Limited to 'on' or 'off'",
			Set:   slot.Flag(func(c *config, on bool) { c.etag = directives.Given(on) })},
	},
	Hooks:         []server.Hook{server.Fixups.Last(addFilter).Plain()},
	OutputFilters: []*server.OutputFilter{filter},
}

var elog = server.NewLog("include")

type xBitHack uint8

const (
	xOff xBitHack = iota
	xOn
	xFull
)

var slot = directives.NewDirSlot(func(base, add config) config {
	return config{
		xBitHack:     add.xBitHack.Or(base.xBitHack),
		errorText:    add.errorText.Or(base.errorText),
		timeFormat:   add.timeFormat.Or(base.timeFormat),
		undefined:    add.undefined.Or(base.undefined),
		legacy:       add.legacy.Or(base.legacy),
		lastModified: add.lastModified.Or(base.lastModified),
		etag:         add.etag.Or(base.etag),
	}
})

type config struct {
	xBitHack     directives.Opt[xBitHack]
	errorText    directives.Opt[string]
	timeFormat   directives.Opt[string]
	undefined    directives.Opt[string] // what echo gives for a variable that is not set
	legacy       directives.Opt[bool]   // if and elif are in the language of 2.2
	lastModified directives.Opt[bool]
	etag         directives.Opt[bool]
}

const (
	defaultErrorText  = "[an error occurred while processing this directive]"
	defaultTimeFormat = "%A, %d-%b-%Y %H:%M:%S %Z"
	defaultUndefined  = "(none)"
	defaultStart      = "<!--#"
	defaultEnd        = "-->"
)

func (c *config) setXBitHack(_ *directives.Cmd, word string) error {
	switch strings.ToLower(word) {
	case "off":
		c.xBitHack = directives.Given(xOff)
	case "on":
		c.xBitHack = directives.Given(xOn)
	case "full":
		c.xBitHack = directives.Given(xFull)
	default:
		return errors.New("XBitHack must be set to Off, On, or Full")
	}
	return nil
}

// tagSlot is not inherited: a virtual host has its own tags or the usual ones,
// since Apache merges a host's with nothing but its defaults.
var tagSlot = directives.NewServerSlot(func(_, add tags) tags { return add })

// tags are what elements begin and end with; "" is the usual one.
type tags struct{ start, end directives.Opt[string] }

func setTag(at *directives.Opt[string], name, s string) error {
	if strings.ContainsAny(s, " \t\n\v\f\r") {
		return errors.New(name + " may not contain any whitespaces")
	}
	*at = directives.Given(s)
	return nil
}

// addFilter has documents parsed whose handler is server-parsed, and with
// XBitHack HTML files that their owner may execute (include_fixup).
func addFilter(r *server.Request) server.Status {
	if r.Handler == "server-parsed" {
		if r.ContentType == "" {
			r.ContentType = "text/html"
		}
		r.Handler = "default-handler"
	} else if slot.Of(r.Dir).xBitHack.Else(xOff) == xOff || r.Finfo.Mode&0o100 == 0 || !strings.HasPrefix(r.ContentType, "text/html") {
		return server.Declined
	}
	r.AddOutputFilter(filter, nil)
	return server.Declined
}
