package server

import (
	"errors"
	"io"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/httpdconf"
)

// maxHtaccessSize bounds what is read of one file, and maxHtaccessFiles how many are remembered.
const (
	maxHtaccessSize  = 1 << 20
	maxHtaccessFiles = 10000
)

// htaccessCache remembers .htaccess files that were parsed, and those that are
// not there.
type htaccessCache struct {
	mu sync.Mutex
	m  map[htaccessKey]*htaccessFile
}

// htaccessKey has all on which the parse depends.
type htaccessKey struct {
	path, list string
	override   directives.Context
	opts       Options
	server     *directives.Server
}

type htaccessFile struct {
	checked time.Time
	mtime   time.Time
	size    int64
	inode   uint64
	conf    *directives.Conf // nil: no such file
	err     *httpdconf.Diagnostic
	status  Status // OK, 403 or 500
}

// htaccess gives the configuration of the first access file in dir, nil for
// none. status is an error for a file that cannot be read or is wrong.
func (g *Generation) htaccess(r *Request, dir string, w *walkState) (*directives.Conf, Status) {
	names := CoreServer.Of(r.Server).AccessFileNames
	if names == nil {
		names = []string{".htaccess"}
	}
	for _, name := range names {
		key := htaccessKey{dir + name, w.listKey, w.override, w.overrideOpts, r.Server}
		f := g.htaccessCache.get(g, r, key, dir, w)
		if f.status != OK {
			r.htaccessFailed(key.path, dir, f)
			return nil, f.status
		}
		if f.conf != nil {
			return f.conf, OK
		}
	}
	return nil, OK
}

func (r *Request) htaccessFailed(path, dir string, f *htaccessFile) {
	if f.status == 500 {
		corelog.Alert(r).Msgf("%s: %s", path, f.err.Summary)
		return
	}
	corelog.Crit(r).Err(syscall.EACCES).Msgf("AH00529: %s pcfg_openfile: unable to check htaccess file, ensure it is readable and that '%s' is executable", path, dir)
	r.Notes.Set("error-notes", "Server unable to read htaccess file, denying access to be safe")
}

func (c *htaccessCache) get(g *Generation, r *Request, key htaccessKey, dir string, w *walkState) *htaccessFile {
	now := time.Now()
	c.mu.Lock()
	f := c.m[key]
	c.mu.Unlock()
	if f != nil && now.Sub(f.checked) < g.lookAgain {
		return f
	}
	fresh := look(key.path)
	fresh.checked = now
	if f != nil && fresh.same(f) {
		again := *f
		again.checked = now
		f = &again
	} else {
		f = fresh
		if f.status == OK && !f.mtime.IsZero() {
			g.parseHtaccess(r, f, key, dir, w)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.m == nil || len(c.m) >= maxHtaccessFiles {
		c.m = map[htaccessKey]*htaccessFile{}
	}
	c.m[key] = f
	return f
}

// look asks the file system about an access file; a zero mtime says that it is not there.
func look(path string) *htaccessFile {
	st, err := os.Stat(path)
	switch {
	case err == nil && !st.Mode().IsRegular() && !isDevNull(st):
		return &htaccessFile{status: OK} // a directory of that name is no access file
	case err == nil:
		fi := FinfoOf(st)
		return &htaccessFile{mtime: fi.Mtime, size: fi.Size, inode: fi.Inode}
	case errors.Is(err, syscall.ENOENT), errors.Is(err, syscall.ENOTDIR):
		return &htaccessFile{}
	}
	return &htaccessFile{status: 403}
}

func isDevNull(st os.FileInfo) bool { return st.Mode()&os.ModeCharDevice != 0 }

func (f *htaccessFile) same(old *htaccessFile) bool {
	if f.status == 403 || old.status == 403 {
		return f.status == old.status
	}
	return f.mtime.Equal(old.mtime) && f.size == old.size && f.inode == old.inode
}

func (g *Generation) parseHtaccess(r *Request, f *htaccessFile, key htaccessKey, dir string, w *walkState) {
	file, err := os.Open(key.path)
	if err != nil {
		f.status = 403
		return
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxHtaccessSize+1))
	fail := func(d httpdconf.Diagnostic) { f.status, f.err = 500, &d }
	if err != nil || len(text) > maxHtaccessSize {
		fail(httpdconf.Diagnostic{Summary: "the file is too large to be read for each change"})
		return
	}
	set := g.Config.Set
	tree, diags := httpdconf.ParseHtaccess(key.path, string(text), httpdconf.Options{
		Host: set.Reading(w.override), Version: Version, ServerRoot: CoreServer.Of(g.Config.Main).ServerRoot, Defines: g.Defines, Vars: g.Vars})
	if first, bad := diags.First(); bad {
		fail(first)
		return
	}
	conf, diags := directives.CompileHtaccess(tree, set, directives.Setup{
		ServerRoot: CoreServer.Of(g.Config.Main).ServerRoot, Owner: g, InJail: g.inJail,
	}, directives.Cmd{Server: r.Server, Path: dir, Override: w.override, OverrideOpts: uint32(w.overrideOpts), OverrideList: w.overrideList})
	if first, bad := diags.First(); bad {
		fail(first)
		return
	}
	for _, d := range diags {
		if d.Module != "" {
			NewLog(d.Module).Warn(ServerSubject(g, r.Server)).Msg(d.Summary)
			continue
		}
		corelog.Warn(r).Msg(d.Summary)
	}
	f.conf = conf
}

// inJail is the translation that Cmd.InJail makes in .htaccess files.
func (g *Generation) inJail(p string) string {
	if !g.Jail.Fix() {
		return p
	}
	p, _ = g.Jail.Request(p)
	return p
}
