// Package auth_digest asks for users and passwords by the Digest scheme
// (mod_auth_digest of 2.4.71): MD5 and qop=auth, nothing else. Who knows the
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
	Name:    "auth_digest_module",
	Mutexes: []string{"authdigest-client", "authdigest-opaque"},
	Directives: directives.Table{
		{Name: "AuthDigestProvider", In: directives.AuthConfig, Usage: "specify the auth providers for a directory or location",
			Set: slot.Iterate((*config).addProvider)},
		{Name: "AuthDigestQop", In: directives.AuthConfig, Usage: "A list of quality-of-protection options",
			Set: slot.Iterate(checkQop)},
		{Name: "AuthDigestNonceLifetime", In: directives.AuthConfig, Usage: "Maximum lifetime of the server nonce (seconds)",
			Set: slot.Take1((*config).setLifetime)},
		{Name: "AuthDigestNcCheck", In: directives.AuthConfig, Usage: "Whether or not to check the nonce-count sent by the client",
			Set: slot.Flag(func(c *config, on bool) { c.checkCount = on })},
		{Name: "AuthDigestAlgorithm", In: directives.AuthConfig, Usage: "The algorithm used for the hash calculation",
			Set: slot.Take1(checkAlgorithm)},
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
	// Sections are not merged: the innermost says it all.
	slot = directives.NewDirSlot(func(_, add config) config { return add })
	elog = server.NewLog("auth_digest")
)

type config struct {
	providers  []*server.AuthnProvider
	lifetime   directives.Opt[int64] // of a nonce in seconds; 0: for one request, negative: for ever
	checkCount bool
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

// checkQop and checkAlgorithm refuse what there is no longer; what is left is what holds anyway.
func checkQop(_ *config, _ *directives.Cmd, name string) error {
	if !strings.EqualFold(name, "auth") {
		return errors.New("AuthDigestQop is deprecated: only 'auth' is supported")
	}
	return nil
}

func checkAlgorithm(_ *config, _ *directives.Cmd, name string) error {
	if !strings.EqualFold(name, "MD5") {
		return fmt.Errorf("Unsupported algorithm in AuthDigestAlgorithm: %s", name)
	}
	return nil
}

func (c *config) setLifetime(_ *directives.Cmd, text string) error {
	n, rest := strtol(text, 10)
	if rest != "" && !isSpace(rest[0]) {
		return fmt.Errorf("Invalid time in AuthDigestNonceLifetime: %s", text)
	}
	c.lifetime = directives.Given(n)
	return nil
}

// tracks tells whether clients have numbers.
func (c *config) tracks() bool { return c.checkCount || c.lifetime.Else(defaultLifetime) == 0 }

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
