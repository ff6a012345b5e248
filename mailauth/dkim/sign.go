package dkim

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
	"time"

	"gomail"
	"gomail/message"
)

// SignOptions say who signs and with what.
type SignOptions struct {
	Domain   string // d=
	Selector string // s=
	// Signer holds the private key: ed25519.PrivateKey, *rsa.PrivateKey, or
	// anything with such a public key.
	Signer crypto.Signer
	// Time of signing (t=). Zero leaves the tag out.
	Time time.Time
	// Expiration (x=). Zero leaves the tag out.
	Expiration time.Time
	// HeaderFields are the names of the fields to sign where they are
	// present. nil: DefaultHeaderFields().
	HeaderFields []string
	// Oversign are names to sign once more than they are present, so that
	// nobody can add one. From always is. nil: DefaultOversign().
	Oversign []string
}

// DefaultHeaderFields returns the fields that are signed where they are
// present: those of RFC 6376 section 5.4.1, mailing lists' and MIME's.
func DefaultHeaderFields() []string {
	return []string{
		"From", "Sender", "Reply-To", "To", "Cc", "Subject", "Date", "Message-ID",
		"In-Reply-To", "References", "Resent-From", "Resent-To", "Resent-Cc", "Resent-Date", "Resent-Message-ID",
		"MIME-Version", "Content-Type", "Content-Transfer-Encoding", "Content-ID", "Content-Description", "Content-Language",
		"List-Id", "List-Help", "List-Unsubscribe", "List-Unsubscribe-Post", "List-Subscribe", "List-Post", "List-Owner", "List-Archive",
		"Auto-Submitted", "Autocrypt",
	}
}

// DefaultOversign returns the fields that readers show and decide by, and
// that no honest relay adds.
func DefaultOversign() []string {
	return []string{"From", "Reply-To", "To", "Cc", "Subject", "Date", "Message-ID"}
}

// Sign returns a folded DKIM-Signature field, with its final CRLF, over the
// header and over a body whose relaxed hash is bodyHash (NewBodyHash(Relaxed)
// and Sum). It is put above the header.
func Sign(opts SignOptions, header message.Header, bodyHash []byte) (field []byte, err error) {
	return opts.signMessage("DKIM-Signature: v=1;", header, bodyHash)
}

// SignInstance returns a folded ARC-Message-Signature field in the same way
// (RFC 8617 section 4.1.2): instance is its number, from 1 to 50.
func SignInstance(opts SignOptions, instance int, header message.Header, bodyHash []byte) (field []byte, err error) {
	return opts.signMessage("ARC-Message-Signature: i="+strconv.Itoa(instance)+";", header, bodyHash)
}

func (o SignOptions) signMessage(start string, header message.Header, bodyHash []byte) (field []byte, err error) {
	algorithm, err := o.check(header, bodyHash)
	if err != nil {
		return nil, err
	}
	names := o.signedNames(header)
	field = o.unsigned(start, algorithm, names, bodyHash)
	return o.appendSignature(field, indexFields(header).appendSigned(nil, names, Relaxed, -1), algorithm)
}

// SignSeal returns a folded ARC-Seal field with its final CRLF, RFC 8617
// section 4.1.3. Above are the fields that it signs before itself, in
// canonical form.
func SignSeal(opts SignOptions, instance int, validation string, above []byte) (field []byte, err error) {
	algorithm, err := opts.checkKey()
	if err != nil {
		return nil, err
	}
	f := folder{buf: make([]byte, 0, 512)}
	f.raw("ARC-Seal: i=" + strconv.Itoa(instance) + ";")
	f.token(" a=" + string(algorithm) + ";")
	opts.names(&f)
	f.token(" cv=" + validation + ";")
	f.raw(crlf + "\tb=")
	return opts.appendSignature(f.buf, above, algorithm)
}

// appendSignature completes a field that ends in "b=" with the signature over
// what stands above and over itself.
func (o SignOptions) appendSignature(field, above []byte, algorithm Algorithm) ([]byte, error) {
	signed := AppendField(above, field, Relaxed)
	digest := sha256.Sum256(signed[:len(signed)-len(crlf)])
	value, err := sign(o.Signer, algorithm, digest[:])
	if err != nil {
		return nil, gomail.Errorf(gomail.Internal, "the message cannot be signed for %s: %w", o.Domain, err)
	}
	f := folder{buf: field, column: len("\tb=")}
	f.chunks(base64.StdEncoding.EncodeToString(value))
	return append(f.buf, crlf...), nil
}

// sign makes the signature proper. Neither algorithm uses randomness.
func sign(signer crypto.Signer, algorithm Algorithm, digest []byte) ([]byte, error) {
	if algorithm == Ed25519SHA256 {
		return signer.Sign(nil, digest, crypto.Hash(0))
	}
	return signer.Sign(nil, digest, crypto.SHA256)
}

