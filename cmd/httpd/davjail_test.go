package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestLockDatabaseAndJail locks files in a jail: with the database outside of it, which
// each child opens before the jail closes, and inside of it. All children know the
// locks, and they outlast the server.
func TestLockDatabaseAndJail(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can enter a chroot with User and Group")
	}
	bin := filepath.Join(t.TempDir(), "httpd")
	buildHere(t, ".", bin)
	for name, db := range map[string]string{"outside": "locks/davlock", "inside": "jail/locks/davlock"} {
		t.Run(name, func(t *testing.T) {
			root := jailTree(t, "jail/htdocs/d", "jail/locks", "locks")
			for _, dir := range []string{"jail/htdocs/d", "jail/locks"} {
				if err := os.Chmod(filepath.Join(root, dir), 0o777); err != nil {
					t.Fatal(err)
				}
			}
			conf := `LoadModule authz_core_module modules/mod_authz_core.so
LoadModule dav_module modules/mod_dav.so
LoadModule dav_fs_module modules/mod_dav_fs.so
ChrootDir ${ROOT}/jail
ChrootFixRoot On
StartServers 3
DocumentRoot ${ROOT}/jail/htdocs
DavLockDB ${ROOT}/` + db + `
<Directory ${ROOT}/jail/htdocs/d>
    Dav On
</Directory>
`
			const lock = `<lockinfo xmlns="DAV:"><lockscope><exclusive/></lockscope><locktype><write/></locktype></lockinfo>`
			t.Run("made", func(t *testing.T) {
				url := startServer(t, bin, root, conf)
				if got := ask(t, "PUT", url+"/d/f", "1"); got != "201 Created" {
					t.Fatalf("PUT: %s", got)
				}
				if got := ask(t, "LOCK", url+"/d/f", lock); !strings.Contains(got, "<D:exclusive/>") {
					t.Fatalf("LOCK: %s", got)
				}
				for range 20 {
					if got := ask(t, "PUT", url+"/d/f", "2"); got != "423 Locked" {
						t.Fatalf("PUT: %s", got)
					}
				}
			})
			t.Run("found again", func(t *testing.T) {
				url := startServer(t, bin, root, conf)
				if got := ask(t, "DELETE", url+"/d/f", ""); got != "423 Locked" {
					t.Errorf("DELETE: %s", got)
				}
			})
			if st, err := os.Stat(filepath.Join(root, db)); err != nil || st.Size() == 0 {
				t.Errorf("the database: %v %v", st, err)
			}
		})
	}
}
