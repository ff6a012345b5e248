package tlspolicy

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"gomail"
)

// TLSA is a TLSA record, RFC 6698 section 2.
type TLSA struct {
	Usage    uint8 // 2: DANE-TA, 3: DANE-EE
	Selector uint8 // 0: the certificate, 1: its public key
	Matching uint8 // 0: all of it, 1: its SHA-256, 2: its SHA-512
	Data     []byte
}

// The usages that SMTP knows, RFC 7672 section 3.1.
const (
	usageTA = 2
	usageEE = 3
)

// mostTLSA bounds how many records of a host count.
const mostTLSA = 100

// String writes it as a zone file does: "3 1 1 0b0c...".
func (t TLSA) String() string {
	return fmt.Sprintf("%d %d %d %s", t.Usage, t.Selector, t.Matching, hex.EncodeToString(t.Data))
}

// usable reports whether a record can be used for SMTP: usages 0 and 1 cannot
// (RFC 7672 section 3.1.3), nor selectors and matching types that are not
// known.
func (t TLSA) usable() bool {
	length := map[uint8]int{1: sha256.Size, 2: sha512.Size}[t.Matching]
	return (t.Usage == usageTA || t.Usage == usageEE) && t.Selector <= 1 && t.Matching <= 2 &&
		len(t.Data) > 0 && (length == 0 || len(t.Data) == length)
}

// UsableTLSA returns the records that can be used. Of records that differ in
// the digest only, those with the best count (RFC 7671 section 9): a weaker
// one must not be of use to who can break it.
func UsableTLSA(all []TLSA) []TLSA {
	best := map[[2]uint8]uint8{}
	var usable []TLSA
	for _, t := range all[:min(len(all), mostTLSA)] {
		if t.usable() {
			usable = append(usable, t)
			key := [2]uint8{t.Usage, t.Selector}
			best[key] = max(best[key], t.Matching)
		}
	}
	return slices.DeleteFunc(usable, func(t TLSA) bool {
		return t.Matching != 0 && t.Matching < best[[2]uint8{t.Usage, t.Selector}]
	})
}

// matches reports whether the record is of a certificate.
func (t TLSA) matches(c *x509.Certificate) bool {
	data := c.Raw
	if t.Selector == 1 {
		data = c.RawSubjectPublicKeyInfo
	}
	switch t.Matching {
	case 1:
		sum := sha256.Sum256(data)
		data = sum[:]
	case 2:
		sum := sha512.Sum512(data)
		data = sum[:]
	}
	return bytes.Equal(data, t.Data)
}

// VerifyDANE reports whether a server's certificates, its own first, are right
// by one of the usable records. names are those of which one has to be in the
// certificate where the record is of an authority (RFC 7672 section 3.2.2);
// where it is of the server's own certificate neither names nor dates matter
// (section 3.1.1). Its error is a Failure.
func VerifyDANE(records []TLSA, chain []*x509.Certificate, names []string, now time.Time) error {
	if len(chain) == 0 {
		return &Failure{ValidationFailure, errors.New("the server has sent no certificate")}
	}
	var failure error
	for _, t := range records {
		switch {
		case t.Usage == usageEE && t.matches(chain[0]):
			return nil
		case t.Usage == usageTA:
			err := t.verifyTA(chain, names, now)
			if err == nil {
				return nil
			}
			if failure == nil || err != errNoAnchor {
				failure = err
			}
		}
	}
	if failure == nil || failure == errNoAnchor {
		return &Failure{CertificateNotTrusted, gomail.Errorf(gomail.Refused, "the server's certificate is not one that its TLSA records name")}
	}
	return &Failure{failureType(failure), failure}
}

var errNoAnchor = errors.New("no certificate of the chain is the authority that the TLSA record names")

// verifyTA builds a chain from the server's certificate to the authority that
// the record names, which the server has to send (RFC 7671 section 5.2) unless
// the record holds it whole.
func (t TLSA) verifyTA(chain []*x509.Certificate, names []string, now time.Time) error {
	roots, rest := x509.NewCertPool(), x509.NewCertPool()
	anchors := 0
	for _, c := range chain[1:] {
		if t.matches(c) {
			roots.AddCert(c)
			anchors++
			continue
		}
		rest.AddCert(c)
	}
	if t.Selector == 0 && t.Matching == 0 && !t.matches(chain[0]) {
		if c, err := x509.ParseCertificate(t.Data); err == nil {
			roots.AddCert(c)
			anchors++
		}
	}
	if anchors == 0 {
		return errNoAnchor
	}
	return verifyNames(chain[0], names, x509.VerifyOptions{Roots: roots, Intermediates: rest, CurrentTime: now})
}

// verifyNames verifies a certificate for one of several names.
func verifyNames(leaf *x509.Certificate, names []string, opts x509.VerifyOptions) (err error) {
	opts.KeyUsages = []x509.ExtKeyUsage{x509.ExtKeyUsageAny}
	if _, err = leaf.Verify(opts); err != nil {
		return err
	}
	for _, name := range names {
		if err = leaf.VerifyHostname(name); err == nil {
			return nil
		}
	}
	return err
}

// VerifyWebPKI reports whether a server's certificates, its own first, are
// right for a name by the authorities that are trusted (nil: the system's), as
// MTA-STS has it (RFC 8461 section 4.2). Its error is a Failure.
func VerifyWebPKI(roots *x509.CertPool, chain []*x509.Certificate, name string, now time.Time) error {
	if len(chain) == 0 {
		return &Failure{ValidationFailure, errors.New("the server has sent no certificate")}
	}
	rest := x509.NewCertPool()
	for _, c := range chain[1:] {
		rest.AddCert(c)
	}
	if err := verifyNames(chain[0], []string{name}, x509.VerifyOptions{Roots: roots, Intermediates: rest, CurrentTime: now}); err != nil {
		return &Failure{failureType(err), err}
	}
	return nil
}