func (o SignOptions) check(header message.Header, bodyHash []byte) (Algorithm, error) {
	switch {
	case header.Count("From") == 0:
		return "", gomail.Errorf(gomail.Invalid, "cannot sign a message without a From field")
	case len(bodyHash) != sha256.Size:
		return "", gomail.Errorf(gomail.Internal, "cannot sign: the body hash is not %d octets long", sha256.Size)
	}
	return o.checkKey()
}

// checkKey checks who signs and with what.
func (o SignOptions) checkKey() (Algorithm, error) {
	domain, err := gomail.CanonicalDomain(o.Domain)
	switch {
	case err != nil || domain != o.Domain:
		return "", gomail.Errorf(gomail.Invalid, "cannot sign for %q: it is no canonical domain name", o.Domain)
	case !validSelector(o.Selector):
		return "", gomail.Errorf(gomail.Invalid, "cannot sign for %s: %q is no selector", o.Domain, o.Selector)
	case o.Signer == nil:
		return "", gomail.Errorf(gomail.Internal, "cannot sign for %s without a key", o.Domain)
	}
	switch public := o.Signer.Public().(type) {
	case ed25519.PublicKey:
		return Ed25519SHA256, nil
	case *rsa.PublicKey:
		if public.N.BitLen() < 1024 {
			return "", gomail.Errorf(gomail.Invalid, "cannot sign for %s: the RSA key is shorter than 1024 bits", o.Domain)
		}
		return RSASHA256, nil
	}
	return "", gomail.Errorf(gomail.Invalid, "cannot sign for %s: the key is neither RSA nor Ed25519", o.Domain)
}

// signedNames makes the h= list: every instance of each field, and one more
// of those that nobody may add.
func (o SignOptions) signedNames(header message.Header) []string {
	fields, oversign := o.HeaderFields, o.Oversign
	if fields == nil {
		fields = DefaultHeaderFields()
	}
	if oversign == nil {
		oversign = DefaultOversign()
	}
	is := func(name string) func(string) bool {
		return func(other string) bool { return strings.EqualFold(name, other) }
	}
	if !slices.ContainsFunc(fields, is("From")) {
		fields = append([]string{"From"}, fields...)
	}
	if !slices.ContainsFunc(oversign, is("From")) {
		oversign = append([]string{"From"}, oversign...)
	}
	var names []string
	for _, name := range fields {
		for range header.Count(name) {
			names = append(names, name)
		}
	}
	return append(names, oversign...)
}

// unsigned writes the field up to "b=".
func (o SignOptions) unsigned(start string, algorithm Algorithm, names []string, bodyHash []byte) []byte {
	f := folder{buf: make([]byte, 0, 1024)}
	f.raw(start)
	f.token(" a=" + string(algorithm) + ";")
	f.token(" c=relaxed/relaxed;")
	o.names(&f)
	if !o.Expiration.IsZero() {
		f.token(" x=" + strconv.FormatInt(o.Expiration.Unix(), 10) + ";")
	}
	for i, name := range names {
		switch i {
		case 0:
			name = " h=" + name
		default:
			name = ":" + name
		}
		f.token(name)
	}
	f.raw(";")
	f.token(" bh=" + base64.StdEncoding.EncodeToString(bodyHash) + ";")
	f.raw(crlf + "\tb=")
	return f.buf
}

// names writes who signs and when.
func (o SignOptions) names(f *folder) {
	f.token(" d=" + o.Domain + ";")
	f.token(" s=" + o.Selector + ";")
	if !o.Time.IsZero() {
		f.token(" t=" + strconv.FormatInt(o.Time.Unix(), 10) + ";")
	}
}

// lineLength is where lines are folded, RFC 5322 section 2.1.1.
const lineLength = 76

// folder writes a field and folds it where white space is allowed.
type folder struct {
	buf    []byte
	column int
}

func (f *folder) raw(s string) {
	f.buf = append(f.buf, s...)
	f.column += len(s)
}

// token writes s on this line, or on the next when it does not fit.
func (f *folder) token(s string) {
	if f.column+len(s) > lineLength {
		f.buf = append(f.buf, crlf+"\t"...)
		f.column = 1
		s = strings.TrimPrefix(s, " ")
	}
	f.raw(s)
}

// chunks writes base64, folded anywhere.
func (f *folder) chunks(s string) {
	for len(s) > 0 {
		n := min(len(s), lineLength-f.column)
		f.raw(s[:n])
		if s = s[n:]; s != "" {
			f.buf = append(f.buf, crlf+"\t"...)
			f.column = 1
		}
	}
}
