package suexec

import (
	"strings"
	"testing"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/httpdconf"
	"github.com/donjon-httpd/donjon/server"
)

// TestRefused: a configuration that wants scripts to run as somebody else does
// not load.
func TestRefused(t *testing.T) {
	set := directives.NewSet(server.Version)
	set.Add(Module.Name, Module.SourceName(), Module.Directives)
	tree, diags := httpdconf.Load("conf", httpdconf.Options{Source: text("SuexecUserGroup nobody nogroup\n"), Host: set.Reading(directives.MainFile)})
	if diags.Failed() {
		t.Fatal(diags)
	}
	_, diags = directives.Compile(tree, set, directives.Setup{})
	if len(diags) != 1 || !strings.HasPrefix(diags[0].Summary, "SuexecUserGroup configured, but suEXEC is disabled: ") {
		t.Errorf("%v", diags)
	}
}

// text is a configuration of one file.
type text string

func (t text) ReadFile(string) (string, error)        { return string(t), nil }
func (text) List(string) ([]httpdconf.Entry, error)   { return nil, nil }
func (text) Stat(string) (dir, ok bool)               { return false, true }
func (text) Getenv(string) (value string, given bool) { return "", false }
