package server

import (
	"os/user"
	"strconv"
	"sync/atomic"

	"github.com/donjon-httpd/donjon/chroot"
)

// accounts are the outside's users and groups, as they were loaded before the
// jail closed.
var accounts atomic.Pointer[chroot.Accounts]

// SetAccounts replaces them; a child calls it before it serves.
func SetAccounts(a *chroot.Accounts) { accounts.Store(a) }

// LookupUser finds a user by name, in the jail too.
func LookupUser(name string) (chroot.Account, bool) {
	if a := accounts.Load(); a != nil {
		return a.User(name)
	}
	a, err := chroot.ReadAccounts()
	if err != nil {
		return chroot.Account{}, false
	}
	return a.User(name)
}

// UserName is the name of a user id, or "".
func UserName(uid uint32) string {
	if a := accounts.Load(); a != nil {
		acc, _ := a.UserID(int(uid))
		return acc.Name
	}
	u, err := user.LookupId(strconv.Itoa(int(uid)))
	if err != nil {
		return ""
	}
	return u.Username
}

// GroupName is the name of a group id, or "".
func GroupName(gid uint32) string {
	if a := accounts.Load(); a != nil {
		name, _ := a.GroupID(int(gid))
		return name
	}
	g, err := user.LookupGroupId(strconv.Itoa(int(gid)))
	if err != nil {
		return ""
	}
	return g.Name
}
