package dkim

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"slices"
	"strings"

	"gomail"
)

// Key is a public key record, RFC 6376 section 3.6.1.
type Key struct {
	Type    string // "rsa" or "ed25519"
	Public  crypto.PublicKey
	Revoked bool // p= is empty
	Testing bool // t=y
	Strict  bool // t=s: i= must be in d= itself, not in a subdomain
	Bits    int  // of an RSA modulus, 256 for Ed25519
}

// ParseKey reads a key record. Errors are Invalid and say what is wrong in
// words that hold nothing of the record.
func ParseKey(record string) (*Key, error) {
	tags, err := ParseTags(record)
	if err != nil {
		return nil, err
	}
	if v, ok := tags.Lookup("v"); ok && (v != "DKIM1" || tags[0].name != "v") {
		return nil, gomail.Errorf(gomail.Invalid, "the key record does not begin with v=DKIM1")
	}
	if hashes, ok := tags.Lookup("h"); ok && !slices.Contains(splitList(hashes), "sha256") {
		return nil, gomail.Errorf(gomail.Invalid, "the key is not for SHA-256")
	}
	if service, ok := tags.Lookup("s"); ok && !slices.ContainsFunc(splitList(service), func(s string) bool { return s == "*" || s == "email" }) {
		return nil, gomail.Errorf(gomail.Invalid, "the key is not for e-mail")
	}
	key := &Key{Type: "rsa"}
	if k, ok := tags.Lookup("k"); ok {
		key.Type = k
	}
	flags := splitList(tags.Get("t"))
	key.Testing, key.Strict = slices.Contains(flags, "y"), slices.Contains(flags, "s")
	p, ok := tags.Lookup("p")
	if !ok {
		return nil, gomail.Errorf(gomail.Invalid, "the key record has no p= tag")
	}
	return key, key.readPublic(withoutSpace(p))
}

func (k *Key) readPublic(p string) error {
	if p == "" {
		k.Revoked = true
		return nil
	}
	raw, err := base64.StdEncoding.DecodeString(p)
	if err != nil {
		return gomail.Errorf(gomail.Invalid, "the key's p= is not base64")
	}
	switch k.Type {
	case "rsa":
		return k.readRSA(raw)
	case "ed25519":
		if len(raw) != ed25519.PublicKeySize {
			return gomail.Errorf(gomail.Invalid, "the Ed25519 key is not %d octets long", ed25519.PublicKeySize)
		}
		k.Public, k.Bits = ed25519.PublicKey(raw), 256
		return nil
	}
	return gomail.Errorf(gomail.Invalid, "the key is of an unknown type")
}

// readRSA takes SubjectPublicKeyInfo, and RSAPublicKey, which RFC 6376 names
// and some publish (erratum 3017).
func (k *Key) readRSA(raw []byte) error {
	var public *rsa.PublicKey
	if parsed, err := x509.ParsePKIXPublicKey(raw); err == nil {
		public, _ = parsed.(*rsa.PublicKey)
	} else if parsed, err := x509.ParsePKCS1PublicKey(raw); err == nil {
		public = parsed
	}
	if public == nil || public.N.BitLen() > maxRSABits {
		return gomail.Errorf(gomail.Invalid, "the key's p= is no RSA key")
	}
	k.Public, k.Bits = public, public.N.BitLen()
	return nil
}

// maxRSABits bounds the work that a stranger's key can cause.
const maxRSABits = 8192

// verify reports whether value signs data under the key.
func (k *Key) verify(data, value []byte) bool {
	digest := sha256.Sum256(data)
	switch public := k.Public.(type) {
	case ed25519.PublicKey:
		// RFC 8463 section 3: what Ed25519 signs is the hash.
		return ed25519.Verify(public, digest[:], value)
	case *rsa.PublicKey:
		return rsa.VerifyPKCS1v15(public, crypto.SHA256, digest[:], value) == nil
	}
	return false
}

// Record returns the key record for a public key: "v=DKIM1; k=ed25519; p=...".
// publicKey is the p= tag's bytes; nil makes a revoked key.
func Record(keyType string, publicKey []byte) string {
	return strings.Join([]string{"v=DKIM1", "k=" + keyType, "p=" + base64.StdEncoding.EncodeToString(publicKey)}, "; ")
}
