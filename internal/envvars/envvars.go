// Package envvars reads the shell file by which Debian's Apache defines the
// variables that its configuration is written with.
package envvars

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// Source takes over what a shell file exports. No file is no problem. An error
// names the file and what the shell said.
func Source(file string) error {
	if st, err := os.Stat(file); err != nil || !st.Mode().IsRegular() {
		return nil
	}
	var problem bytes.Buffer
	cmd := exec.Command("/bin/sh", "-c", `. "$1" && exec env -0`, "sh", file)
	cmd.Stderr = &problem
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", file, err, strings.TrimSpace(problem.String()))
	}
	for _, v := range strings.Split(string(out), "\x00") {
		if name, value, ok := strings.Cut(v, "="); ok && os.Getenv(name) != value {
			os.Setenv(name, value) //nolint:errcheck // the name has no '='
		}
	}
	return nil
}
