// Command jailctl is for people who run a jail: it says what the configuration
// and the programs in it will miss and what should not be there, puts the missing
// files in, shows what each serving process is locked into, and has one server take
// over from another.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/donjon-httpd/donjon/chroot"
	"github.com/donjon-httpd/donjon/httpdconf"
	"github.com/donjon-httpd/donjon/internal/envvars"
	"github.com/donjon-httpd/donjon/modules"
	"github.com/donjon-httpd/donjon/server"
	"github.com/donjon-httpd/donjon/server/mpm"
)

// Exit statuses.
const (
	exitOK    = 0
	exitFound = 1 // there is something to mend
	exitError = 2 // the question could not be answered
)

const usageText = `usage: jailctl check     [-f httpd.conf | -jail DIR] [-json] [-with LIST] [PROGRAM...]
       jailctl provision [-f httpd.conf | -jail DIR] [-json] [-with LIST] [-dry-run] PROGRAM...
       jailctl diff      [-f httpd.conf | -jail DIR] [-json]
       jailctl trace     [-f httpd.conf | -jail DIR] [-json] COMMAND [ARGUMENT...]
       jailctl status    [-json] PID
       jailctl takeover  [-json] PID COMMAND [ARGUMENT...]
`

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// command is what the command line asked for.
type command struct {
	out    io.Writer
	asJSON bool
	dry    bool
	jail   string
	id     chroot.Identity
	with   map[string]bool
	diags  httpdconf.Diagnostics // of the configuration
	args   []string
}

func run(args []string, stdout, stderr io.Writer) int {
	verbs := map[string]func(*command) (int, error){
		"check": check, "provision": provision, "diff": diff, "trace": trace, "status": status, "takeover": takeover}
	if len(args) == 0 || verbs[args[0]] == nil {
		fmt.Fprint(stderr, usageText)
		return exitError
	}
	c := &command{out: stdout, with: map[string]bool{}}
	flags := flag.NewFlagSet("jailctl "+args[0], flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() { fmt.Fprint(stderr, usageText) }
	config := flags.String("f", "", "the configuration that names ChrootDir")
	flags.StringVar(&c.jail, "jail", "", "the jail, where no configuration names it")
	user := flags.String("user", "www-data", "the server's user, with -jail")
	with := flags.String("with", "", "features to provide, with commas: "+featureNames())
	flags.BoolVar(&c.asJSON, "json", false, "write JSON")
	flags.BoolVar(&c.dry, "dry-run", false, "only say what would be done")
	if err := flags.Parse(args[1:]); err != nil {
		return exitError
	}
	c.args = flags.Args()
	for name := range strings.SplitSeq(*with, ",") {
		if name != "" && !strings.Contains(" "+featureNames()+" ", " "+name+" ") {
			fmt.Fprintf(stderr, "jailctl: -with %s: no such feature; there are %s\n", name, featureNames())
			return exitError
		}
		c.with[name] = true
	}
	err := error(nil)
	if args[0] != "status" && args[0] != "takeover" {
		err = c.find(*config, *user)
	}
	code := exitError
	if err == nil {
		code, err = verbs[args[0]](c)
	}
	if err != nil {
		fmt.Fprintf(stderr, "jailctl: %v\n", err)
		return exitError
	}
	return code
}

// find takes jail and user from the configuration, or from the command line.
func (c *command) find(config, user string) error {
	if (config == "") == (c.jail == "") {
		return errors.New("give either -f with a configuration or -jail with a directory")
	}
	if c.jail != "" {
		dir, err := filepath.Abs(c.jail)
		if err == nil {
			dir, err = filepath.EvalSymlinks(dir)
		}
		if err != nil {
			return err
		}
		if st, err := os.Stat(dir); err != nil || !st.IsDir() || dir == "/" {
			return fmt.Errorf("%s is no directory that could be a jail", dir)
		}
		c.jail = dir
		c.id, err = chroot.Lookup(user, user)
		return err
	}
	file, err := filepath.Abs(config)
	if err != nil {
		return err
	}
	// Debian's configuration is written with the variables of the file beside it.
	if err := envvars.Source(filepath.Join(filepath.Dir(file), "envvars")); err != nil {
		return err
	}
	p := &mpm.Program{Name: "jailctl", Builtin: modules.Builtin, Config: file, Root: filepath.Dir(file), NoRoots: true}
	l, diags := p.Load(0)
	if l.Gen == nil {
		for _, d := range diags {
			if d.Severity == httpdconf.Error {
				return errors.New(d.String())
			}
		}
		return fmt.Errorf("%s cannot be used", file)
	}
	j := server.Jail.Of(l.Gen.Config.Main)
	if j.Dir == "" {
		return fmt.Errorf("%s has no ChrootDir", file)
	}
	c.jail, c.diags = j.Dir, server.JailReport(l.Gen)
	c.id, err = chroot.Lookup(j.User, j.Group)
	return err
}

func featureNames() string {
	var names []string
	seen := map[string]bool{}
	for _, f := range append(features[:len(features):len(features)], phpFeatures...) {
		if !seen[f.name] {
			seen[f.name] = true
			names = append(names, f.name)
		}
	}
	return strings.Join(names, " ")
}

// table writes rows in columns; nothing when there are none.
func (c *command) table(title string, head []string, rows [][]string) {
	if len(rows) == 0 {
		return
	}
	fmt.Fprintf(c.out, "%s\n", title)
	w := tabwriter.NewWriter(c.out, 0, 8, 2, ' ', 0)
	for _, row := range append([][]string{head}, rows...) {
		fmt.Fprintf(w, "  %s\n", strings.Join(row, "\t"))
	}
	w.Flush()
}

func (c *command) json(v any) error {
	e := json.NewEncoder(c.out)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
