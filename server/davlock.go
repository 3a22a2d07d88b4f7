package server

import (
	"crypto/rand"
	"encoding/hex"
)

// DavLocks is how a repository keeps locks (dav_hooks_locks).
type DavLocks interface {
	// Open opens the database of the request's server; Close must follow. It may
	// do so late: errors of the file come with the first question.
	Open(r *Request, use DavLockUse) (DavLockDB, *DavError)
}

// DavLockUse is what a database of locks is opened for.
type DavLockUse uint8

const (
	DavLockRead   DavLockUse = iota // to tell of locks
	DavLockCheck                    // to judge a request by them
	DavLockChange                   // by one alone, until Close
)

// DavLockDB is an open database of locks.
type DavLockDB interface {
	// Locks are those on a resource. An indirect one is filled in from the lock
	// it comes from when resolve is set.
	Locks(res *DavResource, resolve bool) ([]*DavLock, *DavError)
	// Find is the lock of that token on the resource, nil for none; an indirect
	// one is not filled in.
	Find(res *DavResource, token DavToken) (*DavLock, *DavError)
	// Has tells whether there is a record of locks, expired ones too.
	Has(*DavResource) (bool, *DavError)
	// Append adds locks to a resource, indirect ones when it inherits them.
	Append(res *DavResource, indirect bool, locks []*DavLock) *DavError
	// Remove takes one lock off the resource, all of them without a token.
	Remove(res *DavResource, token *DavToken) *DavError
	// Refresh gives locks a new time of expiry, and answers which they were.
	Refresh(res *DavResource, tokens []DavToken, expires int64) ([]*DavLock, *DavError)
	// Created says that a resource that was nothing but locked is there now.
	Created(*DavResource) *DavError
	// NullMembers are the names of members that are nothing but locked.
	NullMembers(collection *DavResource) ([]string, *DavError)
	// Close keeps what has changed.
	Close() *DavError
}

// DavLock is a lock, of type write unless Untyped.
type DavLock struct {
	Direct   bool // it was made for the resource, not for a collection around
	Scope    DavScope
	Type     byte   // 0 unknown, 1 write
	Infinite bool   // its depth, else 0
	Expires  int64  // Unix seconds; 0: never
	Owner    string // the owner element, with its namespaces
	User     string // who was authenticated
	Token    DavToken
	Key      string // of the resource that it was made for, the provider's
}

// DavScope is what else a lock allows.
type DavScope byte

// A lock without a scope is one whose request said none.
const (
	DavNoScope DavScope = iota
	DavExclusive
	DavShared
)

// DavToken is the UUID of a lock.
type DavToken [16]byte

const davTokenScheme = "opaquelocktoken:"

// NewDavToken makes a random UUID (RFC 9562 version 4).
func NewDavToken() (t DavToken) {
	rand.Read(t[:]) //nolint:errcheck // it never fails
	t[6], t[8] = t[6]&0x0f|0x40, t[8]&0x3f|0x80
	return t
}

func (t DavToken) String() string {
	h := hex.EncodeToString(t[:])
	return davTokenScheme + h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// ParseDavToken reads a token's URI. apr_uuid_parse takes 36 characters with
// dashes at their places and hexadecimal digits, and looks at nothing behind them.
func ParseDavToken(s string) (t DavToken, err *DavError) {
	const dashes = "        -    -    -    -            "
	if len(s) < len(davTokenScheme) || s[:len(davTokenScheme)] != davTokenScheme {
		return t, &DavError{Status: 400, ID: DavErrLockUnknownToken,
			Text: "The lock token uses an unknown State-token format and could not be parsed."}
	}
	s = s[len(davTokenScheme):]
	bad := &DavError{Status: 400, ID: DavErrLockParseToken,
		Text: "The opaquelocktoken has an incorrect format and could not be parsed."}
	if len(s) != len(dashes) {
		return t, bad
	}
	digits := make([]byte, 0, 32)
	for i := range len(dashes) {
		switch {
		case dashes[i] == '-' && s[i] != '-':
			return t, bad
		case dashes[i] != '-':
			digits = append(digits, s[i])
		}
	}
	if _, e := hex.Decode(t[:], digits); e != nil {
		return DavToken{}, bad
	}
	return t, nil
}
