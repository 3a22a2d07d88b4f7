package server

import (
	"errors"
	"testing"

	"github.com/donjon-httpd/donjon/httpdconf"
)

// TestJailReportLocks: a lock that is asked for and lacks is told, as a warning where
// the server would not start.
func TestJailReportLocks(t *testing.T) {
	old := lacking
	t.Cleanup(func() { lacking = old })
	lacking = map[string]func() error{
		"chrootlandlock":      func() error { return errors.New("this kernel has no Landlock") },
		"chrootprivatemounts": func() error { return nil },
	}
	for _, c := range []struct {
		name, args string
		severity   httpdconf.Severity
		summary    string
	}{
		{"ChrootLandlock", "On", httpdconf.Warning, "ChrootLandlock On cannot be had here: this kernel has no Landlock"},
		{"ChrootLandlock", "auto", httpdconf.Note, "ChrootLandlock auto cannot be had here: this kernel has no Landlock"},
		{"ChrootLandlock", "Off", 0, ""},
		{"ChrootPrivateMounts", "On", 0, ""},
	} {
		var j jailReport
		j.walk([]*httpdconf.Node{{Name: c.name, Args: c.args}})
		if c.summary == "" {
			if len(j.diags) != 0 {
				t.Errorf("%s %s: %v", c.name, c.args, j.diags)
			}
			continue
		}
		if len(j.diags) != 1 || j.diags[0].Severity != c.severity || j.diags[0].Summary != c.summary {
			t.Errorf("%s %s: %v", c.name, c.args, j.diags)
		}
	}
}
