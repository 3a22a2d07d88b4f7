// Package sed edits responses and request bodies with sed commands (mod_sed),
// in the dialect of Solaris: basic regular expressions without classes.
package sed

import (
	"fmt"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// Module is sed_module.
var Module = server.Module{
	Name: "sed_module",
	Directives: directives.Table{
		{Name: "OutputSed", In: directives.InDir, Usage: "Sed regular expression for Response",
			Set: slot.Take1(func(c *config, cmd *directives.Cmd, text string) error { return add(&c.output, cmd, text) })},
		{Name: "InputSed", In: directives.InDir, Usage: "Sed regular expression for Request",
			Set: slot.Take1(func(c *config, cmd *directives.Cmd, text string) error { return add(&c.input, cmd, text) })},
	},
	OutputFilters: []*server.OutputFilter{{Name: "Sed", Level: server.ResourceLevel, Run: editOutput}},
	InputFilters:  []*server.InputFilter{{Name: "Sed", Level: server.ResourceLevel, Read: editInput}},
}

var elog = server.NewLog("sed")

// slot is not merged: what is said in a section hides all that was said around it.
var slot = directives.NewDirSlot(func(_, add config) config { return add })

type config struct {
	output, input *script // the lines of all directives of the section; nil for none
}

func add(to **script, cmd *directives.Cmd, text string) error {
	if *to == nil {
		*to = &script{labels: map[string]int{}, inJail: cmd.InJail}
	}
	if err := (*to).compile(text); err != nil {
		return fmt.Errorf("Failed to compile sed expression. %w", err)
	}
	return nil
}
