package chroot

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// Outside is the text of the files outside that say names, as they are at one
// time: those of hosts, users and groups. A parent reads them when they have
// changed and sends them into its children's jails.
type Outside struct{ ResolvConf, Hosts, Switch, Passwd, Group string }

// mostOutside bounds each of the files, in bytes: lists of blocked hosts are long.
const mostOutside = 64 << 20

// outsideFiles are the files below /etc with their places in the text.
var outsideFiles = []struct {
	name string
	text func(*Outside) *string
}{
	{"resolv.conf", func(o *Outside) *string { return &o.ResolvConf }},
	{"hosts", func(o *Outside) *string { return &o.Hosts }},
	{"nsswitch.conf", func(o *Outside) *string { return &o.Switch }},
	{"passwd", func(o *Outside) *string { return &o.Passwd }},
	{"group", func(o *Outside) *string { return &o.Group }},
}

// ReadOutside reads the files; one that is missing is empty.
func ReadOutside() (*Outside, error) { return readOutside("/etc") }

func readOutside(etc string) (*Outside, error) {
	o := new(Outside)
	for _, f := range outsideFiles {
		name := filepath.Join(etc, f.name)
		if st, err := os.Stat(name); err == nil && st.Size() > mostOutside {
			return nil, fmt.Errorf("%s is larger than %d bytes", name, mostOutside)
		}
		text, err := readIfThere(name)
		if err != nil {
			return nil, err
		}
		*f.text(o) = text
	}
	return o, nil
}

// Resolver looks names of hosts up as the files say.
func (o *Outside) Resolver() *Resolver {
	r := parseResolvConf(o.ResolvConf)
	r.hosts, r.order = parseHosts(o.Hosts), parseSwitch(o.Switch)
	return r
}

// Accounts are the users and groups.
func (o *Outside) Accounts() *Accounts { return parseAccounts(o.Passwd, o.Group) }

// OutsideState is a text that differs when one of the files has changed, or what a
// link under its name leads to. It reads none of them.
func OutsideState() string { return outsideState("/etc") }

func outsideState(etc string) string {
	var b strings.Builder
	for _, f := range outsideFiles {
		st, err := os.Stat(filepath.Join(etc, f.name))
		if err != nil {
			b.WriteString("-;")
			continue
		}
		sys := st.Sys().(*syscall.Stat_t)
		fmt.Fprintf(&b, "%d %d %d %d %d;", sys.Dev, sys.Ino, sys.Size, st.ModTime().UnixNano(), sys.Ctim.Nano())
	}
	return b.String()
}
