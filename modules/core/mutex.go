package core

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/httpdconf"
	"github.com/donjon-httpd/donjon/server"
)

// mechanisms is how Apache's errors list what Mutex knows.
const mechanisms = "Mutex mechanisms are: 'none', 'default', 'flock:/path/to/file', 'fcntl:/path/to/file', " +
	"'file:/path/to/file', 'pthread', 'sysvsem', 'posixsem', 'sem'"

// setMutex checks what Mutex says. Nothing is kept: children share only words
// that are changed without locks.
func setMutex(_ *server.ServerConfig, cmd *directives.Cmd, args string) error {
	mechanism, rest := httpdconf.Getword(args)
	if mechanism == "" {
		return fmt.Errorf("Mutex requires at least a mechanism argument (%s)", mechanisms)
	}
	kind, file, _ := strings.Cut(mechanism, ":")
	kind = strings.ToLower(kind)
	none := kind == "none" || kind == "no"
	switch kind {
	case "none", "no", "posixsem", "sem":
		file = "" // a semaphore's is a name, not a file
	case "default", "yes", "file", "flock", "fcntl", "sysvsem", "pthread":
	default:
		return fmt.Errorf("Invalid Mutex argument %s (%s)", mechanism, mechanisms)
	}
	if file != "" && !server.IsReplayed(cmd) {
		if st, err := os.Stat(cmd.ServerRootRelative(file)); err != nil || !st.IsDir() {
			return fmt.Errorf("Invalid Mutex directory in argument %s", mechanism)
		}
	}
	types := slices.DeleteFunc(httpdconf.Words(rest), func(w string) bool { return strings.EqualFold(w, "omitpid") })
	if len(types) == 0 {
		types = []string{"default"}
	}
	for _, t := range slices.Backward(types) {
		known := slices.ContainsFunc(server.ActiveModules(cmd), func(m *server.Module) bool { return slices.Contains(m.Mutexes, t) })
		switch {
		case t != "default" && !known:
			return fmt.Errorf("Mutex type %s is not valid", t)
		case none:
			return fmt.Errorf("None is not allowed for mutex type %s", t)
		}
	}
	return nil
}
