package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/donjon-httpd/donjon/chroot"
	"github.com/donjon-httpd/donjon/internal/envvars"
	"github.com/donjon-httpd/donjon/server"
)

// Under the names apachectl and apache2ctl the program is the script of that
// name: its words become options of httpd, and a restart is refused by a
// configuration test first. Messages and exit statuses are those of the script
// in Debian's apache2.

// isControl tells whether the program was called as apachectl.
func isControl(argv0 string) bool {
	name := filepath.Base(argv0)
	return name == "apachectl" || name == "apache2ctl"
}

// control runs httpd with what the script's words mean.
func control(argv []string, stdout, stderr io.Writer) int {
	word := ""
	if len(argv) > 1 {
		word = argv[1]
	}
	if slices.Contains([]string{"", "usage", "help", "--help"}, word) {
		fmt.Fprintf(stderr, "Usage: %[1]s start|stop|restart|graceful|graceful-stop|configtest|status|fullstatus|help\n"+
			"       %[1]s <httpd args>\n       %[1]s -h            (for help on <httpd args>)\n", argv[0])
		return 1
	}
	var given []string
	if dir := os.Getenv("APACHE_CONFDIR"); dir != "" {
		given = append(given, "-d", dir)
	}
	if err := sourceVariables(); err != nil {
		fmt.Fprintf(stderr, "%s: %v\n", argv[0], err)
		return 1
	}
	if err := runtimeDirs(); err != nil {
		fmt.Fprintln(stdout, err)
		return 1
	}
	given = append(given, strings.Fields(os.Getenv("APACHE_ARGUMENTS"))...)
	httpd := func(stdout, stderr io.Writer, args ...string) int {
		os.Args = slices.Concat([]string{server.ProgramName}, given, args) // what a daemon is started with
		return run(os.Args, stdout, stderr)
	}
	status := 0
	switch word {
	case "start", "stop", "graceful-stop", "status", "fullstatus":
		status = httpd(stdout, stderr, "-k", word)
	case "restart", "graceful":
		var said bytes.Buffer
		if status = httpd(io.Discard, &said, "-t"); status == 0 {
			status = httpd(stdout, stderr, "-k", word)
		} else {
			stderr.Write(said.Bytes()) //nolint:errcheck // nobody else to tell
		}
	case "startssl", "sslstart", "start-SSL":
		fmt.Fprint(stdout, "The startssl option is no longer supported.\n"+
			"Please edit httpd.conf to include the SSL configuration settings\nand then use \"apachectl start\".\n")
		status = 2
	case "configtest":
		status = httpd(stdout, stderr, "-t")
	default:
		status = httpd(stdout, stderr, argv[1:]...)
	}
	if status != 0 {
		fmt.Fprintf(stdout, "Action '%s' failed.\nThe Apache error log may have more information.\n", strings.Join(argv[1:], " "))
	}
	return status
}

// runtimeDirs makes the directories that Debian's configuration expects and that are
// gone after each boot: APACHE_RUN_DIR, the socks below it and APACHE_LOCK_DIR, the
// last two for APACHE_RUN_USER. Where the variables are not set there is nothing to make.
func runtimeDirs() error {
	run, lock := os.Getenv("APACHE_RUN_DIR"), os.Getenv("APACHE_LOCK_DIR")
	if os.Geteuid() != 0 {
		return nil // they belong to the system
	}
	if run != "" {
		if err := os.MkdirAll(run, 0o755); err != nil {
			return err
		}
	}
	owner := os.Getenv("APACHE_RUN_USER")
	id, lookupErr := chroot.Lookup(owner, "#0")
	for _, dir := range []string{filepath.Join(run, "socks"), lock} {
		if dir == "socks" || dir == "" || exists(dir) {
			continue
		}
		err := lookupErr
		if err == nil {
			err = os.MkdirAll(filepath.Dir(dir), 0o755)
		}
		if err == nil {
			err = os.Mkdir(dir, 0o755)
		}
		if err == nil {
			err = os.Chown(dir, id.UID, -1)
		}
		if err != nil {
			return fmt.Errorf("Cannot create %s with owner %s: %w", dir, owner, err)
		}
	}
	return nil
}

// sourceVariables takes over what the shell file beside the configuration
// exports (APACHE_ENVVARS, else envvars in APACHE_CONFDIR or the server root):
// Debian's configuration is written with its variables. No file is no problem.
func sourceVariables() error {
	file := os.Getenv("APACHE_ENVVARS")
	if file == "" {
		dir := os.Getenv("APACHE_CONFDIR")
		if dir == "" {
			dir = defaults.root
		}
		file = filepath.Join(dir, "envvars")
	}
	return envvars.Source(file)
}
