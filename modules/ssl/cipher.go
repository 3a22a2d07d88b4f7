package ssl

import (
	"crypto/tls"
	"fmt"
	"slices"
	"strings"

	"github.com/donjon-httpd/donjon/directives"
)

// cipherSpec is SSLCipherSuite for TLS up to 1.2 and for TLS 1.3.
type cipherSpec struct{ old, new string }

func (s cipherSpec) or(base cipherSpec) cipherSpec {
	if s.old == "" {
		s.old = base.old
	}
	if s.new == "" {
		s.new = base.new
	}
	return s
}

func setCiphers(c *config, cmd *directives.Cmd, a, b string) error {
	if cmd.InSection() {
		if b != "" && strings.EqualFold(a, "TLSv1.3") {
			return fmt.Errorf("TLSv1.3 ciphers cannot be set inside a directory context")
		}
		var s cipherSpec
		if err := setCipherSpec(&s, cmd, a, b); err != nil {
			return err
		}
		dirs.Edit(cmd).ciphers = s.old
		return nil
	}
	return setCipherSpec(&c.ciphers, cmd, a, b)
}

func setCipherSpec(to *cipherSpec, cmd *directives.Cmd, a, b string) error {
	protocol, spec := "SSL", a
	if b != "" {
		protocol, spec = a, b
	}
	switch {
	case strings.EqualFold(protocol, "SSL"):
		to.old = spec
		if len(ciphersOf(spec)) == 0 {
			cmd.Note("crypto/tls has none of these ciphers: clients of TLS 1.2 will be refused")
		}
	case strings.EqualFold(protocol, "TLSv1.3"):
		to.new = spec
		cmd.Note("crypto/tls speaks all three ciphers of TLS 1.3 and does not leave the choice to the configuration")
	default:
		return fmt.Errorf("protocol '%s' not supported", protocol)
	}
	return nil
}

// A suite is a cipher of TLS 1.2 and before that crypto/tls has, with OpenSSL's
// name and the words of its cipher language (ciphers(1)) that stand for it.
type suite struct {
	id    uint16
	name  string
	words []string
	bits  int
}

const (
	kxECDHE = "ECDHE EECDH kECDHE kEECDH ECDH"
	kxRSA   = "kRSA"
)

var suites = []suite{
	{tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, "ECDHE-ECDSA-AES256-GCM-SHA384", words(kxECDHE, "aECDSA ECDSA AES256 AES AESGCM SHA384 HIGH TLSv1.2 FIPS"), 256},
	{tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, "ECDHE-RSA-AES256-GCM-SHA384", words(kxECDHE, "aRSA RSA@ AES256 AES AESGCM SHA384 HIGH TLSv1.2 FIPS"), 256},
	{tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, "ECDHE-ECDSA-CHACHA20-POLY1305", words(kxECDHE, "aECDSA ECDSA CHACHA20 HIGH TLSv1.2"), 256},
	{tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, "ECDHE-RSA-CHACHA20-POLY1305", words(kxECDHE, "aRSA CHACHA20 HIGH TLSv1.2"), 256},
	{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, "ECDHE-ECDSA-AES128-GCM-SHA256", words(kxECDHE, "aECDSA ECDSA AES128 AES AESGCM SHA256 HIGH TLSv1.2 FIPS"), 128},
	{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, "ECDHE-RSA-AES128-GCM-SHA256", words(kxECDHE, "aRSA AES128 AES AESGCM SHA256 HIGH TLSv1.2 FIPS"), 128},
	{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256, "ECDHE-ECDSA-AES128-SHA256", words(kxECDHE, "aECDSA ECDSA AES128 AES SHA256 HIGH TLSv1.2 FIPS"), 128},
	{tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256, "ECDHE-RSA-AES128-SHA256", words(kxECDHE, "aRSA AES128 AES SHA256 HIGH TLSv1.2 FIPS"), 128},
	{tls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA, "ECDHE-ECDSA-AES256-SHA", words(kxECDHE, "aECDSA ECDSA AES256 AES SHA1 SHA HIGH TLSv1 TLSv1.0 FIPS"), 256},
	{tls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA, "ECDHE-RSA-AES256-SHA", words(kxECDHE, "aRSA AES256 AES SHA1 SHA HIGH TLSv1 TLSv1.0 FIPS"), 256},
	{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, "ECDHE-ECDSA-AES128-SHA", words(kxECDHE, "aECDSA ECDSA AES128 AES SHA1 SHA HIGH TLSv1 TLSv1.0 FIPS"), 128},
	{tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA, "ECDHE-RSA-AES128-SHA", words(kxECDHE, "aRSA AES128 AES SHA1 SHA HIGH TLSv1 TLSv1.0 FIPS"), 128},
	{tls.TLS_RSA_WITH_AES_256_GCM_SHA384, "AES256-GCM-SHA384", words(kxRSA, "aRSA RSA AES256 AES AESGCM SHA384 HIGH TLSv1.2 FIPS"), 256},
	{tls.TLS_RSA_WITH_AES_128_GCM_SHA256, "AES128-GCM-SHA256", words(kxRSA, "aRSA RSA AES128 AES AESGCM SHA256 HIGH TLSv1.2 FIPS"), 128},
	{tls.TLS_RSA_WITH_AES_128_CBC_SHA256, "AES128-SHA256", words(kxRSA, "aRSA RSA AES128 AES SHA256 HIGH TLSv1.2 FIPS"), 128},
	{tls.TLS_RSA_WITH_AES_256_CBC_SHA, "AES256-SHA", words(kxRSA, "aRSA RSA AES256 AES SHA1 SHA HIGH SSLv3 FIPS"), 256},
	{tls.TLS_RSA_WITH_AES_128_CBC_SHA, "AES128-SHA", words(kxRSA, "aRSA RSA AES128 AES SHA1 SHA HIGH SSLv3 FIPS"), 128},
	{tls.TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA, "ECDHE-RSA-DES-CBC3-SHA", words(kxECDHE, "aRSA 3DES SHA1 SHA MEDIUM TLSv1 TLSv1.0"), 112},
	{tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA, "DES-CBC3-SHA", words(kxRSA, "aRSA RSA 3DES SHA1 SHA MEDIUM SSLv3"), 112},
}

