package tlspolicy

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"testing"
	"time"
)

var now = time.Date(2026, 5, 4, 0, 0, 0, 0, time.UTC)

// pair is a certificate with its key.
type pair struct {
	*x509.Certificate
	key crypto.Signer
}

// issue makes a certificate; by nil: it signs itself.
func issue(t *testing.T, by *pair, until time.Time, names ...string) *pair {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	serial, _ := rand.Int(rand.Reader, big.NewInt(1<<60))
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: fmt.Sprint(serial)}, DNSNames: names, NotBefore: now.Add(-48 * time.Hour), NotAfter: until,
		IsCA: len(names) == 0, BasicConstraintsValid: true,
	}
	parent, signer := template, crypto.Signer(key)
	if by != nil {
		parent, signer = by.Certificate, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &pair{c, key}
}

// record makes a TLSA record of a certificate.
func record(usage, selector, matching uint8, c *pair) TLSA {
	data := c.Raw
	if selector == 1 {
		data = c.RawSubjectPublicKeyInfo
	}
	switch matching {
	case 1:
		sum := sha256.Sum256(data)
		data = sum[:]
	case 2:
		sum := sha512.Sum512(data)
		data = sum[:]
	}
	return TLSA{usage, selector, matching, data}
}

// Every usage, selector and matching type, against the server's certificate,
// its issuer's and the root's.
func TestEveryTLSA(t *testing.T) {
	soon := now.Add(time.Hour)
	root := issue(t, nil, soon)
	middle := issue(t, root, soon)
	leaf := issue(t, middle, soon, "mx.example.net")
	chain := []*x509.Certificate{leaf.Certificate, middle.Certificate, root.Certificate}
	names := []string{"mx.example.net", "example.net"}
	for usage := range uint8(5) {
		for selector := range uint8(3) {
			for matching := range uint8(4) {
				for which, c := range []*pair{leaf, middle, root} {
					tlsa := record(usage, selector, matching, c)
					known := (usage == 2 || usage == 3) && selector < 2 && matching < 3
					usable := UsableTLSA([]TLSA{tlsa})
					if (len(usable) == 1) != known {
						t.Errorf("%.20s is usable: %v", tlsa, !known)
					}
					if !known {
						continue
					}
					want := usage == 3 && which == 0 || usage == 2 && which > 0
					if err := VerifyDANE(usable, chain, names, now); (err == nil) != want {
						t.Errorf("%.20s of certificate %d: %v", tlsa, which, err)
					}
				}
			}
		}
	}
}

