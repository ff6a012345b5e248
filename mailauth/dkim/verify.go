package dkim

import (
	"bytes"
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"gomail/message"
)

// Resolver looks key records up. Errors follow net.Resolver: *net.DNSError
// with IsNotFound for absence.
type Resolver interface {
	LookupTXT(ctx context.Context, name string) ([]string, error)
}

// Status is a result of RFC 8601 section 2.7.1.
type Status string

// The results. A message without signatures has no Result at all.
const (
	Pass      Status = "pass"
	Fail      Status = "fail"      // the message or its signature was changed, or it has expired
	Policy    Status = "policy"    // valid, but not in a way that we accept
	Neutral   Status = "neutral"   // could not be processed
	TempError Status = "temperror" // the DNS did not answer
	PermError Status = "permerror" // the signature or its key is not usable
)

// Result is what became of one signature.
type Result struct {
	Status    Status
	Domain    string // d=, canonical; empty when it could not be read
	Selector  string // s=
	Identity  string // i=, or "@" and the domain
	Algorithm Algorithm
	KeyBits   int    // 0 when no key was found
	Testing   bool   // the key says t=y: a failure means nothing
	Prefix    string // the beginning of b=, to tell signatures apart (RFC 6008)
	Reason    string // why it is no pass; our own words
}

// Options adjust verification. The zero value lacks only a Resolver.
type Options struct {
	Resolver Resolver
	// Clock tells whether a signature has expired. nil: time.Now.
	Clock func() time.Time
	// MaxSignatures bounds the signatures that are looked at, from the top.
	// 0: 8.
	MaxSignatures int
	// Also are the places in the header of further fields that are verified
	// beside the DKIM-Signatures: ARC-Message-Signature (RFC 8617 section
	// 4.1.2). Their number is the caller's to bound.
	Also []int
	// MinRSABits is the shortest RSA key that counts; below 1024 is treated
	// as 1024 (RFC 8301 section 3.2).
	MinRSABits int
}

const defaultMaxSignatures = 8

// maxKeyRecords bounds how many TXT records of one name are tried.
const maxKeyRecords = 4

// Verifier verifies all signatures of one message: NewVerifier with its
// header, Write with its body, Results. Keys are fetched and the header's
// signatures checked while the body still arrives.
type Verifier struct {
	opts   Options
	checks []*check // of the DKIM-Signatures
	also   []*check // of Options.Also
	bodies map[Canonicalization]*BodyHash
	cancel context.CancelFunc
	wg     sync.WaitGroup
}

// check is one signature on its way to a Result.
type check struct {
	sig    *signature
	signed []byte // what the signature signs
	result Result
	open   bool // only the body hash is left to decide
}

// NewVerifier starts to verify the signatures in a header. Close or Results
// ends what it started.
func NewVerifier(ctx context.Context, header message.Header, opts Options) *Verifier {
	opts = opts.withDefaults()
	ctx, cancel := context.WithCancel(ctx)
	v := &Verifier{opts: opts, cancel: cancel, bodies: map[Canonicalization]*BodyHash{}}
	v.begin(header)
	for _, c := range slices.Concat(v.checks, v.also) {
		if c.open {
			v.wg.Go(func() { c.checkHeader(ctx, v.opts) })
		}
	}
	return v
}

func (o Options) withDefaults() Options {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.MaxSignatures <= 0 {
		o.MaxSignatures = defaultMaxSignatures
	}
	o.MinRSABits = max(o.MinRSABits, 1024)
	return o
}

// begin reads the signatures and prepares what they need.
func (v *Verifier) begin(header message.Header) {
	var index fieldIndex
	if len(v.opts.Also) > 0 {
		index = indexFields(header)
	}
	for _, i := range v.opts.Also {
		v.also = append(v.also, v.prepare(index, i, formMessage))
	}
	for i, field := range header {
		if !field.Is("DKIM-Signature") {
			continue
		}
		if len(v.checks) == v.opts.MaxSignatures {
			v.checks = append(v.checks, &check{result: Result{Status: Policy, Reason: "not looked at: the message has too many signatures"}})
			return
		}
		if index.byName == nil {
			index = indexFields(header)
		}
		v.checks = append(v.checks, v.prepare(index, i, formDKIM))
	}
}

func (v *Verifier) prepare(index fieldIndex, self int, f form) *check {
	field := index.header[self]
	sig, err := parseSignature(field.Value(), f)
	c := newCheck(sig)
	switch {
	case err != nil:
		c.settle(PermError, err.Error())
	case !sig.expiration.IsZero() && v.opts.Clock().After(sig.expiration):
		c.settle(Fail, "the signature has expired")
	default:
		c.open = true
		c.signed = index.appendSigned(nil, sig.fields, sig.header, self)
		c.signed = AppendField(c.signed, WithoutSignature(field.Raw), sig.header)
		c.signed = bytes.TrimSuffix(c.signed, []byte(crlf))
		if v.bodies[sig.body] == nil {
			v.bodies[sig.body] = NewBodyHash(sig.body)
		}
	}
	return c
}

