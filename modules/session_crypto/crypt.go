package session_crypto

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/md5"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"strings"
	"sync"

	"github.com/dchest/siphash"

	"github.com/donjon-httpd/donjon/server"
)

// The stored form of an encrypted session is base64 of
//
//	MAC (8 bytes) · salt (16) · IV (a block) · ciphertext (CBC, PKCS #7)
//
// The key is PBKDF2 with HMAC-SHA1 of passphrase and salt; the MAC is SipHash-2-4 of
// all that follows it, under the MD5 of the passphrase.
const (
	macSize    = siphash.Size
	saltSize   = 16
	iterations = 4096
)

// errCrypt is APR_ECRYPT.
var errCrypt = errors.New("(100005)Error string not specified yet")

// blockCipher is a cipher that SessionCryptoCipher can name.
type blockCipher struct {
	keySize, blockSize int // in bytes
	new                func(key []byte) (cipher.Block, error)
}

var ciphers = map[string]blockCipher{
	"3des192": {24, des.BlockSize, des.NewTripleDESCipher},
	"aes128":  {16, aes.BlockSize, aes.NewCipher},
	"aes192":  {24, aes.BlockSize, aes.NewCipher},
	"aes256":  {32, aes.BlockSize, aes.NewCipher},
}

// cipherNames are they in the order of APR's table, for the log.
const cipherNames = "3des192, aes128, aes192, aes256"

// passphrase is a secret and what was made of it.
type passphrase struct {
	text    string
	mac0    uint64 // both halves of the key of the MAC
	mac1    uint64
	mu      sync.Mutex
	keys    map[keyName][]byte
	own     keyName // the salt that this process encrypts with
	ownLeft int     // how often it may still be used
}

// keyName is what a key is made for.
type keyName struct {
	salt [saltSize]byte
	size int
}

func newPassphrase(text string) *passphrase {
	sum := md5.Sum([]byte(text))
	return &passphrase{text: text, mac0: binary.LittleEndian.Uint64(sum[:8]), mac1: binary.LittleEndian.Uint64(sum[8:])}
}

func (p *passphrase) mac(of []byte) (sum [macSize]byte) {
	binary.LittleEndian.PutUint64(sum[:], siphash.Hash(p.mac0, p.mac1, of))
	return sum
}

const (
	maxKeys = 4096 // that a passphrase remembers
	saltUse = 1000 // sessions that are encrypted with one salt of this process
)

// key makes the key for a salt, or remembers it: making one takes milliseconds.
func (p *passphrase) key(n keyName) ([]byte, error) {
	p.mu.Lock()
	k := p.keys[n]
	p.mu.Unlock()
	if k != nil {
		return k, nil
	}
	k, err := pbkdf2.Key(sha1.New, p.text, n.salt[:], iterations, n.size)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.keys == nil || len(p.keys) >= maxKeys {
		p.keys = map[keyName][]byte{}
	}
	p.keys[n] = k
	return k, nil
}

// salt gives the salt for the next session to encrypt. Many share one, each with
// an IV of its own, so that the key is not made for every response.
func (p *passphrase) salt(size int) keyName {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ownLeft == 0 || p.own.size != size {
		rand.Read(p.own.salt[:]) //nolint:errcheck // never fails
		p.own.size, p.ownLeft = size, saltUse
	}
	p.ownLeft--
	return p.own
}

// encrypt makes the stored form of text.
func (p *passphrase) encrypt(c blockCipher, text string) (string, error) {
	n := p.salt(c.keySize)
	key, err := p.key(n)
	if err != nil {
		return "", err
	}
	block, err := c.new(key)
	if err != nil {
		return "", err
	}
	pad := c.blockSize - len(text)%c.blockSize
	head := macSize + saltSize + c.blockSize
	out := make([]byte, head+len(text)+pad)
	copy(out[macSize:], n.salt[:])
	iv := out[macSize+saltSize : head]
	rand.Read(iv) //nolint:errcheck // never fails
	copy(out[head:], text)
	copy(out[head+len(text):], bytes.Repeat([]byte{byte(pad)}, pad))
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(out[head:], out[head:])
	mac := p.mac(out[macSize:])
	copy(out, mac[:])
	return base64.StdEncoding.EncodeToString(out), nil
}

var (
	errAuth  = errors.New("auth does not match")
	errShort = errors.New("too short to decrypt")
)

