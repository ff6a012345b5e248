package clientsetup

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"math/big"
	"slices"
	"time"

	"gomail"
)

// Object identifiers of CMS (RFC 5652) and of what it is signed with (RFC 5754).
func oidData() asn1.ObjectIdentifier       { return asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1} }
func oidSignedData() asn1.ObjectIdentifier { return asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2} }
func oidContentType() asn1.ObjectIdentifier {
	return asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 3}
}
func oidMessageDigest() asn1.ObjectIdentifier {
	return asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 4}
}
func oidSigningTime() asn1.ObjectIdentifier {
	return asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 5}
}
func oidSHA256() asn1.ObjectIdentifier {
	return asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}
}
func oidRSA() asn1.ObjectIdentifier   { return asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1} }
func oidECDSA() asn1.ObjectIdentifier { return asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2} }

// The structures of RFC 5652 sections 3 to 5.
type (
	contentInfo struct {
		Type    asn1.ObjectIdentifier
		Content asn1.RawValue
	}
	signedData struct {
		Version      int
		Digests      []pkix.AlgorithmIdentifier `asn1:"set"`
		Content      contentInfo
		Certificates asn1.RawValue
		Signers      []signerInfo `asn1:"set"`
	}
	signerInfo struct {
		Version    int
		Signer     issuerAndSerial
		Digest     pkix.AlgorithmIdentifier
		Attributes asn1.RawValue
		Algorithm  pkix.AlgorithmIdentifier
		Signature  []byte
	}
	issuerAndSerial struct {
		Issuer asn1.RawValue
		Serial *big.Int
	}
	attribute struct {
		Type   asn1.ObjectIdentifier
		Values []any `asn1:"set"`
	}
)

// Sign wraps content in CMS SignedData with a certificate's key and chain.
// Invalid: the key is of a kind that cannot sign here.
func Sign(content []byte, c *tls.Certificate, now time.Time) ([]byte, error) {
	key, ok := c.PrivateKey.(crypto.Signer)
	if !ok || c.Leaf == nil {
		return nil, gomail.Errorf(gomail.Invalid, "the certificate has no key that signs")
	}
	algorithm, err := signatureAlgorithm(key)
	if err != nil {
		return nil, err
	}
	attributes, err := signedAttributes(content, now)
	if err != nil {
		return nil, err
	}
	// The signature is over the attributes as a SET, whose tag is not the one
	// that they have in the structure (RFC 5652 section 5.4).
	set, err := asn1.Marshal(asn1.RawValue{Class: asn1.ClassUniversal, Tag: asn1.TagSet, IsCompound: true, Bytes: attributes})
	if err != nil {
		return nil, err
	}
	digest := sha256.Sum256(set)
	signature, err := key.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		return nil, fmt.Errorf("sign a profile: %w", err)
	}
	octets, err := asn1.Marshal(content)
	if err != nil {
		return nil, err
	}
	hash := pkix.AlgorithmIdentifier{Algorithm: oidSHA256()}
	inner, err := asn1.Marshal(signedData{
		Version: 1, Digests: []pkix.AlgorithmIdentifier{hash},
		Content:      contentInfo{oidData(), tagged(octets)},
		Certificates: tagged(bytes.Join(c.Certificate, nil)),
		Signers: []signerInfo{{
			Version: 1, Signer: issuerAndSerial{asn1.RawValue{FullBytes: c.Leaf.RawIssuer}, c.Leaf.SerialNumber},
			Digest: hash, Attributes: tagged(attributes), Algorithm: algorithm, Signature: signature,
		}},
	})
	if err != nil {
		return nil, err
	}
	return asn1.Marshal(contentInfo{oidSignedData(), tagged(inner)})
}

// tagged is content under the tag [0].
func tagged(content []byte) asn1.RawValue {
	return asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, IsCompound: true, Bytes: content}
}

func signatureAlgorithm(key crypto.Signer) (pkix.AlgorithmIdentifier, error) {
	switch key.Public().(type) {
	case *ecdsa.PublicKey:
		return pkix.AlgorithmIdentifier{Algorithm: oidECDSA()}, nil
	case *rsa.PublicKey:
		return pkix.AlgorithmIdentifier{Algorithm: oidRSA(), Parameters: asn1.NullRawValue}, nil
	}
	return pkix.AlgorithmIdentifier{}, gomail.Errorf(gomail.Invalid, "profiles are signed with RSA and ECDSA keys alone")
}

// signedAttributes says what is signed, in the order that DER wants.
func signedAttributes(content []byte, now time.Time) ([]byte, error) {
	digest := sha256.Sum256(content)
	var all [][]byte
	for _, a := range []attribute{
		{oidContentType(), []any{oidData()}}, {oidSigningTime(), []any{now.UTC()}}, {oidMessageDigest(), []any{digest[:]}},
	} {
		text, err := asn1.Marshal(a)
		if err != nil {
			return nil, err
		}
		all = append(all, text)
	}
	slices.SortFunc(all, bytes.Compare)
	return bytes.Join(all, nil), nil
}
