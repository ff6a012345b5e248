package dkim

import (
	"encoding/base64"
	"strconv"
	"strings"
	"time"

	"gomail"
)

// signature is a parsed DKIM-Signature field, RFC 6376 section 3.5.
type signature struct {
	algorithm  Algorithm
	value      []byte // b=
	bodyHash   []byte // bh=
	header     Canonicalization
	body       Canonicalization
	domain     string // d=, canonical
	selector   string // s=
	identity   string // i=, "@" + domain when absent
	fields     []string
	length     int64     // l=, -1 when absent
	expiration time.Time // x=, zero when absent
	prefix     string    // the beginning of b= for header.b (RFC 6008)
}

// Algorithm names a signature algorithm as a= does.
type Algorithm string

// The algorithms that are used, RFC 8301 and RFC 8463.
const (
	RSASHA256     Algorithm = "rsa-sha256"
	Ed25519SHA256 Algorithm = "ed25519-sha256"
)

// keyType is the k= of a key that fits the algorithm.
func (a Algorithm) keyType() string {
	name, _, _ := strings.Cut(string(a), "-")
	return name
}

// form tells the fields apart that are signatures of this kind.
type form int

const (
	formDKIM    form = iota // DKIM-Signature
	formMessage             // ARC-Message-Signature: no v=, and i= is an instance (RFC 8617 section 4.1.2)
	formSeal                // ARC-Seal: the same, and neither h= nor bh= (section 4.1.3)
)

// required lists the tags that a field of the form cannot lack.
func (f form) required() []string {
	switch f {
	case formMessage:
		return []string{"i", "a", "b", "bh", "d", "h", "s"}
	case formSeal:
		return []string{"i", "a", "b", "d", "s", "cv"}
	}
	return []string{"v", "a", "b", "bh", "d", "h", "s"}
}

// parseSignature reads a field's value. On an error, what could be read is
// returned too, so that the result can name the domain.
func parseSignature(value string, f form) (*signature, error) {
	sig := &signature{header: Simple, body: Simple, length: -1}
	tags, err := ParseTags(value)
	if err != nil {
		return sig, err
	}
	return sig, sig.read(tags, f)
}

func (s *signature) read(tags Tags, f form) error {
	s.name(tags)
	for _, required := range f.required() {
		if tags.Get(required) == "" {
			return gomail.Errorf(gomail.Invalid, "the signature has no %s= tag", required)
		}
	}
	steps := []func(Tags) error{s.readAlgorithm, s.readCanonicalization, s.readValue, s.readNames}
	if f == formDKIM {
		steps = append(steps, readVersion, s.readIdentity)
	}
	if f != formSeal {
		steps = append(steps, s.readBodyHash, s.readFields, s.readMethods, s.readLimits)
	}
	for _, read := range steps {
		if err := read(tags); err != nil {
			return err
		}
	}
	return nil
}

func readVersion(tags Tags) error {
	if tags.Get("v") != "1" {
		return gomail.Errorf(gomail.Invalid, "the signature has an unknown version")
	}
	return nil
}

// name fills in what a result shows even of a broken signature.
func (s *signature) name(tags Tags) {
	if domain, err := gomail.CanonicalDomain(tags.Get("d")); err == nil {
		s.domain = domain
	}
	s.selector = canonicalSelector(tags.Get("s"))
	if b := withoutSpace(tags.Get("b")); isBase64(b) {
		s.prefix = b[:min(8, len(b))]
	}
}

func (s *signature) readAlgorithm(tags Tags) error {
	switch a := Algorithm(strings.ToLower(tags.Get("a"))); a {
	case RSASHA256, Ed25519SHA256:
		s.algorithm = a
		return nil
	case "rsa-sha1":
		s.algorithm = a
		return gomail.Errorf(gomail.Invalid, "the signature uses SHA-1, which is refused (RFC 8301)")
	}
	return gomail.Errorf(gomail.Invalid, "the signature uses an unknown algorithm")
}

func (s *signature) readCanonicalization(tags Tags) error {
	c, ok := tags.Lookup("c")
	if !ok {
		return nil
	}
	header, body, both := strings.Cut(strings.ToLower(c), "/")
	s.header = Canonicalization(header)
	if both {
		s.body = Canonicalization(body)
	}
	for _, c := range []Canonicalization{s.header, s.body} {
		if c != Simple && c != Relaxed {
			return gomail.Errorf(gomail.Invalid, "the signature uses an unknown canonicalization")
		}
	}
	return nil
}

