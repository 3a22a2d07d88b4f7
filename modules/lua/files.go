package lua

import (
	"io/fs"
	"os"
	"time"

	lua "github.com/yuin/gopher-lua"
	"golang.org/x/sys/unix"
)

// fileFuncs work on files, by the paths that they have in the jail.
var fileFuncs = map[string]func(*call) int{
	"stat":           stat,
	"get_direntries": directory,
	"touch": func(c *call) int {
		c.request(1)
		file := c.cStr(2)
		at := time.UnixMicro(int64(c.optNumber(3, float64(time.Now().UnixMicro()))))
		return c.pushBool(os.Chtimes(file, time.Time{}, at) == nil)
	},
	"mkdir": func(c *call) int {
		c.request(1)
		dir := c.cStr(2)
		return c.pushBool(os.Mkdir(dir, permissions(c.optInteger(3, allPermissions))) == nil)
	},
	"mkrdir": func(c *call) int {
		c.request(1)
		dir := c.cStr(2)
		return c.pushBool(os.MkdirAll(dir, permissions(c.optInteger(3, allPermissions))) == nil)
	},
	"rmdir": func(c *call) int {
		c.request(1)
		return c.pushBool(unix.Rmdir(c.cStr(2)) == nil)
	},
}

// allPermissions is APR_OS_DEFAULT: what the process's umask leaves.
const allPermissions = 0x0FFF

// permissions are APR's, a hexadecimal digit for each of user, group and others.
func permissions(p int64) fs.FileMode {
	if p == allPermissions {
		return 0o777
	}
	m := fs.FileMode(p>>8&7<<6 | p>>4&7<<3 | p&7)
	for bit, mode := range map[int64]fs.FileMode{0x8000: fs.ModeSetuid, 0x4000: fs.ModeSetgid, 0x2000: fs.ModeSticky} {
		if p&bit != 0 {
			m |= mode
		}
	}
	return m
}

// What stat is asked for (apr_file_info.h).
const (
	wantLink  = 0x1
	wantMtime = 0x10
	wantCtime = 0x20
	wantAtime = 0x40
	wantSize  = 0x100
	wantType  = 0x8000
	wantProt  = 0x700000
	wantMin   = 0x8170
	wantKnown = 0x73F370 // all that stat(2) tells
)

// stat gives a table of what is known of a file; it fails when more is asked for.
func stat(c *call) int {
	c.object(1)
	file := c.cStr(2)
	c.request(1)
	want := c.optInteger(3, wantMin)
	var st unix.Stat_t
	if unix.Stat(file, &st) != nil || want&^(wantKnown|wantLink) != 0 {
		return 0
	}
	t := c.L.NewTable()
	set := func(bit int64, name string, v int64) {
		if want&bit != 0 {
			t.RawSetString(name, lua.LNumber(v))
		}
	}
	micro := func(ts unix.Timespec) int64 { return ts.Nano() / 1000 }
	set(wantMtime, "mtime", micro(st.Mtim))
	set(wantAtime, "atime", micro(st.Atim))
	set(wantCtime, "ctime", micro(st.Ctim))
	set(wantSize, "size", st.Size)
	set(wantType, "filetype", fileType(st.Mode))
	set(wantProt, "protection", protection(st.Mode))
	return c.push(t)
}

// fileType is apr_filetype_e.
func fileType(mode uint32) int64 {
	switch mode & unix.S_IFMT {
	case unix.S_IFREG:
		return 1
	case unix.S_IFDIR:
		return 2
	case unix.S_IFCHR:
		return 3
	case unix.S_IFBLK:
		return 4
	case unix.S_IFIFO:
		return 5
	case unix.S_IFLNK:
		return 6
	case unix.S_IFSOCK:
		return 7
	}
	return 127
}

func protection(mode uint32) int64 {
	p := int64(mode>>6&7<<8 | mode>>3&7<<4 | mode&7)
	if mode&unix.S_ISUID != 0 {
		p |= 0x8000
	}
	if mode&unix.S_ISGID != 0 {
		p |= 0x4000
	}
	if mode&unix.S_ISVTX != 0 {
		p |= 0x2000
	}
	return p
}

// directory lists a directory, with the directory itself and the one above.
func directory(c *call) int {
	c.object(1)
	dir := c.cStr(2)
	c.request(1)
	f, err := os.Open(dir)
	if err != nil {
		return 0
	}
	defer f.Close()
	if st, err := f.Stat(); err != nil || !st.IsDir() {
		return 0
	}
	names, _ := f.Readdirnames(-1)
	t := c.L.NewTable()
	t.Append(lua.LString("."))
	t.Append(lua.LString(".."))
	for _, name := range names {
		t.Append(lua.LString(name))
	}
	return c.push(t)
}