func TestDANEFailures(t *testing.T) {
	soon, ago := now.Add(time.Hour), now.Add(-time.Hour)
	root, expiredRoot := issue(t, nil, soon), issue(t, nil, ago)
	leaf, expired, other := issue(t, root, soon, "mx.example.net"), issue(t, root, ago, "mx.example.net"), issue(t, root, soon, "mx.example.org")
	stranger := issue(t, nil, soon, "mx.example.net")
	underExpired := issue(t, expiredRoot, soon, "mx.example.net")
	domain := issue(t, root, soon, "example.net")
	for name, c := range map[string]struct {
		records []TLSA
		chain   []*pair
		want    ResultType
	}{
		"its own":                        {[]TLSA{record(3, 1, 1, leaf)}, []*pair{leaf}, ""},
		"its own, expired":               {[]TLSA{record(3, 1, 1, expired)}, []*pair{expired}, ""},
		"its own, of another name":       {[]TLSA{record(3, 0, 1, other)}, []*pair{other}, ""},
		"another's":                      {[]TLSA{record(3, 1, 1, leaf)}, []*pair{stranger}, CertificateNotTrusted},
		"the second of two":              {[]TLSA{record(3, 1, 1, leaf), record(3, 1, 1, stranger)}, []*pair{stranger}, ""},
		"an authority's":                 {[]TLSA{record(2, 0, 1, root)}, []*pair{leaf, root}, ""},
		"an authority's, for the domain": {[]TLSA{record(2, 0, 1, root)}, []*pair{domain, root}, ""},
		"an authority's, not sent":       {[]TLSA{record(2, 0, 1, root)}, []*pair{leaf}, CertificateNotTrusted},
		"an authority's, whole":          {[]TLSA{record(2, 0, 0, root)}, []*pair{leaf}, ""},
		"an authority's, expired":        {[]TLSA{record(2, 0, 1, root)}, []*pair{expired, root}, CertificateExpired},
		"an expired authority's":         {[]TLSA{record(2, 0, 1, expiredRoot)}, []*pair{underExpired, expiredRoot}, CertificateExpired},
		"an authority's, another name":   {[]TLSA{record(2, 1, 2, root)}, []*pair{other, root}, CertificateHostMismatch},
		"a stranger with the authority":  {[]TLSA{record(2, 0, 1, root)}, []*pair{stranger, root}, CertificateNotTrusted},
		"the expired or the right":       {[]TLSA{record(2, 0, 1, root), record(3, 1, 1, expired)}, []*pair{expired, root}, ""},
		"no certificate":                 {[]TLSA{record(3, 1, 1, leaf)}, nil, ValidationFailure},
	} {
		var chain []*x509.Certificate
		for _, p := range c.chain {
			chain = append(chain, p.Certificate)
		}
		err := VerifyDANE(c.records, chain, []string{"mx.example.net", "example.net"}, now)
		if (err == nil) != (c.want == "") || err != nil && TypeOf(err) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A weaker digest is of no use once there is a better one.
func TestDigestAgility(t *testing.T) {
	a, b := issue(t, nil, now.Add(time.Hour), "a.test"), issue(t, nil, now.Add(time.Hour), "b.test")
	usable := UsableTLSA([]TLSA{record(3, 1, 1, a), record(3, 1, 2, b), record(3, 0, 1, a), record(3, 1, 0, a), {3, 1, 1, []byte("short")}, {3, 1, 2, nil}})
	if len(usable) != 3 || usable[0].Matching != 2 || usable[1].Selector != 0 || usable[2].Matching != 0 {
		t.Errorf("usable: %v", usable)
	}
	if many := UsableTLSA(make([]TLSA, 5000)); len(many) != 0 {
		t.Errorf("empty records are usable: %d", len(many))
	}
}

func TestWebPKIFailures(t *testing.T) {
	root := issue(t, nil, now.Add(time.Hour))
	roots := x509.NewCertPool()
	roots.AddCert(root.Certificate)
	for name, c := range map[string]struct {
		leaf *pair
		want ResultType
	}{
		"right":       {issue(t, root, now.Add(time.Hour), "mx.example.net"), ""},
		"expired":     {issue(t, root, now.Add(-time.Hour), "mx.example.net"), CertificateExpired},
		"other name":  {issue(t, root, now.Add(time.Hour), "mx.example.org"), CertificateHostMismatch},
		"self-signed": {issue(t, nil, now.Add(time.Hour), "mx.example.net"), CertificateNotTrusted},
	} {
		err := VerifyWebPKI(roots, []*x509.Certificate{c.leaf.Certificate}, "mx.example.net", now)
		if (err == nil) != (c.want == "") || err != nil && TypeOf(err) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := VerifyWebPKI(roots, nil, "mx.example.net", now); TypeOf(err) != ValidationFailure {
		t.Errorf("no certificate: %v", err)
	}
}

func FuzzDANE(f *testing.F) {
	f.Add(uint8(2), uint8(0), uint8(0), []byte{0x30, 3, 2, 1, 1})
	f.Fuzz(func(t *testing.T, usage, selector, matching uint8, data []byte) {
		c := &x509.Certificate{Raw: []byte("x"), RawSubjectPublicKeyInfo: []byte("y")}
		for _, r := range UsableTLSA([]TLSA{{usage, selector, matching, data}}) {
			if err := VerifyDANE([]TLSA{r}, []*x509.Certificate{c, c}, []string{"a.test"}, now); err == nil && !r.matches(c) {
				t.Fatalf("%s passes", r)
			}
		}
	})
}
