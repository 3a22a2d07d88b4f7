package server

import "syscall"

// Strerror spells an errno as the C library does: Go's text starts in lower case.
func Strerror(errno syscall.Errno) string { return capital(errno.Error()) }
