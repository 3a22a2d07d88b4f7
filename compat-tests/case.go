package compattests

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/tools/txtar"
)

// testCase is one file of cases/.
type testCase struct {
	name       string
	path       string
	archive    *txtar.Archive
	about      string
	config     string
	whole      bool // config has no preamble
	setup      []string
	files      map[string]string
	requests   []request
	fields     []string // compared fields; "*" all
	answers    string
	logs       map[string]string // file -> wanted text
	checks     []check
	differs    string // why httpd answers otherwise; then its own answers
	own        string
	once       string              // why it is not asked twice
	backend    map[string][]string // answers of the server behind, by path; nil for none
	gateway    string              // what the backend speaks instead of HTTP: fcgi, scgi, uwsgi, ajp, ftp, fd, ident, redis
	slapd      string              // entries of a directory behind, as LDIF; "" for none
	port2      int                 // where that listens
	backendTLS *backendTLS         // how the backend's port is encrypted; nil: it is not
	ocsp       map[string][]string // what the responder answers, by path; nil for none
}

// request is one exchange: raw bytes to send on a connection of its own.
type request struct {
	bytes string
	wait  time.Duration // before it is sent
	tls   *tlsClient    // over what it is sent; nil: in clear
	http2 *session      // a session of HTTP/2 instead; nil for none
}

// check is a snippet of configuration for "httpd -t".
type check struct{ name, config, want string }

// parseCase reads a case and refuses what it does not know: a misspelt section
// would otherwise be a file that nobody looks at.
func parseCase(path string) (*testCase, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	a := txtar.Parse(data)
	c := &testCase{name: strings.TrimSuffix(filepath.Base(path), ".txtar"), path: path, archive: a,
		about: strings.TrimSpace(string(a.Comment)), files: map[string]string{}, logs: map[string]string{}}
	if c.about == "" {
		return nil, fmt.Errorf("%s: the case does not say what it shows", path)
	}
	seen := map[string]bool{}
	for _, f := range a.Files {
		if seen[f.Name] {
			return nil, fmt.Errorf("%s: section %q stands twice", path, f.Name)
		}
		seen[f.Name] = true
		text := string(f.Data)
		switch {
		case f.Name == "httpd.conf":
			c.config = text
		case f.Name == "httpd.conf: whole":
			c.config, c.whole = text, true
		case f.Name == "setup":
			c.setup = lines(text)
		case f.Name == "requests":
			if c.requests, err = parseRequests(text); err != nil {
				return nil, fmt.Errorf("%s: %w", path, err)
			}
		case f.Name == "answers" || strings.HasPrefix(f.Name, "answers:"):
			c.fields = strings.Fields(strings.TrimPrefix(strings.TrimPrefix(f.Name, "answers"), ":"))
			c.answers = text
		case strings.HasPrefix(f.Name, "log "):
			c.logs[strings.TrimPrefix(f.Name, "log ")] = text
		case strings.HasPrefix(f.Name, "check "):
			name := strings.TrimPrefix(f.Name, "check ")
			config, want, _ := strings.Cut(text, "=>\n")
			c.checks = append(c.checks, check{name, config, want})
		case strings.HasPrefix(f.Name, "differs: "):
			c.differs, c.own = strings.TrimPrefix(f.Name, "differs: "), text
		case strings.HasPrefix(f.Name, "gateway "):
			if c.gateway = strings.TrimPrefix(f.Name, "gateway "); gateways[c.gateway] == nil && !slices.Contains([]string{"ftp", "fd", "ident", "redis"}, c.gateway) {
				return nil, fmt.Errorf("%s: unknown protocol %q", path, c.gateway)
			}
			if c.backend == nil {
				c.backend = map[string][]string{}
			}
		case f.Name == "backend" || strings.HasPrefix(f.Name, "backend "):
			if c.backend == nil {
				c.backend = map[string][]string{}
			}
			c.backend[strings.TrimPrefix(strings.TrimPrefix(f.Name, "backend"), " ")] = lines(text)
		case f.Name == "backend-tls":
			if c.backendTLS, err = parseBackendTLS(text); err != nil {
				return nil, fmt.Errorf("%s: %w", path, err)
			}
			if c.backend == nil {
				c.backend = map[string][]string{}
			}
		case f.Name == "ocsp":
			if c.ocsp, err = parseOCSP(text); err != nil {
				return nil, fmt.Errorf("%s: %w", path, err)
			}
		case f.Name == "slapd":
			c.slapd = text
		case strings.HasPrefix(f.Name, "once: "):
			c.once = strings.TrimPrefix(f.Name, "once: ")
		case strings.HasPrefix(f.Name, "htdocs/") || strings.HasPrefix(f.Name, "dir/") || strings.HasPrefix(f.Name, "conf/"):
			c.files[f.Name] = text
		default:
			return nil, fmt.Errorf("%s: unknown section %q", path, f.Name)
		}
	}
	if len(c.requests) == 0 && len(c.checks) == 0 {
		return nil, fmt.Errorf("%s: the case asks nothing", path)
	}
	return c, nil
}

func lines(text string) []string {
	var list []string
	for l := range strings.SplitSeq(text, "\n") {
		if l = strings.TrimSpace(l); l != "" {
			list = append(list, l)
		}
	}
	return list
}

