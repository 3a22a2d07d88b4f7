// Package session_crypto encrypts sessions before they are stored, and signs
// them (mod_session_crypto).
package session_crypto

import (
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"syscall"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/httpdconf"
	"github.com/donjon-httpd/donjon/server"
)

// Module is session_crypto_module.
var Module = server.Module{
	Name: "session_crypto_module",
	Directives: directives.Table{
		{Name: "SessionCryptoPassphrase", In: anywhere,
			Usage: "The passphrase(s) used to encrypt the session. First will be used for encryption, all phrases will be accepted for decryption",
			Set:   slot.Iterate((*config).addPassphrase)},
		{Name: "SessionCryptoPassphraseFile", In: directives.InServer | directives.InDir, Reads: directives.BeforeJail,
			Usage: "File containing passphrase(s) used to encrypt the session, one per line. First will be used for encryption, all phrases will be accepted for decryption",
			Set:   slot.Take1((*config).addFile)},
		{Name: "SessionCryptoCipher", In: anywhere, Usage: "The underlying crypto cipher to use",
			Set: slot.Take1(func(c *config, _ *directives.Cmd, name string) error { c.cipher = directives.Given(name); return nil })},
		{Name: "SessionCryptoDriver", In: directives.InServer, Forbid: directives.GlobalOnly, Usage: "The underlying crypto library driver to use",
			Set: drivers.Raw(setDriver)},
	},
	Hooks:         []server.Hook{server.PostConfig.Last(checkDriver)},
	SessionCoding: &server.SessionCoding{Encode: encode, Decode: decode},
}

// anywhere is RSRC_CONF|OR_AUTHCFG.
const anywhere = directives.InServer | directives.AuthConfig

var (
	slot    = directives.NewDirSlot(merge)
	drivers = directives.NewServerSlot(func(base, _ driver) driver { return base })
	elog    = server.NewLog("session_crypto")
)

type config struct {
	passphrases []*passphrase // the first encrypts, all decrypt; nil: not given
	cipher      directives.Opt[string]
}

// defaultCipher is what is taken where SessionCryptoCipher says nothing.
const defaultCipher = "aes256"

func merge(base, add config) config {
	m := config{add.passphrases, add.cipher.Or(base.cipher)}
	if m.passphrases == nil {
		m.passphrases = base.passphrases
	}
	return m
}

// driver is the library that SessionCryptoDriver names. Encryption is done by
// Go's own packages here, whichever it is.
type driver struct{ name string }

// defaultDriver is what Debian's APR recommends.
const defaultDriver = "openssl"

func setDriver(d *driver, _ *directives.Cmd, args string) error {
	d.name, _ = httpdconf.Getword(args)
	return nil
}

// checkDriver refuses a library that APR has not either.
func checkDriver(g *server.Generation) error {
	switch name := drivers.Of(g.Config.Main).name; name {
	case "", "openssl", "nss", "commoncrypto":
		return nil
	default:
		elog.Error(server.ServerSubject(g, g.Config.Main)).Msgf("AH01845: The crypto library '%s' could not be loaded", name)
		return errors.New("AH00016: Configuration Failed")
	}
}

func (c *config) addPassphrase(cmd *directives.Cmd, word string) error {
	command, ok := strings.CutPrefix(word, "exec:")
	if !ok || command == "" {
		c.passphrases = append(c.passphrases, newPassphrase(word))
		return nil
	}
	argv := httpdconf.Words(command)
	if len(argv) == 0 {
		return errors.New("Unable to parse exec arguments from " + command)
	}
	out, err := exec.Command(cmd.ServerRootRelative(argv[0]), argv[1:]...).Output()
	line, _, _ := strings.Cut(string(out), "\n")
	if err != nil || line == "" {
		return errors.New("Unable to get bind password from exec of " + command)
	}
	c.passphrases = append(c.passphrases, newPassphrase(line))
	return nil
}

func (c *config) addFile(cmd *directives.Cmd, name string) error {
	name = cmd.ServerRootRelative(name)
	text, err := server.OutsideOf(cmd).ReadFile(name)
	if err != nil {
		return fmt.Errorf("%s: Could not open file %s: %s", cmd.Name, name, reason(err))
	}
	for line := range strings.Lines(text) {
		for rest := strings.TrimSpace(line); rest != ""; {
			var word string
			if word, rest = httpdconf.Getword(rest); word == "" || word[0] == '#' {
				break
			}
			if err := c.addPassphrase(cmd, word); err != nil {
				return err
			}
		}
	}
	return nil
}

// reason is why a file cannot be opened, in the C library's words.
func reason(err error) string {
	var no syscall.Errno
	if errors.As(err, &no) {
		return server.Strerror(no)
	}
	return err.Error()
}
