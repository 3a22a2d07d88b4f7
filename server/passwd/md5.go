package passwd

import (
	"crypto/md5"
	"strings"
)

// The prefixes of hashes made with md5crypt.
const (
	apr1Magic = "$apr1$"
	md5Magic  = "$1$"
)

// md5crypt is FreeBSD's password hash, with the salt of stored. Apache's apr1
// is the same with another magic.
func md5crypt(password, stored, magic string) string {
	salt, _, _ := strings.Cut(strings.TrimPrefix(stored, magic), "$")
	if len(salt) > 8 {
		salt = salt[:8]
	}
	pw := []byte(password)
	inner := md5.Sum([]byte(password + salt + password))
	h := md5.New()
	h.Write([]byte(password + magic + salt))
	for n := len(pw); n > 0; n -= 16 {
		h.Write(inner[:min(n, 16)])
	}
	for n := len(pw); n > 0; n >>= 1 {
		if n&1 != 0 {
			h.Write([]byte{0})
		} else {
			h.Write(pw[:1])
		}
	}
	sum := h.Sum(nil)
	for i := range 1000 {
		h.Reset()
		if i&1 != 0 {
			h.Write(pw)
		} else {
			h.Write(sum)
		}
		if i%3 != 0 {
			h.Write([]byte(salt))
		}
		if i%7 != 0 {
			h.Write(pw)
		}
		if i&1 != 0 {
			h.Write(sum)
		} else {
			h.Write(pw)
		}
		sum = h.Sum(sum[:0])
	}
	out := []byte(magic + salt + "$")
	for i := range 5 {
		last := i + 12
		if i == 4 {
			last = 5
		}
		out = appendCrypt64(out, uint32(sum[i])<<16|uint32(sum[i+6])<<8|uint32(sum[last]), 4)
	}
	return string(appendCrypt64(out, uint32(sum[11]), 2))
}

// crypt64 is crypt(3)'s alphabet for numbers of six bits.
const crypt64 = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// appendCrypt64 writes n digits of v, the lowest first.
func appendCrypt64(b []byte, v uint32, n int) []byte {
	for range n {
		b = append(b, crypt64[v&63])
		v >>= 6
	}
	return b
}
