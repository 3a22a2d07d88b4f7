package server

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server/pattern"
)

// The walks find the sections that apply to a request and merge them, each
// walk by itself and then over what held (server/request.c): directories with
// their .htaccess files, files, locations, conditions.

// walkState is what applies so far on the way down a directory walk.
type walkState struct {
	options      Options
	add, remove  Options
	override     directives.Context
	overrideOpts Options
	overrideList map[string]bool
	listKey      string
}

// apply takes a section's core settings into the state (core_opts_merge).
func (w *walkState) apply(c *directives.Conf) {
	d := CoreDir.Of(c)
	if o, ok := d.Options.Get(); ok {
		w.options, w.add, w.remove = o, d.OptionsAdd, d.OptionsRemove
	} else {
		w.add = w.add&^d.OptionsRemove | d.OptionsAdd
		w.remove = w.remove&^d.OptionsAdd | d.OptionsRemove
		w.options = w.options&^w.remove | w.add
	}
	w.override = d.Override.Else(w.override)
	w.overrideOpts = d.OverrideOpts.Else(w.overrideOpts)
	if d.OverrideList != nil {
		w.overrideList = d.OverrideList
		keys := make([]string, 0, len(d.OverrideList))
		for k := range d.OverrideList {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		w.listKey = strings.Join(keys, " ")
	}
}

// locationAndIf runs the location walk and the conditions that follow it.
func (r *Request) locationAndIf() Status {
	r.locationWalk()
	return r.ifWalk()
}

// locationWalk merges the <Location> sections that match the URL-path.
func (r *Request) locationWalk() {
	sections := CoreServer.Of(r.Server).Locations
	if len(sections) == 0 || r.URI == "" {
		return
	}
	clean := noDoubleSlash(r.URI)
	if r.explain != nil {
		r.explain.walk(r, locationWalk)
	}
	var merged *directives.Conf
	for _, s := range sections {
		if r.locationMatches(s, clean) {
			if r.explain != nil {
				r.explain.took(r, locationWalk, s)
			}
			merged = r.Gen.merges.merge(merged, s.Conf)
		}
	}
	if merged != nil {
		r.Dir = r.Gen.merges.merge(r.Dir, merged)
	}
}

func (r *Request) locationMatches(s *Section, clean string) bool {
	switch {
	case s.Regex != nil:
		return r.capture(s.Regex, r.URI)
	case s.Glob:
		return pattern.Fnmatch(s.Path, clean, pattern.FnPathname)
	}
	p := s.Path
	if !strings.HasPrefix(clean, p) {
		return false
	}
	return p == "" || strings.HasSuffix(p, "/") || len(clean) == len(p) || clean[len(p)] == '/'
}

// capture matches and puts named groups into the environment.
func (r *Request) capture(m Matcher, s string) bool {
	names := m.Names()
	if names == nil {
		return m.MatchString(s)
	}
	caps := m.Match(nil, s)
	for i, c := range caps {
		if i < len(names) && names[i] != "" && c != "" {
			r.Env.Set(names[i], c)
		}
	}
	return caps != nil
}

func noDoubleSlash(s string) string {
	if !strings.Contains(s, "//") {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '/' && i > 0 && s[i-1] == '/' {
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// fileWalk merges the <Files> sections that match the file's name.
func (r *Request) fileWalk() {
	if r.Filename == "" {
		return
	}
	sections := CoreDir.Of(r.Dir).Files
	if len(sections) == 0 {
		return
	}
	name := r.Filename[strings.LastIndexByte(r.Filename, '/')+1:]
	if name == "" {
		return
	}
	var merged *directives.Conf
	for _, s := range sections {
		var hit bool
		switch {
		case s.Regex != nil:
			hit = r.capture(s.Regex, name)
		case s.Glob:
			hit = pattern.Fnmatch(s.Path, name, pattern.FnPathname)
		default:
			hit = s.Path == name
		}
		if hit {
			if r.explain != nil {
				r.explain.took(r, filesWalk, s)
			}
			merged = r.Gen.merges.merge(merged, s.Conf)
		}
	}
	if merged != nil {
		r.Dir = r.Gen.merges.merge(r.Dir, merged)
	}
}

// ifWalk merges the <If> sections whose condition holds, then those that stand
// inside them: all of one depth are asked before those of the next, as in Apache.
func (r *Request) ifWalk() Status {
	if r.explain != nil {
		r.explain.walk(r, ifWalk)
	}
	for sections := CoreDir.Of(r.Dir).Ifs; len(sections) > 0; {
		merged := r.ifSections(sections)
		if merged == nil {
			break
		}
		r.Dir = r.Gen.merges.merge(r.Dir, merged)
		sections = CoreDir.Of(merged).Ifs
	}
	return OK
}

// ifSections merges those of sections whose condition holds; nil for none.
func (r *Request) ifSections(sections []*Section) *directives.Conf {
	var merged *directives.Conf
	taken := false // an earlier part of the same If/ElseIf/Else held
	for _, s := range sections {
		if s.Kind == IfSection {
			taken = false
		}
		if taken {
			continue
		}
		if s.Condition != nil {
			ok, err := s.Condition.Bool(r)
			if err != nil {
				corelog.Error(r).Msgf("AH00039: Failed to evaluate <If > condition: %s", err)
				continue
			}
			if !ok {
				continue
			}
		}
		taken = true
		if r.explain != nil {
			r.explain.took(r, ifWalk, s)
		}
		merged = r.Gen.merges.merge(merged, s.Conf)
	}
	return merged
}

// MapToFile is core's map_to_storage: the directory walk and the file walk.
func MapToFile(r *Request) Status {
	if s := r.directoryWalk(); s != OK {
		return s
	}
	r.fileWalk()
	return OK
}

// directoryWalk goes down the path of the request's file, merges the
// <Directory> sections and .htaccess files on the way, applies the rules for
// symbolic links, and splits off what is PATH_INFO (ap_directory_walk).
func (r *Request) directoryWalk() Status {
	if r.Filename == "" {
		corelog.Info(r).Msgf("AH00029: Module bug?  Request filename is missing for URI %s", r.URI)
		return OK
	}
	if !path.IsAbs(r.Filename) {
		return OK // a proxy's or another scheme's
	}
	trailing := strings.HasSuffix(r.Filename, "/")
	full := path.Clean(r.Filename)
	if trailing && full != "/" {
		full += "/"
	}
	if len(full) >= 4096 || strings.IndexByte(full, 0) >= 0 {
		corelog.Error(r).Err(syscall.ENAMETOOLONG).Msgf("AH00036: access to %s failed (filesystem path '%s')", r.URI, r.Filename)
		return 403
	}
	if r.explain != nil {
		r.explain.walk(r, directoryWalk)
		r.explain.walk(r, filesWalk)
	}
	walker, at, depth := r.startWalk(full)
	if r.Finfo.Type == NoFile || r.Finfo.Type == Symlink {
		name := strings.TrimSuffix(full, "/")
		if name == "" {
			name = "/"
		}
		r.Finfo = statFile(name, true)
		if r.Finfo.Type != NoFile && r.Finfo.Type != Directory && trailing {
			r.Finfo = Finfo{}
		}
	}
	behind := r.PathInfo // of a file that takes the place of another request's
	if s := walker.down(full, at, depth); s != OK {
		return s
	}
	if r.PathInfo == "" {
		r.PathInfo = behind
	}
	walker.regexes()
	if walker.merged != nil {
		r.Dir = r.Gen.merges.merge(r.Dir, walker.merged)
	}
	return OK
}

// startWalk is a walk at the root of the file system or, for a file whose
// siblings were looked at, in their directory: at is how much of the path lies
// behind it, depth the number of directories that were entered.
func (r *Request) startWalk(full string) (walker dirWalker, at, depth int) {
	if s := r.siblings; s != nil && s.walked && strings.HasPrefix(full, s.walk.entered) {
		walker = s.walk
		walker.r = r
		return walker, len(walker.entered), strings.Count(walker.entered, "/")
	}
	d := CoreDir.Of(r.Dir)
	return dirWalker{r: r, sections: CoreServer.Of(r.Server).Directories, w: walkState{
		options: d.EffectiveOptions(), add: d.OptionsAdd, remove: d.OptionsRemove,
		override:     d.Override.Else(directives.Unset), // never said: files are read, and everything in them refused
		overrideOpts: d.OverrideOpts.Else(OptAll | OptSymOwner | OptMultiViews),
		overrideList: d.OverrideList,
	}}, 0, 0
}

// dirWalker is one directory walk under way.
type dirWalker struct {
	r        *Request
	w        walkState
	sections []*Section
	next     int // section to be tried next; they stand by number of components
	merged   *directives.Conf
	entered  string // the directory that was entered last, with its slash
}

func (d *dirWalker) take(c *directives.Conf) {
	d.w.apply(c)
	d.merged = d.r.Gen.merges.merge(d.merged, c)
}

func (d *dirWalker) takeSection(s *Section) {
	if d.r.explain != nil {
		d.r.explain.took(d.r, directoryWalk, s)
	}
	d.take(s.Conf)
}

// enter applies the sections and the .htaccess file of a directory; dir ends in a slash.
func (d *dirWalker) enter(dir string, depth int) Status {
	d.entered = dir
	for ; d.next < len(d.sections); d.next++ {
		s := d.sections[d.next]
		if s.Regex != nil || s.Components > depth {
			break
		}
		if s.Glob {
			if !pattern.Fnmatch(s.Path, dir, pattern.FnPathname) && !pattern.Fnmatch(s.Path, strings.TrimSuffix(dir, "/"), pattern.FnPathname) {
				continue
			}
		} else if s.Path != dir && s.Path+"/" != dir {
			continue
		}
		d.takeSection(s)
	}
	if d.w.override == directives.None && len(d.w.overrideList) == 0 {
		return OK
	}
	conf, s := d.r.Gen.htaccess(d.r, dir, &d.w)
	if s != OK {
		d.r.Filename = strings.TrimSuffix(dir, "/")
		return s
	}
	if conf != nil {
		if d.r.explain != nil {
			d.r.explain.tookFile(d.r, dir)
		}
		d.take(conf)
	}
	return OK
}

// down visits each directory on the way to the file; those before at were
// visited, depth of them.
func (d *dirWalker) down(full string, at, depth int) Status {
	r := d.r
	if at == 0 {
		if s := d.enter("/", 1); s != OK {
			return s
		}
		at, depth = 1, 1
	}
	known := r.Finfo.Type != NoFile
	for at < len(full) {
		end := strings.IndexByte(full[at:], '/')
		last := end < 0
		if last {
			end = len(full)
		} else {
			end += at
		}
		name := full[:end]
		final := last || end == len(full)-1
		if !known || d.w.options&OptSymLinks == 0 || d.w.options&OptSymOwner != 0 {
			fi, s := d.check(name)
			if s != OK {
				r.Filename = name
				return s
			}
			if fi.Type == NoFile {
				if final && !last {
					r.Filename, r.PathInfo = name, "/"
				} else {
					r.Filename, r.PathInfo = name, full[end:]
				}
				if final && last {
					r.PathInfo = ""
				}
				r.Finfo = Finfo{}
				return OK
			}
			if fi.Type != Directory {
				if fi.Type == OtherFile {
					corelog.Error(r).Msgf("AH00038: Forbidden: %s doesn't point to a file or directory", name)
					r.Filename = name
					return 403
				}
				r.Filename, r.PathInfo, r.Finfo = name, full[end:], fi
				return OK
			}
			if final {
				r.Finfo = fi
			}
		} else if final && r.Finfo.Type != Directory {
			r.Filename, r.PathInfo = name, ""
			if r.Finfo.Type == OtherFile {
				corelog.Error(r).Msgf("AH00038: Forbidden: %s doesn't point to a file or directory", name)
				return 403
			}
			return OK
		}
		depth++
		if s := d.enter(name+"/", depth); s != OK {
			r.PathInfo = full[end:]
			return s
		}
		at = end + 1
	}
	r.Filename = full
	if full != "/" && r.Finfo.Type != Directory && strings.HasSuffix(full, "/") {
		r.Filename = strings.TrimSuffix(full, "/")
	}
	return OK
}

// check looks at one component under the rules for symbolic links.
func (d *dirWalker) check(name string) (Finfo, Status) {
	r := d.r
	st, err := os.Lstat(name)
	switch {
	case err == nil:
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return Finfo{}, OK
	case errors.Is(err, syscall.EACCES):
		corelog.Error(r).Err(syscall.EACCES).Msgf("AH00035: access to %s denied (filesystem path '%s') because search permissions are missing on a component of the path", r.URI, name)
		return Finfo{}, 403
	default:
		corelog.Error(r).Err(err).Msgf("AH00036: access to %s failed (filesystem path '%s')", r.URI, name)
		return Finfo{}, 403
	}
	fi := FinfoOf(st)
	if fi.Type != Symlink {
		return fi, OK
	}
	target, ok := d.resolve(name, fi)
	if !ok {
		corelog.Error(r).Msgf("AH00037: Symbolic link not allowed or link target not accessible: %s", name)
		return Finfo{}, 403
	}
	return target, OK
}

// resolve follows a link where Options allow it (resolve_symlink).
func (d *dirWalker) resolve(name string, link Finfo) (Finfo, bool) {
	if d.w.options&(OptSymLinks|OptSymOwner) == 0 {
		return Finfo{}, false
	}
	st, err := os.Stat(name)
	if err != nil {
		return Finfo{}, false
	}
	fi := FinfoOf(st)
	if d.w.options&OptSymOwner != 0 && fi.UID != link.UID {
		return Finfo{}, false
	}
	return fi, true
}

// regexes applies the sections with regular expressions, after all others.
func (d *dirWalker) regexes() {
	name := d.r.Filename
	for _, s := range d.sections[d.next:] {
		if s.Regex == nil {
			continue
		}
		if d.r.capture(s.Regex, name) || d.r.Gen.Jail.Jailed() && d.r.capture(s.Regex, d.r.Gen.Jail.Outside(name)) {
			d.takeSection(s)
		}
	}
}

// sortDirectories puts <Directory> sections in the order of application: by
// number of components, regular expressions last (ap_core_reorder_directories).
func sortDirectories(list []*Section) []*Section {
	sorted := slices.Clone(list)
	rank := func(s *Section) int {
		if s.Regex != nil {
			return 1 << 30
		}
		return s.Components
	}
	slices.SortStableFunc(sorted, func(a, b *Section) int { return rank(a) - rank(b) })
	return sorted
}
