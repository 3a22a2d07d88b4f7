package passwd

import (
	"crypto/rand"

	"golang.org/x/crypto/bcrypt"
)

// salt is n random letters of crypt(3)'s alphabet.
func salt(n int) string {
	b := make([]byte, n)
	rand.Read(b) //nolint:errcheck // it never fails
	for i := range b {
		b[i] = crypt64[b[i]&63]
	}
	return string(b)
}

// MakeAPR1 hashes a password as htpasswd -m does.
func MakeAPR1(password string) string {
	return md5crypt(password, apr1Magic+salt(8)+"$", apr1Magic)
}

// MakeSHA hashes a password as htpasswd -s does, without salt.
func MakeSHA(password string) string { return sha(password) }

// MakeCrypt hashes the first eight bytes of a password as htpasswd -d does.
func MakeCrypt(password string) string {
	hash, _ := descrypt(password, salt(2))
	return hash
}

// MakeBcrypt hashes a password as htpasswd -B does; cost is 4 to 17.
func MakeBcrypt(password string, cost int) (string, error) {
	if len(password) > 72 {
		password = password[:72] // as crypt_blowfish takes it
	}
	b, err := bcrypt.GenerateFromPassword([]byte(password), cost)
	if err != nil {
		return "", err
	}
	b[2] = 'y' // the same hash, by the letter that htpasswd writes
	return string(b), nil
}
