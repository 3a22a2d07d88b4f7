package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// report is what check finds.
type report struct {
	Jail          string   `json:"jail"`
	Configuration []string `json:"configuration"`
	Missing       []need   `json:"missing"` // what programs cannot start without
	Features      []need   `json:"features"`
	Nowhere       []need   `json:"nowhere"` // missing, and not on the machine either
	Dangers       []danger `json:"dangers"`
}

// wants gathers what the named programs and those in the jail need.
func (c *command) wants() (*finder, []danger, error) {
	found, programs, err := dangers(c.jail, c.id)
	if err != nil {
		return nil, nil, err
	}
	f := newFinder()
	for _, name := range c.args {
		if inside := filepath.Join(c.jail, name); filepath.IsAbs(name) && !onMachine(name) && hasFile(c.jail, name) {
			f.inside(inside)
			continue
		}
		if err := f.program(name); err != nil {
			return nil, nil, err
		}
	}
	for _, path := range programs {
		f.inside(path)
	}
	return f, found, nil
}

func onMachine(name string) bool { return hasFile("/", name) }

// inside adds what a file of the jail needs; itself it is there.
func (f *finder) inside(path string) {
	if f.seen[path] {
		return
	}
	f.seen[path] = true
	if o := readObject(path); o != nil {
		f.object(path, path, o, "")
		return
	}
	f.script(path, path, "")
}

func check(c *command) (int, error) {
	f, found, err := c.wants()
	if err != nil {
		return exitError, err
	}
	r := report{Jail: c.jail, Dangers: append([]danger{}, found...), Configuration: []string{}, Missing: []need{}, Features: []need{}, Nowhere: []need{}}
	for _, d := range c.diags {
		text := fmt.Sprintf("%s:%d: %s", d.Pos.File, d.Pos.Line, d.Summary)
		if d.Hint != "" {
			text += " (" + d.Hint + ")"
		}
		r.Configuration = append(r.Configuration, text)
	}
	r.Missing, r.Features = split(f.needs, c.jail)
	for _, n := range f.lost {
		if !hasFile(c.jail, n.Path) {
			r.Nowhere = append(r.Nowhere, n)
		}
	}
	code := exitOK
	if len(r.Configuration)+len(r.Missing)+len(r.Nowhere)+len(r.Dangers) > 0 {
		code = exitFound
	}
	for _, n := range r.Features {
		if c.with[n.Feature] {
			code = exitFound
		}
	}
	if c.asJSON {
		return code, c.json(r)
	}
	c.print(&r)
	return code, nil
}

// split tells apart what is missing and what only a feature misses.
func split(needs []need, jail string) (missing, features []need) {
	missing, features = []need{}, []need{}
	for _, n := range needs {
		switch {
		case hasFile(jail, n.Path):
		case n.Feature == "":
			missing = append(missing, n)
		default:
			features = append(features, n)
		}
	}
	return missing, features
}

func (c *command) print(r *report) {
	fmt.Fprintf(c.out, "jail %s, user %s (%d)\n", r.Jail, c.id.User, c.id.UID)
	for _, line := range r.Configuration {
		fmt.Fprintf(c.out, "configuration: %s\n", line)
	}
	var rows [][]string
	var some [][]string
	for _, n := range r.Missing {
		if row := []string{n.Path, n.Why, n.For}; n.Conditional {
			some = append(some, row)
		} else {
			rows = append(rows, row)
		}
	}
	c.table("missing: a program cannot start without it", []string{"file", "what it is", "needed by"}, rows)
	c.table("missing: a program may come to load it", []string{"file", "what it is", "named by"}, some)
	rows = nil
	for _, n := range r.Nowhere {
		rows = append(rows, []string{n.Path, n.Why, n.For})
	}
	c.table("missing, and not on this machine either", []string{"file", "what it is", "needed by"}, rows)
	rows = nil
	for _, n := range byFeature(r.Features) {
		mend := "provision -with " + n.Feature
		if slices.Contains(byHand, n.Feature) {
			mend = "see the reason"
		}
		rows = append(rows, []string{n.Feature, n.Path, n.Why, mend})
	}
	c.table("without these files something fails later", []string{"feature", "files", "what fails", "mend"}, rows)
	rows = nil
	for _, d := range r.Dangers {
		rows = append(rows, []string{d.Path, d.Kind, d.Why, d.Fix})
	}
	c.table("should not be in a jail", []string{"file", "kind", "why it matters", "mend"}, rows)
	if len(r.Missing) > 0 {
		mend := "mend: jailctl provision -jail " + shellQuote(c.jail)
		for _, name := range c.args {
			mend += " " + shellQuote(name)
		}
		fmt.Fprintln(c.out, mend)
	}
	if len(r.Configuration)+len(r.Missing)+len(r.Nowhere)+len(r.Features)+len(r.Dangers) == 0 {
		fmt.Fprintln(c.out, "nothing is missing, and nothing is there that should not be")
	}
}

// byFeature makes a row of each feature and reason.
func byFeature(needs []need) []need {
	var list []need
	for _, n := range needs {
		i := slices.IndexFunc(list, func(o need) bool { return o.Feature == n.Feature && o.Why == n.Why })
		if i < 0 {
			list = append(list, n)
			continue
		}
		if strings.Count(list[i].Path, " ") < 3 {
			list[i].Path += " " + n.Path
		} else if !strings.HasSuffix(list[i].Path, "…") {
			list[i].Path += " …"
		}
	}
	return list
}
