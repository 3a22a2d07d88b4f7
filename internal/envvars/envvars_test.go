package envvars

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSource(t *testing.T) {
	t.Setenv("ENVVARS_TEST_A", "before")
	t.Setenv("ENVVARS_TEST_B", "kept")
	file := filepath.Join(t.TempDir(), "envvars")
	if err := Source(file); err != nil {
		t.Errorf("no file: %v", err)
	}
	if err := os.WriteFile(file, []byte("export ENVVARS_TEST_A='of the\nfile'\nexit 3\nENVVARS_TEST_C=mine\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Source(file); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("a file with an error: %v", err)
	}
	if err := os.WriteFile(file, []byte("export ENVVARS_TEST_A='of the\nfile'\nENVVARS_TEST_C=mine\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Source(file); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"ENVVARS_TEST_A": "of the\nfile", "ENVVARS_TEST_B": "kept", "ENVVARS_TEST_C": ""} {
		if got := os.Getenv(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}
