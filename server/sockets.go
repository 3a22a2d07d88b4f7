package server

import (
	"path"
	"slices"
	"strings"

	"github.com/donjon-httpd/donjon/httpdconf"
)

// SocketBroker connects to "unix:" sockets outside of the jail, for a child that
// cannot reach them. The parent is behind it: it connects only to what the main
// configuration names (docs/security.md).
type SocketBroker interface {
	// Connect gives a connected, non-blocking stream socket. An error is the
	// errno of connect(2), or EACCES for a path that the configuration does not name.
	Connect(path string) (fd int, err error)
}

// DefaultRuntimeDir is the directory for what is made while the server runs,
// below ServerRoot (DEFAULT_REL_RUNTIMEDIR).
const DefaultRuntimeDir = "logs"

// RuntimeDir is the directory that relative paths of sockets start from.
func RuntimeDir(t *httpdconf.Tree) string {
	if t.RuntimeDir != "" {
		return t.RuntimeDir
	}
	return path.Join(t.ServerRoot, DefaultRuntimeDir)
}

// NamedSockets are the "unix:" sockets that the main configuration names, and those
// of "fd:" URLs, in any directive: absolute real paths in order, each once. A name with a variable
// or a back reference in it, which requests could shape, is none.
func NamedSockets(t *httpdconf.Tree) []string {
	var found []string
	var walk func([]*httpdconf.Node)
	walk = func(nodes []*httpdconf.Node) {
		for _, n := range nodes {
			found = append(found, socketsIn(n.Args)...)
			found = append(found, passingSockets(n.Args, t.ServerRoot)...)
			if strings.EqualFold(n.Name, "DBDParams") {
				found = append(found, databaseSocket(n.Args)...)
			}
			walk(n.Children)
		}
	}
	walk(t.Nodes)
	runtime := RuntimeDir(t)
	for i, p := range found {
		if !path.IsAbs(p) {
			p = path.Join(runtime, p)
		}
		found[i] = path.Clean(p)
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// socketsIn finds "unix:path|" in the arguments of a directive.
func socketsIn(args string) []string {
	var found []string
	for rest := args; ; {
		i := strings.Index(LowerASCII(rest), "unix:")
		if i < 0 {
			return found
		}
		rest = rest[i+len("unix:"):]
		p, _, ok := strings.Cut(rest, "|")
		if ok && p != "" && !strings.ContainsAny(p, "$%\"' \t\\") {
			found = append(found, p)
		}
	}
}

// passingSockets finds "fd://path" in the arguments of a directive: relative paths
// start from root (mod_proxy_fdpass).
func passingSockets(args, root string) []string {
	var found []string
	for _, w := range strings.FieldsFunc(args, func(c rune) bool { return strings.ContainsRune(" \t\"'", c) }) {
		const scheme = "fd://"
		if len(w) < len(scheme) || !equalFold(w[:len(scheme)], scheme) {
			continue
		}
		if p := w[len(scheme):]; p != "" && !strings.ContainsAny(p, "$%\\") {
			if !path.IsAbs(p) {
				p = path.Join(root, p)
			}
			found = append(found, p)
		}
	}
	return found
}

// databaseSocket finds the socket of a database in the arguments of DBDParams:
// sock=PATH of MySQL, host=DIRECTORY of PostgreSQL, whose sockets' name has the
// port in it.
func databaseSocket(args string) []string {
	var sock, dir string
	port := "5432"
	for _, w := range strings.FieldsFunc(args, func(r rune) bool { return strings.ContainsRune(" \t;|,\"'", r) }) {
		key, value, _ := strings.Cut(w, "=")
		switch LowerASCII(key) {
		case "sock":
			sock = value
		case "host":
			dir = value
		case "port":
			port = value
		}
	}
	var found []string
	if path.IsAbs(sock) {
		found = append(found, sock)
	}
	if path.IsAbs(dir) {
		found = append(found, path.Join(dir, ".s.PGSQL."+port))
	}
	return slices.DeleteFunc(found, func(p string) bool { return strings.ContainsAny(p, "$%\\") })
}
