package chroot

import (
	"fmt"
	"os"
	"os/user"
	"slices"
	"strconv"
	"strings"
)

// Where Linux keeps its accounts.
const (
	passwdFile = "/etc/passwd"
	groupFile  = "/etc/group"
)

// Identity is who a serving process is to become.
type Identity struct {
	User, Group string // names; User is "" for a "#id" that no account has
	UID, GID    int
	Groups      []int  // supplementary groups, GID first, as initgroups(3) makes them
	Home        string // the user's home directory, "" when unknown
}

// Lookup resolves the arguments of User and Group, a name or "#id". It has to
// run before the jail closes: a jail's own passwd and group files belong to
// whoever can write there.
//
// The errors are Apache's, "bad user name X" and "bad group name X" (AH00543 and
// AH00544, which the caller prefixes together with the program's name).
//
// The files /etc/passwd and /etc/group are read. A name that is not there is
// asked of os/user, which without cgo reads the same files: accounts that only
// LDAP or another service of nsswitch.conf knows are then unknown.
func Lookup(userArg, groupArg string) (Identity, error) {
	accounts, err := ReadAccounts()
	if err != nil {
		return Identity{}, err
	}
	return accounts.lookup(userArg, groupArg)
}

func (a *Accounts) lookup(userArg, groupArg string) (Identity, error) {
	var id Identity
	if digits, ok := strings.CutPrefix(userArg, "#"); ok {
		id.UID = atoi(digits)
		if u, ok := a.UserID(id.UID); ok {
			id.User, id.Home = u.Name, u.Home
		}
	} else {
		u, ok := a.user(userArg)
		if !ok {
			return Identity{}, fmt.Errorf("bad user name %s", userArg)
		}
		id.User, id.UID, id.Home = u.Name, u.UID, u.Home
	}
	if digits, ok := strings.CutPrefix(groupArg, "#"); ok {
		id.Group, id.GID = groupArg, atoi(digits)
		if name, ok := a.GroupID(id.GID); ok {
			id.Group = name
		}
	} else {
		gid, ok := a.group(groupArg)
		if !ok {
			return Identity{}, fmt.Errorf("bad group name %s", groupArg)
		}
		id.Group, id.GID = groupArg, gid
	}
	id.Groups = []int{id.GID}
	for _, g := range a.groups {
		if id.User != "" && slices.Contains(g.members, id.User) && !slices.Contains(id.Groups, g.gid) {
			id.Groups = append(id.Groups, g.gid)
		}
	}
	return id, nil
}

func (a *Accounts) user(name string) (Account, bool) {
	if u, ok := a.User(name); ok {
		return u, true
	}
	u, err := user.Lookup(name)
	if err != nil {
		return Account{}, false
	}
	uid, err1 := strconv.Atoi(u.Uid)
	gid, err2 := strconv.Atoi(u.Gid)
	return Account{Name: name, UID: uid, GID: gid, Home: u.HomeDir}, err1 == nil && err2 == nil
}

func (a *Accounts) group(name string) (int, bool) {
	for _, g := range a.groups {
		if g.name == name {
			return g.gid, true
		}
	}
	g, err := user.LookupGroup(name)
	if err != nil {
		return 0, false
	}
	gid, err := strconv.Atoi(g.Gid)
	return gid, err == nil
}

// atoi is C's, which ap_uname2id uses: leading space and a sign, digits up to
// the first other character, 0 without any; then the 32 bits of a uid_t.
func atoi(s string) int {
	s = strings.TrimLeft(s, " \t\n\v\f\r")
	end := 0
	for end < len(s) && (s[end] >= '0' && s[end] <= '9' || end == 0 && (s[0] == '-' || s[0] == '+')) {
		end++
	}
	n, _ := strconv.ParseInt(s[:end], 10, 64) // out of range: the nearest, like strtol
	return int(uint32(n))
}

// Account is one line of /etc/passwd.
type Account struct {
	Name     string
	UID, GID int
	Home     string
}

// Accounts is a snapshot of the system's users and groups, for what must be
// known about them inside the jail: home directories (UserDir), the names of
// files' owners. It is immutable and safe for concurrent use.
type Accounts struct {
	users  []Account
	byName map[string]int // index in users
	byUID  map[int]int
	groups []group
}

type group struct {
	name    string
	gid     int
	members []string
}

// ReadAccounts reads /etc/passwd and /etc/group as they are now. A file that is
// missing counts as empty, as in the C library.
func ReadAccounts() (*Accounts, error) {
	passwd, err := readIfThere(passwdFile)
	if err != nil {
		return nil, err
	}
	groups, err := readIfThere(groupFile)
	if err != nil {
		return nil, err
	}
	return parseAccounts(passwd, groups), nil
}

func readIfThere(name string) (string, error) {
	text, err := os.ReadFile(name)
	if os.IsNotExist(err) {
		return "", nil
	}
	return string(text), err
}

// User finds an account by name; the first of several lines counts.
func (a *Accounts) User(name string) (Account, bool) {
	i, ok := a.byName[name]
	if !ok {
		return Account{}, false
	}
	return a.users[i], true
}

// UserID finds an account by uid; the first of several lines counts.
func (a *Accounts) UserID(uid int) (Account, bool) {
	i, ok := a.byUID[uid]
	if !ok {
		return Account{}, false
	}
	return a.users[i], true
}

// GroupID finds the name of a group.
func (a *Accounts) GroupID(gid int) (string, bool) {
	for _, g := range a.groups {
		if g.gid == gid {
			return g.name, true
		}
	}
	return "", false
}

// parseAccounts reads passwd(5) and group(5). Lines that are damaged, comments
// and the "+" and "-" lines of NIS are passed over, as the C library does.
func parseAccounts(passwd, groups string) *Accounts {
	a := &Accounts{byName: map[string]int{}, byUID: map[int]int{}}
	for f := range records(passwd, 7) {
		uid, ok1 := parseID(f[2])
		gid, ok2 := parseID(f[3])
		if !ok1 || !ok2 {
			continue
		}
		a.users = append(a.users, Account{Name: f[0], UID: uid, GID: gid, Home: f[5]})
		i := len(a.users) - 1
		if _, seen := a.byName[f[0]]; !seen {
			a.byName[f[0]] = i
		}
		if _, seen := a.byUID[uid]; !seen {
			a.byUID[uid] = i
		}
	}
	for f := range records(groups, 4) {
		gid, ok := parseID(f[2])
		if !ok {
			continue
		}
		members := strings.FieldsFunc(f[3], func(r rune) bool { return r == ',' || r == ' ' || r == '\t' })
		a.groups = append(a.groups, group{name: f[0], gid: gid, members: members})
	}
	return a
}

func records(text string, fields int) func(yield func([]string) bool) {
	return func(yield func([]string) bool) {
		for line := range strings.Lines(text) {
			line = strings.TrimLeft(strings.TrimRight(line, "\r\n"), " \t")
			if line == "" || strings.ContainsRune("#+-", rune(line[0])) {
				continue
			}
			f := strings.SplitN(line, ":", fields)
			if len(f) < fields || f[0] == "" {
				continue
			}
			if !yield(f) {
				return
			}
		}
	}
}

func parseID(s string) (int, bool) {
	n, err := strconv.ParseUint(s, 10, 32)
	return int(n), err == nil
}