func (s *signature) readValue(tags Tags) (err error) {
	if s.value, err = base64.StdEncoding.DecodeString(withoutSpace(tags.Get("b"))); err != nil {
		return gomail.Errorf(gomail.Invalid, "the signature's b= is not base64")
	}
	return nil
}

func (s *signature) readBodyHash(tags Tags) (err error) {
	if s.bodyHash, err = base64.StdEncoding.DecodeString(withoutSpace(tags.Get("bh"))); err != nil {
		return gomail.Errorf(gomail.Invalid, "the signature's bh= is not base64")
	}
	return nil
}

func (s *signature) readNames(Tags) error {
	switch {
	case s.domain == "":
		return gomail.Errorf(gomail.Invalid, "the signature's d= is no domain name")
	case s.selector == "":
		return gomail.Errorf(gomail.Invalid, "the signature's s= is no selector")
	}
	s.identity = "@" + s.domain
	return nil
}

func (s *signature) readIdentity(tags Tags) error {
	i, ok := tags.Lookup("i")
	if !ok {
		return nil
	}
	local, domain, ok := cutIdentity(i)
	if !ok || domain != s.domain && !strings.HasSuffix(domain, "."+s.domain) {
		return gomail.Errorf(gomail.Invalid, "the signature's i= is not within its d=")
	}
	s.identity = local + "@" + domain
	return nil
}

// cutIdentity splits i= at its last @ and makes the domain canonical.
func cutIdentity(i string) (local, domain string, ok bool) {
	at := strings.LastIndexByte(i, '@')
	if at < 0 {
		return "", "", false
	}
	domain, err := gomail.CanonicalDomain(i[at+1:])
	return i[:at], domain, err == nil
}

func (s *signature) readFields(tags Tags) error {
	s.fields = splitList(tags.Get("h"))
	for _, name := range s.fields {
		if strings.EqualFold(name, "From") {
			return nil
		}
	}
	return gomail.Errorf(gomail.Invalid, "the signature does not cover the From field")
}

// readMethods checks q=: the key must be obtainable from the DNS.
func (s *signature) readMethods(tags Tags) error {
	q, ok := tags.Lookup("q")
	if !ok {
		return nil
	}
	for _, method := range splitList(q) {
		if method == "dns/txt" || method == "dns" {
			return nil
		}
	}
	return gomail.Errorf(gomail.Invalid, "the signature's key is not in the DNS")
}

func (s *signature) readLimits(tags Tags) error {
	signed, err := number(tags, "t")
	if err != nil {
		return err
	}
	expires, err := number(tags, "x")
	if err != nil {
		return err
	}
	if s.length, err = number(tags, "l"); err != nil {
		return err
	}
	if expires >= 0 {
		if signed >= 0 && expires <= signed {
			return gomail.Errorf(gomail.Invalid, "the signature expires before it was made")
		}
		s.expiration = time.Unix(expires, 0)
	}
	return nil
}

// number reads a decimal tag, -1 when absent. Larger than any time or size is
// as good as the largest.
func number(tags Tags, name string) (int64, error) {
	text, ok := tags.Lookup(name)
	if !ok {
		return -1, nil
	}
	if text == "" || strings.Trim(text, "0123456789") != "" || len(text) > 76 {
		return -1, gomail.Errorf(gomail.Invalid, "the signature's %s= is no number", name)
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n > maxNumber {
		n = maxNumber
	}
	return n, nil
}

const maxNumber = 1 << 50

// canonicalSelector returns a selector in lower case and A-labels (RFC 8616
// section 5), empty when it is none.
func canonicalSelector(s string) string {
	if validSelector(s) {
		return strings.ToLower(s)
	}
	if ascii, err := gomail.CanonicalDomain(s); err == nil && validSelector(ascii) {
		return ascii
	}
	return ""
}

// validSelector takes dot-separated labels of letters, digits, hyphens and
// underscores.
func validSelector(s string) bool {
	if s == "" || len(s) > gomail.MaxDomain {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 {
			return false
		}
		for i := 0; i < len(label); i++ {
			c := label[i]
			if (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
				return false
			}
		}
	}
	return true
}

func isBase64(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && c != '+' && c != '/' && c != '=' {
			return false
		}
	}
	return true
}
