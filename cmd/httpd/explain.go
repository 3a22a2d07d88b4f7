package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"path/filepath"
	"strings"

	"github.com/donjon-httpd/donjon/httpdconf"
	"github.com/donjon-httpd/donjon/server"
	"github.com/donjon-httpd/donjon/server/mpm"
)

// inquiry is the command line of "httpd explain".
type inquiry struct {
	arguments
	question server.Question
	json     bool
}

// list gathers the values of an option that may be given more than once.
type list []string

func (l *list) String() string     { return strings.Join(*l, " ") }
func (l *list) Set(s string) error { *l = append(*l, s); return nil }

const explainUsage = `Usage: %s explain [options] METHOD URL [-H "Name: value"]...
Says what the server would do with a request, and which lines of its
configuration are the reason. Nothing listens, and nothing is run.
  -f file, -d directory, -D name, -C "directive", -c "directive", -T
                     : the configuration, as without "explain"
  -H "Name: value"   : a field of the request
  -l address[:port]  : the address at which the request comes in
  -r address[:port]  : the address of the client
  -json              : print JSON
`

// parseInquiry reads the command line behind "explain"; options may stand
// anywhere.
func parseInquiry(argv []string, stderr io.Writer) (*inquiry, error) {
	q := &inquiry{arguments: arguments{config: defaults.config, root: defaults.root}}
	set := flag.NewFlagSet("explain", flag.ContinueOnError)
	set.SetOutput(io.Discard)
	var fields list
	var local, remote string
	set.StringVar(&q.config, "f", q.config, "")
	set.StringVar(&q.root, "d", q.root, "")
	set.Var((*list)(&q.defines), "D", "")
	set.Var((*list)(&q.before), "C", "")
	set.Var((*list)(&q.after), "c", "")
	set.BoolVar(&q.noRoots, "T", false, "")
	set.Var(&fields, "H", "")
	set.StringVar(&local, "l", "", "")
	set.StringVar(&remote, "r", "", "")
	set.BoolVar(&q.json, "json", false, "")
	var words []string
	for rest := argv; ; {
		if err := set.Parse(rest); err != nil {
			if errors.Is(err, flag.ErrHelp) {
				return nil, errUsage("")
			}
			return nil, err
		}
		if rest = set.Args(); len(rest) == 0 {
			break
		}
		words, rest = append(words, rest[0]), rest[1:]
	}
	if len(words) != 2 {
		return nil, errUsage("a method and a URL are needed")
	}
	q.question.Method, q.question.Target = words[0], words[1]
	for _, f := range fields {
		name, value, ok := strings.Cut(f, ":")
		if !ok || strings.TrimSpace(name) == "" {
			return nil, errUsage(fmt.Sprintf("-H %q is not \"Name: value\"", f))
		}
		q.question.Fields = append(q.question.Fields, server.Field{Name: strings.TrimSpace(name), Value: strings.TrimSpace(value)})
	}
	for _, a := range []struct {
		text string
		to   *netip.AddrPort
	}{{local, &q.question.Local}, {remote, &q.question.Remote}} {
		if a.text == "" {
			continue
		}
		var err error
		if *a.to, err = parseAddress(a.text); err != nil {
			return nil, err
		}
	}
	return q, nil
}

// parseAddress reads an address with or without a port.
func parseAddress(s string) (netip.AddrPort, error) {
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap, nil
	}
	a, err := netip.ParseAddr(strings.Trim(s, "[]"))
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("%q is not an address", s)
	}
	return netip.AddrPortFrom(a, 0), nil
}

// explain is "httpd explain"; it gives the exit status.
func explain(p *mpm.Program, argv []string, stdout, stderr io.Writer) int {
	q, err := parseInquiry(argv, stderr)
	if err != nil {
		if err.Error() != "" {
			fmt.Fprintf(stderr, "%s: %v\n", server.ProgramName, err)
		}
		fmt.Fprintf(stderr, explainUsage, server.ProgramName)
		return 1
	}
	root, err := filepath.Abs(q.root)
	if err != nil {
		fmt.Fprintf(stderr, "%s: %v\n", server.ProgramName, err)
		return 1
	}
	q.root = root
	loader := &server.Loader{Builtin: p.Builtin, Source: httpdconf.OS, Defines: q.defines, Before: q.before, After: q.after,
		Root: q.root, NoRoots: q.noRoots, Outside: true}
	g, diags := loader.Load(q.configFile())
	report(stderr, diags, false)
	if g == nil {
		return 1
	}
	x, err := g.Explain(q.question)
	if err != nil {
		fmt.Fprintf(stderr, "%s: %v\n", server.ProgramName, err)
		return 1
	}
	if q.json {
		e := json.NewEncoder(stdout)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		err = e.Encode(x)
	} else {
		err = tell(stdout, x)
	}
	if err != nil {
		fmt.Fprintf(stderr, "%s: %v\n", server.ProgramName, err)
		return 1
	}
	return 0
}