// newSuites are TLS 1.3's.
var newSuites = []suite{
	{tls.TLS_AES_128_GCM_SHA256, "TLS_AES_128_GCM_SHA256", nil, 128},
	{tls.TLS_AES_256_GCM_SHA384, "TLS_AES_256_GCM_SHA384", nil, 256},
	{tls.TLS_CHACHA20_POLY1305_SHA256, "TLS_CHACHA20_POLY1305_SHA256", nil, 256},
}

func words(kx, rest string) []string {
	return strings.Fields(strings.ReplaceAll(kx+" "+rest, "@", ""))
}

// suiteOf is a suite by its number.
func suiteOf(id uint16) (suite, bool) {
	for _, s := range newSuites {
		if s.id == id {
			return s, true
		}
	}
	for _, s := range suites {
		if s.id == id {
			return s, true
		}
	}
	return suite{}, false
}

// named tells whether a word of the cipher language stands for the suite.
// Words are joined by +, and all must.
func (s *suite) named(word string) bool {
	if strings.EqualFold(word, s.name) {
		return true
	}
	for w := range strings.SplitSeq(word, "+") {
		// AESGCM also stands for one size: AES256-GCM is no word, but ECDHE+AES256 is.
		if !slices.ContainsFunc(s.words, func(have string) bool { return strings.EqualFold(have, w) }) {
			return false
		}
	}
	return true
}

// ciphersOf reads a list of OpenSSL's cipher language: words that add, take
// away for now (-), for good (!), or move to the end (+), and macros. What it
// knows nothing of selects nothing, as in OpenSSL.
func ciphersOf(list string) []uint16 {
	var chosen []suite
	banned := map[uint16]bool{}
	for word := range strings.FieldsFuncSeq(list, func(r rune) bool { return r == ':' || r == ',' || r == ' ' || r == ';' }) {
		if strings.HasPrefix(word, "@") {
			continue // @STRENGTH, @SECLEVEL: crypto/tls orders by itself
		}
		op := word[0]
		if strings.ContainsRune("!-+", rune(op)) {
			word = word[1:]
		} else {
			op = 0
		}
		matches := func(s suite) bool {
			switch strings.ToUpper(word) {
			case "ALL", "COMPLEMENTOFALL", "PROFILE=SYSTEM":
				return strings.EqualFold(word, "ALL") || strings.EqualFold(word, "PROFILE=SYSTEM")
			case "DEFAULT":
				return s.bits > 112
			}
			return s.named(word)
		}
		switch op {
		case '!':
			for _, s := range suites {
				if matches(s) {
					banned[s.id] = true
				}
			}
			chosen = slices.DeleteFunc(chosen, matches)
		case '-':
			chosen = slices.DeleteFunc(chosen, matches)
		case '+':
			var moved []suite
			chosen = slices.DeleteFunc(chosen, func(s suite) bool {
				if matches(s) {
					moved = append(moved, s)
					return true
				}
				return false
			})
			chosen = append(chosen, moved...)
		default:
			for _, s := range suites {
				if matches(s) && !banned[s.id] && !slices.ContainsFunc(chosen, func(have suite) bool { return have.id == s.id }) {
					chosen = append(chosen, s)
				}
			}
		}
	}
	ids := make([]uint16, len(chosen))
	for i, s := range chosen {
		ids[i] = s.id
	}
	return ids
}
