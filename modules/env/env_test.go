package env

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/httpdconf"
	"github.com/donjon-httpd/donjon/server"
)

func compiled(t *testing.T, nodes ...*httpdconf.Node) (config, []string) {
	t.Helper()
	directive := directives.NewSet(server.Version)
	directive.Add(Module.Name, Module.SourceName(), Module.Directives)
	cfg, diags := directives.Compile(&httpdconf.Tree{Nodes: nodes}, directive, directives.Setup{})
	var said []string
	for _, d := range diags {
		said = append(said, d.Summary)
	}
	return *slot.Of(cfg.Main.Defaults), said
}

func TestVariables(t *testing.T) {
	t.Setenv("DONJON_PASSED", "p")
	base, said := compiled(t, &httpdconf.Node{Name: "SetEnv", Args: "A 1"}, &httpdconf.Node{Name: "SetEnv", Args: "B"},
		&httpdconf.Node{Name: "PassEnv", Args: "DONJON_PASSED DONJON_NOT_SET"}, &httpdconf.Node{Name: "SetEnv", Args: "C=d"})
	if d := cmp.Diff([]string{"AH01506: PassEnv variable DONJON_NOT_SET was undefined",
		"AH10032: Spurious usage of '=' in an environment variable name. 'SetEnv C d' expected instead?"}, said); d != "" {
		t.Errorf("warnings (-want +got):\n%s", d)
	}
	add, _ := compiled(t, &httpdconf.Node{Name: "SetEnv", Args: "X 1"}, &httpdconf.Node{Name: "UnsetEnv", Args: "A X"},
		&httpdconf.Node{Name: "SetEnv", Args: "B over"})
	m := merge(base, add)
	want := []server.Field{{Name: "B", Value: "over"}, {Name: "DONJON_PASSED", Value: "p"}, {Name: "C=d"}}
	if d := cmp.Diff(want, m.vars.All()); d != "" {
		t.Errorf("merged (-want +got):\n%s", d)
	}
	if base.vars.Get("A") != "1" {
		t.Error("base was changed")
	}

	r := &server.Request{Dir: &directives.Conf{}}
	*slot.EditConf(r.Dir) = m
	r.Env.Set("B", "request")
	fixup(r)
	if got := r.Env.Get("B") + r.Env.Get("DONJON_PASSED"); got != "requestp" {
		t.Errorf("request sees %q", got)
	}
}
