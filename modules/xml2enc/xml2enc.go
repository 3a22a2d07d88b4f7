// Package xml2enc finds out the character set of HTML and XML that passes, and
// has it as UTF-8 for the filters behind (mod_xml2enc).
package xml2enc

import (
	"errors"
	"strings"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// Module is xml2enc_module.
var Module = server.Module{
	Name: "xml2enc_module",
	Directives: directives.Table{
		{Name: "xml2EncDefault", In: directives.All, Usage: "Usage: xml2EncDefault charset",
			Set: slot.Take1((*config).setDefault)},
		{Name: "xml2EncAlias", In: directives.InServer, Forbid: directives.GlobalOnly,
			Usage: "EncodingAlias charset alias [more aliases]", Set: aliases.Iterate2(addAlias)},
		{Name: "xml2StartParse", In: directives.All, Usage: "Ignore anything in front of the first of these elements",
			Set: slot.Iterate((*config).addStart)},
	},
	OutputFilters: []*server.OutputFilter{filter},
	MarkupCharset: &server.MarkupCharset{Sniff: sniff, Found: found, Encode: encode},
}

var elog = server.NewLog("xml2enc")

var slot = directives.NewDirSlot(func(base, add config) config {
	if add.charset == "" {
		add.charset = base.charset
	}
	if add.starts == nil {
		add.starts = base.starts
	}
	return add
})

// aliases are other names of character sets, in upper case. They belong to the
// main server.
var aliases = directives.NewServerSlot(func(base, _ map[string]string) map[string]string { return base })

type config struct {
	charset string   // of pages that do not say
	starts  []string // elements before which everything is dropped
}

func (c *config) setDefault(cmd *directives.Cmd, name string) error {
	c.charset = name
	switch native(*aliases.Of(mainOf(cmd.Server)), name) {
	case "":
		return errors.New("Invalid or unsupported default charset")
	}
	return nil
}

func (c *config) addStart(_ *directives.Cmd, name string) error {
	c.starts = append(c.starts, name)
	return nil
}

func addAlias(m *map[string]string, _ *directives.Cmd, name, alias string) error {
	if *m == nil {
		*m = map[string]string{}
	}
	(*m)[strings.ToUpper(alias)] = name
	return nil
}

func mainOf(v *directives.Server) *directives.Server {
	if v.Main != nil {
		return v.Main
	}
	return v
}

// native is the character set that libxml2 reads by itself, for one of its
// names or an alias; "" for another one.
func native(alias map[string]string, name string) string {
	if real, ok := alias[strings.ToUpper(name)]; ok {
		name = real
	}
	return natives[strings.ToUpper(name)]
}

var natives = func() map[string]string {
	m := map[string]string{
		"UTF-8": "UTF-8", "UTF8": "UTF-8", "UTF-16": "UTF-16LE", "UTF16": "UTF-16LE",
		"ISO-10646-UCS-2": "UTF-16LE", "UCS-2": "UTF-16LE", "UCS2": "UTF-16LE",
		"ISO-10646-UCS-4": "UTF-32LE", "UCS-4": "UTF-32LE", "UCS4": "UTF-32LE",
		"ISO-2022-JP": "ISO-2022-JP", "SHIFT_JIS": "SHIFT_JIS", "EUC-JP": "EUC-JP",
	}
	for _, n := range "123456789" {
		set := "ISO-8859-" + string(n)
		m[set] = set
		if n <= '2' {
			m["ISO-LATIN-"+string(n)], m["ISO LATIN "+string(n)] = set, set
		}
	}
	return m
}()