// decrypt reads what was decoded of the stored form; errAuth when another
// passphrase has signed it.
func (p *passphrase) decrypt(c blockCipher, b []byte) (string, error) {
	mac := p.mac(b[macSize:])
	if subtle.ConstantTimeCompare(mac[:], b[:macSize]) == 0 {
		return "", errAuth
	}
	head := macSize + saltSize + c.blockSize
	if len(b) < head {
		return "", errShort
	}
	n := keyName{[saltSize]byte(b[macSize:]), c.keySize}
	key, err := p.key(n)
	if err != nil {
		return "", err
	}
	block, err := c.new(key)
	if err != nil {
		return "", err
	}
	text := b[head:]
	if len(text) == 0 || len(text)%c.blockSize != 0 {
		return "", errCrypt
	}
	plain := make([]byte, len(text))
	cipher.NewCBCDecrypter(block, b[macSize+saltSize:head]).CryptBlocks(plain, text)
	pad := int(plain[len(plain)-1])
	if pad == 0 || pad > c.blockSize || !bytes.Equal(plain[len(plain)-pad:], bytes.Repeat([]byte{byte(pad)}, pad)) {
		return "", errCrypt
	}
	return string(plain[:len(plain)-pad]), nil
}

// cipherFor finds the cipher that holds for r.
func (c *config) cipherFor(r *server.Request) (blockCipher, bool) {
	name := c.cipher.Else(defaultCipher)
	b, ok := ciphers[name]
	if !ok {
		elog.Error(r).Msgf("AH01824: cipher '%s' not recognised by crypto driver. session encryption not possible, options: %s", name, cipherNames)
	}
	return b, ok
}

func encode(r *server.Request, z *server.Session) error {
	c := slot.Of(r.Dir)
	if c.passphrases == nil || z.Encoded == "" {
		return nil
	}
	b, ok := c.cipherFor(r)
	if !ok {
		elog.Debug(r).Err(server.ErrGeneral).Msg("AH01841: encrypt session failed")
		return server.ErrGeneral
	}
	out, err := c.passphrases[0].encrypt(b, z.Encoded)
	if err != nil {
		elog.Error(r).Err(err).Msg("AH01828: encryption could not be configured.")
		return err
	}
	z.Encoded = out
	return nil
}

func decode(r *server.Request, z *server.Session) error {
	c := slot.Of(r.Dir)
	if c.passphrases == nil || z.Encoded == "" {
		return nil
	}
	text, err := c.decrypt(r, z.Encoded)
	if err != nil {
		elog.Error(r).Err(err).Msg("AH01842: decrypt session failed, wrong passphrase?")
		return err
	}
	z.Encoded = text
	return nil
}

// decrypt tries each passphrase.
func (c *config) decrypt(r *server.Request, stored string) (string, error) {
	b := decodeBase64(stored)
	if len(b) < macSize+saltSize {
		elog.Debug(r).Msg("AH10005: too short to decrypt, aborting")
		return "", errCrypt
	}
	kind, ok := c.cipherFor(r)
	if !ok {
		return "", server.ErrGeneral
	}
	err := errCrypt
	for _, p := range c.passphrases {
		var text string
		switch text, err = p.decrypt(kind, b); err {
		case nil:
			text, _, _ = strings.Cut(text, "\x00")
			return text, nil
		case errAuth:
			err = errCrypt
			elog.Debug(r).Err(err).Msg("AH10006: auth does not match, skipping")
		case errShort:
			err = errCrypt
			elog.Debug(r).Msg("AH01836: too short to decrypt, skipping")
		default:
			elog.Debug(r).Err(err).Msg("AH01839: apr_crypto_block_decrypt_finish failed")
		}
	}
	elog.Info(r).Err(err).Msg("AH01840: decryption failed")
	return "", err
}

// decodeBase64 is apr_base64_decode: it ends at the first byte that is not of
// the alphabet.
func decodeBase64(s string) []byte {
	n := strings.IndexFunc(s, func(c rune) bool {
		return !('A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '+' || c == '/')
	})
	if n >= 0 {
		s = s[:n]
	}
	if len(s)%4 == 1 {
		s = s[:len(s)-1]
	}
	b, _ := base64.RawStdEncoding.DecodeString(s)
	return b
}
