// Package auth_digest asks for users and passwords by the Digest scheme
// (mod_auth_digest): MD5, with qop=auth or as RFC 2069 had it. Who knows the
// users are the providers of other modules.
package auth_digest

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// Module is auth_digest_module.
var Module = server.Module{
	Name: "auth_digest_module",
	Directives: directives.Table{
		// It belongs to authn_core; the realm is part of the hashes here.
		{Name: "AuthName", In: directives.AuthConfig, Usage: "The authentication realm (e.g. \"Members Only\")",
			Set: slot.Take1(func(c *config, _ *directives.Cmd, realm string) error { c.realm = directives.Given(realm); return nil })},
		{Name: "AuthDigestProvider", In: directives.AuthConfig, Usage: "specify the auth providers for a directory or location",
			Set: slot.Iterate((*config).addProvider)},
		{Name: "AuthDigestQop", In: directives.AuthConfig, Usage: "A list of quality-of-protection options",
			Set: slot.Iterate((*config).addQop)},
		{Name: "AuthDigestNonceLifetime", In: directives.AuthConfig, Usage: "Maximum lifetime of the server nonce (seconds)",
			Set: slot.Take1((*config).setLifetime)},
		{Name: "AuthDigestNonceFormat", In: directives.AuthConfig, Usage: "The format to use when generating the server nonce",
			Set: slot.Take1(func(*config, *directives.Cmd, string) error {
				return errors.New("AuthDigestNonceFormat is not implemented")
			})},
		{Name: "AuthDigestNcCheck", In: directives.AuthConfig, Usage: "Whether or not to check the nonce-count sent by the client",
			Set: slot.Flag(func(c *config, on bool) { c.checkCount = on })},
		{Name: "AuthDigestAlgorithm", In: directives.AuthConfig, Usage: "The algorithm used for the hash calculation",
			Set: slot.Take1((*config).setAlgorithm)},
		{Name: "AuthDigestDomain", In: directives.AuthConfig,
			Usage: "A list of URI's which belong to the same protection space as the current URI",
			Set:   slot.Iterate(func(c *config, _ *directives.Cmd, uri string) error { c.domain = append(c.domain, uri); return nil })},
		{Name: "AuthDigestShmemSize", In: directives.InServer,
			Usage: "The amount of shared memory to allocate for keeping track of clients",
			Set:   sizes.Take1(setSize)},
	},
	Hooks: []server.Hook{
		server.PostConfig.Middle(logSize),
		server.ChildInit.Middle(checkMemory),
		server.PostReadRequest.Middle(readField),
		server.CheckUserID.Middle(authenticate),
		server.Fixups.Middle(addInfo),
	},
	NoteAuthFailure: noteFailure,
}

const scheme = "Digest"

var (
	// Sections are not merged: an AuthName of its own forgets all that stands around.
	slot = directives.NewDirSlot(func(_, add config) config { return add })
	elog = server.NewLog("auth_digest")
)

type config struct {
	realm      directives.Opt[string] // as written, without evaluation
	providers  []*server.AuthnProvider
	qop        []string
	lifetime   directives.Opt[int64] // of a nonce in seconds; 0: for one request, negative: for ever
	checkCount bool
	algorithm  string // as written; "" is MD5
	domain     []string
}

const defaultLifetime = 300 // seconds

func (c *config) addProvider(cmd *directives.Cmd, name string) error {
	p := server.FindAuthn(cmd, name)
	switch {
	case p == nil:
		return server.ErrUnknownAuthn(name)
	case p.RealmHash == nil:
		return fmt.Errorf("The '%s' Authn provider doesn't support Digest Authentication", name)
	}
	c.providers = append(c.providers, p)
	return nil
}

func (c *config) addQop(_ *directives.Cmd, name string) error {
	switch strings.ToLower(name) {
	case "none":
		c.qop = []string{"none"}
	case "auth":
		c.qop = append(c.qop, name)
	case "auth-int":
		return errors.New("AuthDigestQop auth-int is not implemented")
	default:
		return fmt.Errorf("Unrecognized qop: %s", name)
	}
	return nil
}

// noQop tells whether AuthDigestQop none holds.
func (c *config) noQop() bool { return len(c.qop) > 0 && c.qop[0] == "none" }

func (c *config) setLifetime(_ *directives.Cmd, text string) error {
	n, rest := strtol(text, 10)
	if rest != "" && !isSpace(rest[0]) {
		return fmt.Errorf("Invalid time in AuthDigestNonceLifetime: %s", text)
	}
	c.lifetime = directives.Given(n)
	return nil
}

func (c *config) setAlgorithm(_ *directives.Cmd, name string) error {
	switch strings.ToLower(name) {
	case "md5":
		c.algorithm = name
	case "md5-sess":
		return errors.New("AuthDigestAlgorithm: ERROR: algorithm `MD5-sess' is not implemented")
	default:
		return fmt.Errorf("Invalid algorithm in AuthDigestAlgorithm: %s", name)
	}
	return nil
}

func isSpace(c byte) bool { return c == ' ' || '\t' <= c && c <= '\r' }

// strtol is C's: the number at the start of s, and what follows it. Without
// digits it is 0 and all of s follows. Numbers out of range are the nearest.
func strtol(s string, base int) (n int64, rest string) {
	t := strings.TrimLeft(s, " \t\n\v\f\r")
	sign := ""
	if t != "" && (t[0] == '-' || t[0] == '+') {
		sign, t = t[:1], t[1:]
	}
	if base == 16 && len(t) > 2 && (t[:2] == "0x" || t[:2] == "0X") && digit(t[2]) < 16 {
		t = t[2:]
	}
	end := 0
	for end < len(t) && digit(t[end]) < base {
		end++
	}
	if end == 0 {
		return 0, s
	}
	n, _ = strconv.ParseInt(sign+t[:end], base, 64) // out of range gives the nearest
	return n, t[end:]
}

func digit(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c|0x20 && c|0x20 <= 'z':
		return int(c|0x20-'a') + 10
	}
	return 99
}