func newCheck(sig *signature) *check {
	return &check{sig: sig, result: Result{
		Domain: sig.domain, Selector: sig.selector, Identity: sig.identity, Algorithm: sig.algorithm, Prefix: sig.prefix,
	}}
}

// VerifySeal verifies an ARC-Seal (RFC 8617 section 4.1.3), given its tags and
// what it signs, in canonical form and without the last line end.
func VerifySeal(ctx context.Context, opts Options, tags Tags, signed []byte) Result {
	sig := &signature{}
	err := sig.read(tags, formSeal)
	c := newCheck(sig)
	if err != nil {
		c.settle(PermError, err.Error())
		return c.result
	}
	c.signed, c.open = signed, true
	if c.checkHeader(ctx, opts.withDefaults()); c.open {
		c.settle(Pass, "")
	}
	return c.result
}

func (c *check) settle(status Status, reason string) {
	c.result.Status, c.result.Reason, c.open = status, reason, false
}

// checkHeader fetches the key and checks the signature over the header.
func (c *check) checkHeader(ctx context.Context, opts Options) {
	records, err := opts.Resolver.LookupTXT(ctx, c.sig.selector+"._domainkey."+c.sig.domain)
	if err != nil {
		var dnsErr *net.DNSError
		if errors.As(err, &dnsErr) && dnsErr.IsNotFound {
			c.settle(PermError, "the key is not in the DNS")
		} else {
			c.settle(TempError, "the key could not be fetched from the DNS")
		}
		return
	}
	// Of several records any may be the key (RFC 6376 section 3.6.2.2).
	for _, record := range records[:min(len(records), maxKeyRecords)] {
		c.open = true
		if c.tryKey(record, opts.MinRSABits); c.open {
			return
		}
	}
	if len(records) == 0 {
		c.settle(PermError, "the key is not in the DNS")
	}
}

// tryKey leaves the check open when the key verifies the header.
func (c *check) tryKey(record string, minRSABits int) {
	key, err := ParseKey(record)
	if err != nil {
		c.settle(PermError, err.Error())
		return
	}
	c.result.KeyBits, c.result.Testing = key.Bits, key.Testing
	switch {
	case key.Revoked:
		c.settle(PermError, "the key has been revoked")
	case key.Type != c.sig.algorithm.keyType():
		c.settle(PermError, "the key is of another type than the signature")
	case key.Strict && !strings.HasSuffix(c.sig.identity, "@"+c.sig.domain):
		c.settle(PermError, "the key is not for subdomains")
	case key.Type == "rsa" && key.Bits < minRSABits:
		c.settle(Policy, "the RSA key is too short")
	case !key.verify(c.signed, c.sig.value):
		c.settle(Fail, "the signature does not match the header")
	}
}

// Write takes the next part of the body, cut anywhere. It never fails.
func (v *Verifier) Write(p []byte) (int, error) {
	for _, body := range v.bodies {
		body.Write(p)
	}
	return len(p), nil
}

// Results ends the body and returns one Result per signature, top to bottom,
// and one for each field of Options.Also. It waits for keys at most until ctx
// ends; what is missing then is a temperror. All goroutines have ended when it
// returns. To be called once.
func (v *Verifier) Results(ctx context.Context) (signatures, also []Result) {
	stop := context.AfterFunc(ctx, v.cancel)
	defer stop()
	v.wg.Wait()
	v.cancel()
	sums := make(map[Canonicalization][]byte, len(v.bodies))
	for c, body := range v.bodies {
		sums[c] = body.Sum()
	}
	return v.finish(v.checks, sums), v.finish(v.also, sums)
}

func (v *Verifier) finish(checks []*check, sums map[Canonicalization][]byte) []Result {
	results := make([]Result, len(checks))
	for i, c := range checks {
		if c.open {
			c.finish(sums[c.sig.body], v.bodies[c.sig.body].Size())
		}
		results[i] = c.result
	}
	return results
}

// Wait waits until all keys have been fetched and tried.
func (v *Verifier) Wait() { v.wg.Wait() }

// Close gives the verification up and waits for its goroutines.
func (v *Verifier) Close() {
	v.cancel()
	v.wg.Wait()
}

// finish compares the body of a signature whose header is right.
func (c *check) finish(sum []byte, size int64) {
	switch {
	case c.sig.length > size:
		c.settle(PermError, "the signature covers more than there is")
	case c.sig.length >= 0 && c.sig.length < size:
		c.settle(Policy, "the signature covers only the beginning of the body")
	case !bytes.Equal(sum, c.sig.bodyHash):
		c.settle(Fail, "the body has been changed")
	default:
		c.settle(Pass, "")
	}
}
