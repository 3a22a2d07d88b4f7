package actions

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/donjon-httpd/donjon/server"
)

func TestSetters(t *testing.T) {
	var c config
	for _, tc := range []struct{ kind, script, option, err string }{
		{"Image/GIF", "/cgi-bin/x", "", ""},
		{"my-handler", "/y", "Virtual", ""},
		{"z", "/z", "real", "unrecognized option 'real'"},
	} {
		text := ""
		if err := c.addAction(nil, tc.kind, tc.script, tc.option); err != nil {
			text = err.Error()
		}
		if text != tc.err {
			t.Errorf("Action %s: %q, want %q", tc.kind, text, tc.err)
		}
	}
	want := map[string]action{"image/gif": {"/cgi-bin/x", false}, "my-handler": {"/y", true}}
	if d := cmp.Diff(want, c.actions, cmp.AllowUnexported(action{})); d != "" {
		t.Errorf("actions (-want +got):\n%s", d)
	}
	if err := c.addScript(nil, "TRACE", "/t"); err == nil || err.Error() != "TRACE not allowed for Script" {
		t.Errorf("Script TRACE: %v", err)
	}
	if err := c.addScript(nil, "SEARCH", "/s"); err != nil {
		t.Fatal(err)
	}
	if c.scripts[server.MethodBit("SEARCH")] != "/s" {
		t.Errorf("scripts: %v", c.scripts)
	}
}
