package modules

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

var write = flag.Bool("write", false, "write docs/directives.md")

// TestReference keeps docs/directives.md equal to the tables of the modules.
func TestReference(t *testing.T) {
	var b strings.Builder
	b.WriteString("# Directives\n\nEvery directive of every module that is built in, made from the modules' tables by\n`go test ./modules -run TestReference -write`. " +
		"What each does is told by Apache's manual, and where ours differs by docs/modules.\n\n- **where**: server (and virtual hosts), main (the main server alone), section (`<Directory>` and its like), " +
		"or the AllowOverride class with which it may stand in `.htaccess` too.\n- **path**: *real* is read before the jail closes and named as outside; *jail* is read while requests are served and has to be in the jail.\n")
	sorted := slices.SortedFunc(slices.Values(Builtin), func(a, b *server.Module) int { return strings.Compare(a.Name, b.Name) })
	for _, m := range sorted {
		if len(m.Directives) == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n## %s\n\n| directive | arguments | where | path | notes |\n|---|---|---|---|---|\n", m.Name)
		for _, d := range m.Directives {
			notes := d.Details
			if d.NoOp != "" {
				notes = strings.TrimSpace(notes + " Without effect: " + d.NoOp + ".")
			}
			path := [...]string{directives.NoPath: "", directives.BeforeJail: "real", directives.InJail: "jail"}[d.Reads]
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", d.Name, cell(d.Usage), where(&d), path, cell(notes))
		}
	}
	const page = "../docs/directives.md"
	if *write {
		if err := os.WriteFile(page, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(b.String(), string(text)); d != "" {
		t.Errorf("docs/directives.md is stale; make it anew with -write: %s", d)
	}
}

func cell(s string) string {
	return strings.NewReplacer("|", "\\|", "\n", " ", "<", "&lt;", ">", "&gt;").Replace(s)
}

// where says in words what a row's contexts are.
func where(d *directives.Directive) string {
	var places []string
	if d.In&directives.InServer != 0 {
		place := "server"
		if d.Forbid&directives.NotInVirtualHost != 0 {
			place = "main"
		}
		places = append(places, place)
	}
	if d.In&directives.InDir != 0 && d.Forbid&directives.NotInDirLocFile != directives.NotInDirLocFile {
		places = append(places, "section")
	}
	for _, name := range []string{"Limit", "Options", "FileInfo", "AuthConfig", "Indexes"} {
		if d.In&classes[name] != 0 {
			places = append(places, name)
		}
	}
	if d.In&directives.InProxy != 0 {
		places = append(places, "&lt;Proxy&gt;")
	}
	return strings.Join(places, ", ")
}
