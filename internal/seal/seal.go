// Package seal keeps secrets unreadable at rest: private keys, tokens, second
// factors. A sealed value carries the identity of the key that sealed it and
// is bound to the table, row and column where it stands, so that it opens
// nowhere else (XChaCha20-Poly1305, draft-irtf-cfrg-xchacha).
package seal

import (
	"bytes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/crypto/chacha20poly1305"

	"gomail"
	"gomail/internal/disk"
)

// Sealer seals and opens values under one key.
type Sealer struct {
	id   [idSize]byte
	aead cipher.AEAD
	key  []byte
}

const (
	idSize  = 4
	keySize = chacha20poly1305.KeySize
	version = 1
)

// New returns a sealer for a key of 32 octets.
func New(key []byte) (*Sealer, error) {
	aead, err := chacha20poly1305.NewX(key)
	if err != nil {
		return nil, fmt.Errorf("use the secret key: %w", err)
	}
	sum := sha256.Sum256(append([]byte("gomail key id\x00"), key...))
	s := &Sealer{aead: aead, key: bytes.Clone(key)}
	copy(s.id[:], sum[:])
	return s, nil
}

// Load returns a sealer for the key in a file: 32 octets in base64, one line.
// A missing file is made, with mode 0600 and durable, if create is true. A
// file that others can read is refused.
func Load(path string, create bool) (*Sealer, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) && create {
		return generate(path)
	}
	if err != nil {
		return nil, fmt.Errorf("read the secret key: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, gomail.Errorf(gomail.Invalid, "the secret key %s can be read by others: chmod 600 %s", path, path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the secret key: %w", err)
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(key) != keySize {
		return nil, gomail.Errorf(gomail.Invalid, "the secret key %s is damaged: it has to be one line of base64 for %d octets; restore it from where you keep it", path, keySize)
	}
	return New(key)
}

// generate makes a key, writes it durably and returns its sealer: what is
// sealed with a key that a power cut took away would be lost.
func generate(path string) (*Sealer, error) {
	key := make([]byte, keySize)
	rand.Read(key)
	line := base64.StdEncoding.EncodeToString(key) + "\n"
	if err := disk.WriteFile(disk.KeyData, disk.KeyName, path, []byte(line)); err != nil {
		return nil, fmt.Errorf("write the secret key: %w", err)
	}
	return New(key)
}

// Derive returns a secret of 32 octets for a purpose, such as "srs": always the
// same, and telling nothing of the key or of other purposes.
func (s *Sealer) Derive(purpose string) []byte {
	secret, err := hkdf.Expand(sha256.New, s.key, "gomail "+purpose, keySize)
	if err != nil {
		panic(err) // only for secrets longer than 8,160 octets
	}
	return secret
}

// Seal encrypts a secret for one place, such as "dkim_key/4/mail/priv".
//
// The form is: version (1), key id (4), nonce (24), ciphertext and tag.
func (s *Sealer) Seal(secret []byte, place string) []byte {
	out := make([]byte, 0, 1+idSize+chacha20poly1305.NonceSizeX+len(secret)+chacha20poly1305.Overhead)
	out = append(append(out, version), s.id[:]...)
	nonce := make([]byte, chacha20poly1305.NonceSizeX)
	rand.Read(nonce)
	out = append(out, nonce...)
	return s.aead.Seal(out, nonce, secret, []byte(place))
}

// Open decrypts what was sealed for the place. A value sealed with another
// key is Invalid and says so; a value that was changed or moved is Corrupt.
func (s *Sealer) Open(sealed []byte, place string) ([]byte, error) {
	const head = 1 + idSize + chacha20poly1305.NonceSizeX
	if len(sealed) < head || sealed[0] != version {
		return nil, gomail.Errorf(gomail.Corrupt, "a sealed secret is damaged")
	}
	if !bytes.Equal(sealed[1:1+idSize], s.id[:]) {
		return nil, gomail.Errorf(gomail.Invalid, "the secret key is not the one that sealed this data: give the right one with secrets.key_file")
	}
	secret, err := s.aead.Open(nil, sealed[1+idSize:head], sealed[head:], []byte(place))
	if err != nil {
		return nil, gomail.Errorf(gomail.Corrupt, "a sealed secret was changed or stands in the wrong place")
	}
	return secret, nil
}