// parseRequests reads requests between blank lines. The short form is a method
// and a target, then fields; it becomes HTTP/1.1 with Host and Connection:
// close. The form "raw" is followed by lines with escapes.
func parseRequests(text string) ([]request, error) {
	var list []request
	for block := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
		ls := strings.Split(strings.TrimSpace(block), "\n")
		if ls[0] == "raw" {
			var b strings.Builder
			for _, l := range ls[1:] {
				s, err := strconv.Unquote(`"` + strings.ReplaceAll(strings.TrimSpace(l), `"`, `\"`) + `"`)
				if err != nil {
					return nil, fmt.Errorf("request %q: %w", l, err)
				}
				b.WriteString(s)
			}
			list = append(list, request{bytes: b.String()})
			continue
		}
		if w := strings.Fields(ls[0]); w[0] == "http2" {
			var over *tlsClient
			if len(w) == 3 && w[1] == "tls" {
				over = &tlsClient{}
				over.set(w[1], w[2]) //nolint:errcheck // a name is never wrong
			}
			s, err := parseSession(ls[1:])
			if err != nil {
				return nil, err
			}
			list = append(list, request{http2: s, tls: over})
			continue
		}
		for len(ls) > 0 {
			method, target, ok := strings.Cut(ls[0], " ")
			if !ok {
				return nil, fmt.Errorf("request %q: want a method and a target", ls[0])
			}
			ls = ls[1:]
			host, extra := "localhost", ""
			body := ""
			var wait time.Duration
			var over *tlsClient
			for len(ls) > 0 && strings.Contains(ls[0], ": ") && !strings.Contains(strings.SplitN(ls[0], ": ", 2)[0], " ") {
				k, v, _ := strings.Cut(ls[0], ": ")
				switch k {
				case "Host":
					host = v
				case "body":
					body = v
				case "wait":
					var err error
					if wait, err = time.ParseDuration(v); err != nil {
						return nil, fmt.Errorf("request %q: %w", ls[0], err)
					}
				case "tls", "tls-version", "tls-certificate", "tls-staple":
					if over == nil {
						over = &tlsClient{}
					}
					if err := over.set(k, v); err != nil {
						return nil, fmt.Errorf("request %q: %w", ls[0], err)
					}
				default:
					extra += k + ": " + v + "\r\n"
				}
				ls = ls[1:]
			}
			if body != "" {
				extra += fmt.Sprintf("Content-Length: %d\r\n", len(body))
			}
			list = append(list, request{fmt.Sprintf("%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n%s\r\n%s", method, target, host, extra, body), wait, over, nil})
		}
	}
	return list, nil
}

// fileTime is the modification time of every file of a case, so that ETag and
// Last-Modified can be recorded.
var fileTime = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// layOut writes the case's files below dir and runs its setup.
func (c *testCase) layOut(dir string) error {
	if err := os.MkdirAll(filepath.Join(dir, "htdocs"), 0o755); err != nil {
		return err
	}
	for name, text := range c.files {
		p := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(p, []byte(strings.ReplaceAll(text, "${DIR}", dir)), 0o644); err != nil {
			return err
		}
	}
	var touches [][]string
	for _, line := range c.setup {
		w := strings.Fields(line)
		if len(w) == 3 && w[0] == "touch" {
			touches = append(touches, w)
			continue
		}
		if err := setupLine(dir, w); err != nil {
			return fmt.Errorf("setup %q: %w", line, err)
		}
	}
	err := filepath.Walk(dir, func(p string, st os.FileInfo, err error) error {
		if err != nil || st.Mode()&os.ModeSymlink != 0 {
			return err
		}
		return os.Chtimes(p, fileTime, fileTime)
	})
	for _, w := range touches {
		at, bad := time.Parse(time.RFC3339, w[1])
		err = errors.Join(err, bad, os.Chtimes(filepath.Join(dir, w[2]), at, at))
	}
	return err
}

func setupLine(dir string, w []string) error {
	at := func(i int) string { return filepath.Join(dir, w[i]) }
	switch {
	case w[0] == "mkdir" && len(w) == 2:
		return os.MkdirAll(at(1), 0o755)
	case w[0] == "ln" && len(w) == 3:
		return os.Symlink(strings.ReplaceAll(w[1], "${DIR}", dir), at(2))
	case w[0] == "chmod" && len(w) == 3:
		mode, err := strconv.ParseUint(w[1], 8, 32)
		if err != nil {
			return err
		}
		return os.Chmod(at(2), os.FileMode(mode))
	case w[0] == "fill" && len(w) == 3:
		n, err := strconv.Atoi(w[1])
		if err != nil {
			return err
		}
		return os.WriteFile(at(2), []byte(strings.Repeat("0123456789abcde\n", n/16)), 0o644)
	case w[0] == "certificates" && len(w) == 1:
		return os.CopyFS(filepath.Join(dir, "tls"), os.DirFS("testdata/tls"))
	case w[0] == "database" && len(w) == 3:
		return makeDatabase(at(1), at(2))
	case w[0] == "unpack" && len(w) == 3:
		packed, err := base64.StdEncoding.DecodeString(w[1])
		if err != nil {
			return err
		}
		z, err := gzip.NewReader(bytes.NewReader(packed))
		if err != nil {
			return err
		}
		data, err := io.ReadAll(z)
		if err != nil {
			return err
		}
		return os.WriteFile(at(2), data, 0o644)
	}
	return fmt.Errorf("want mkdir DIR, ln TARGET NAME, chmod MODE NAME, fill BYTES NAME, touch TIME NAME, unpack BASE64 NAME, database NAME FILE or certificates")
}
