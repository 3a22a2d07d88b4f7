// Package passwd compares passwords with what htpasswd and crypt(3) stored of
// them. It takes what Apache takes on Linux (apr_password_validate, and below
// it libxcrypt's crypt): bcrypt, apr1, {SHA}, and of crypt(3) MD5, SHA-256,
// SHA-512, yescrypt, DES and BSDi's DES. Plain text is not among them.
package passwd

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"hash"
	"strconv"
	"strings"

	shacrypt "github.com/go-crypt/x/crypt"
	"github.com/go-crypt/x/yescrypt"
	"golang.org/x/crypto/bcrypt"
)

// Check tells whether password is the one that stored was made of. The time it
// takes does not tell where they differ. A slow hash that agreed is remembered
// for a minute, see [memory].
func Check(password, stored string) bool {
	if strings.HasPrefix(stored, shaPrefix) {
		return equal(sha(password), stored)
	}
	return checked.check(password, stored, compute)
}

const shaPrefix = "{SHA}"

func sha(password string) string {
	sum := sha1.Sum([]byte(password))
	return shaPrefix + base64.StdEncoding.EncodeToString(sum[:])
}

func equal(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// compute does the work of Check for the slow hashes.
func compute(password, stored string) bool {
	switch {
	case len(stored) > 3 && stored[:2] == "$2" && strings.IndexByte("aby", stored[2]) >= 0 && stored[3] == '$':
		return bcrypt.CompareHashAndPassword([]byte(stored), []byte(password)) == nil
	case strings.HasPrefix(stored, apr1Magic):
		return equal(md5crypt(password, stored, apr1Magic), stored)
	case strings.HasPrefix(stored, md5Magic):
		return equal(md5crypt(password, stored, md5Magic), stored)
	case strings.HasPrefix(stored, "$5$"):
		return equal(sha2crypt(password, stored, sha256.New), stored)
	case strings.HasPrefix(stored, "$6$"):
		return equal(sha2crypt(password, stored, sha512.New), stored)
	case strings.HasPrefix(stored, "$y$"):
		got, err := yescrypt.Hash([]byte(password), []byte(stored))
		return err == nil && bytes.HasPrefix(got, []byte("$y$")) && equal(string(got), stored)
	}
	hash := descrypt
	if strings.HasPrefix(stored, "_") {
		hash = bsdicrypt
	}
	got, ok := hash(password, stored)
	return ok && equal(got, stored)
}

// sha2crypt is crypt(3)'s $5$ and $6$ with the salt and rounds of stored; "" when they make no sense.
func sha2crypt(password, stored string, newHash func() hash.Hash) string {
	prefix, rest := stored[:3], stored[3:]
	rounds := 5000
	if after, ok := strings.CutPrefix(rest, "rounds="); ok {
		digits, after, ok := strings.Cut(after, "$")
		n, err := strconv.ParseUint(digits, 10, 32)
		if !ok || err != nil || digits[0] == '0' || n < 1000 || n > 999_999_999 {
			return ""
		}
		rounds, rest = int(n), after
		prefix += "rounds=" + digits + "$"
	}
	salt, _, _ := strings.Cut(rest, "$")
	if len(salt) > 16 {
		salt = salt[:16]
	}
	return prefix + salt + "$" + string(shacrypt.KeySHACrypt(newHash, []byte(password), []byte(salt), rounds))
}
