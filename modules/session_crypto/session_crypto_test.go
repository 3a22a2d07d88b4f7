package session_crypto

import (
	"encoding/base64"
	"testing"
)

// fromApache was made by Apache 2.4.71 with the passphrase "a secret" and aes256.
const fromApache = "oEWJTxcAua0Kdxxq4zVJ1bfA1lDtd2mlUVW/tncqIwZuj0QbwW13D1JGwU9WDqF869MeTz7GTklxMyw61wnxJsuxNWlowmZr7acGX//I+yMU1HUvIubSHw=="

func TestDecryptApaches(t *testing.T) {
	got, err := newPassphrase("a secret").decrypt(ciphers["aes256"], decodeBase64(fromApache))
	if want := "who=Apache&long=some+words+and+more"; got != want || err != nil {
		t.Errorf("%q %v", got, err)
	}
	if _, err := newPassphrase("another").decrypt(ciphers["aes256"], decodeBase64(fromApache)); err != errAuth {
		t.Errorf("with another passphrase: %v", err)
	}
	if got, err := newPassphrase("a secret").decrypt(ciphers["3des192"], decodeBase64(fromApache)); err == nil {
		t.Errorf("with another cipher: %q", got)
	}
}

func TestTampered(t *testing.T) {
	p := newPassphrase("a secret")
	whole := decodeBase64(fromApache)
	for i := range whole {
		b := append([]byte(nil), whole...)
		b[i] ^= 1
		if _, err := p.decrypt(ciphers["aes256"], b); err != errAuth {
			t.Fatalf("byte %d changed: %v", i, err)
		}
	}
	if _, err := p.decrypt(ciphers["aes256"], whole[:len(whole)-16]); err != errAuth {
		t.Error("one that was cut short is taken")
	}
}

// TestSaltChanges: keys are made anew after so many sessions, IVs for each.
func TestSaltChanges(t *testing.T) {
	p := newPassphrase("x")
	first := p.salt(32)
	for range saltUse - 1 {
		if p.salt(32) != first {
			t.Fatal("the salt changed too soon")
		}
	}
	if p.salt(32) == first {
		t.Error("the salt did not change")
	}
	a, _ := p.encrypt(ciphers["aes256"], "same")
	b, _ := p.encrypt(ciphers["aes256"], "same")
	if a == b {
		t.Error("two sessions look the same")
	}
}

// FuzzCrypt: what was encrypted comes back; whatever else is signed with the
// passphrase is refused or read, and nothing is without the signature.
func FuzzCrypt(f *testing.F) {
	f.Add("a=1&expiry=5", []byte("0123456789abcdef0123456789abcdef0123456789abcdef"), "aes256")
	f.Add("", []byte{}, "3des192")
	p := newPassphrase("secret")
	f.Fuzz(func(t *testing.T, text string, junk []byte, name string) {
		c, ok := ciphers[name]
		if !ok {
			return
		}
		stored, err := p.encrypt(c, text)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := p.decrypt(c, decodeBase64(stored)); got != text || err != nil {
			t.Errorf("%q became %q %v", text, got, err)
		}
		if len(junk) < saltSize {
			return
		}
		clear(junk[:saltSize]) // one key is enough
		mac := p.mac(junk)
		p.decrypt(c, append(mac[:], junk...)) //nolint:errcheck // it may be anything, but must not crash
		mac[0] ^= 1
		if _, err := p.decrypt(c, append(mac[:], junk...)); err != errAuth {
			t.Error("a wrong signature was taken")
		}
	})
}

// FuzzDecodeBase64: text without foreign bytes is read as base64 is.
func FuzzDecodeBase64(f *testing.F) {
	f.Add([]byte("abc"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if got := decodeBase64(base64.StdEncoding.EncodeToString(b)); string(got) != string(b) {
			t.Errorf("%q became %q", b, got)
		}
	})
}
