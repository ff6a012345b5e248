package arc

import (
	"context"
	"slices"
	"sync"
	"time"

	"gomail/mailauth/dkim"
	"gomail/message"
)

// Status is a result of the arc method, RFC 8617 section 10.1.
type Status string

// The results. The zero value means that nothing was checked.
const (
	None Status = "none" // the message has no chain
	Pass Status = "pass"
	Fail Status = "fail"
)

// Set is what one server that passed the message on says, unverified unless
// the chain passes.
type Set struct {
	Instance int
	Domain   string // of its seal; canonical
	Selector string
	Results  string // of ARC-Authentication-Results, behind the instance
}

// Result is the outcome for a message's chain.
type Result struct {
	Status Status
	Reason string // why it is a fail; our own words
	// Temporary: it failed because the DNS did not answer.
	Temporary bool
	// OldestPass is the lowest instance whose message signature, as all
	// above, still verifies; 0 when all do (section 5.2, step 5). Of a chain
	// that passes only.
	OldestPass int
	Sets       []Set // from instance 1; empty when the chain is not in order
	next       int   // the number of the next set, 0: none may be added
}

// Next returns the number that a further set would have. It is false when none
// may be added: the chain has all that it may have, or says itself that it
// failed (section 5.1); or what it is worth could not be found out.
func (r Result) Next() (instance int, ok bool) { return r.next, r.next > 0 }

// Newest returns the set that was added last.
func (r Result) Newest() (Set, bool) {
	if len(r.Sets) == 0 {
		return Set{}, false
	}
	return r.Sets[len(r.Sets)-1], true
}

// Options adjust verification. The zero value lacks only a Resolver.
type Options struct {
	Resolver dkim.Resolver
	// Clock tells whether a signature has expired. nil: time.Now.
	Clock func() time.Time
}

// Verifier verifies the chain of one message. Its seals are checked in the
// background; its message signatures are package dkim's to verify, with those
// of DKIM, as fields of dkim.Options.Also.
type Verifier struct {
	chain   *chain
	problem error // what is not in order
	seals   []dkim.Result
	cancel  context.CancelFunc
	wg      sync.WaitGroup
}

// NewVerifier starts to verify the chain of a header. Close or Result ends
// what it started.
func NewVerifier(ctx context.Context, header message.Header, opts Options) *Verifier {
	v := &Verifier{cancel: func() {}}
	v.chain, v.problem = readChain(header)
	if v.problem != nil || len(v.chain.sets) == 0 {
		return v
	}
	ctx, v.cancel = context.WithCancel(ctx)
	v.seals = make([]dkim.Result, len(v.chain.sets))
	var before []byte
	for i, s := range v.chain.sets {
		signed := v.chain.sealed(before, i)
		before = v.chain.appendSet(before, s)
		v.wg.Go(func() {
			v.seals[i] = dkim.VerifySeal(ctx, dkim.Options{Resolver: opts.Resolver, Clock: opts.Clock}, s.sealTags, signed)
		})
	}
	return v
}

// MessageSignatures returns the places in the header of the
// ARC-Message-Signatures, the newest first: for dkim.Options.Also. It is empty
// when the chain is not in order.
func (v *Verifier) MessageSignatures() []int {
	if v.problem != nil {
		return nil
	}
	var places []int
	for _, s := range slices.Backward(v.chain.sets) {
		places = append(places, s.signature)
	}
	return places
}

// Wait waits until all seals have been checked.
func (v *Verifier) Wait() { v.wg.Wait() }

// Close gives the verification up and waits for its goroutines.
func (v *Verifier) Close() {
	v.cancel()
	v.wg.Wait()
}

// Result returns the outcome, given the results of the MessageSignatures in
// their order. It waits for the seals at most until ctx ends. To be called
// once.
func (v *Verifier) Result(ctx context.Context, signatures []dkim.Result) Result {
	stop := context.AfterFunc(ctx, v.cancel)
	defer stop()
	v.wg.Wait()
	v.cancel()
	r := Result{next: v.chain.next()}
	switch {
	case v.problem != nil:
		r.Status, r.Reason = Fail, v.problem.Error()
	case len(v.chain.sets) == 0:
		r.Status = None
	default:
		r.Sets = v.sets()
		v.judge(&r, signatures)
	}
	if r.Temporary {
		r.next = 0
	}
	return r
}

// next is the number of the set that may be added, 0 for none.
func (c *chain) next() int {
	if c.failed || c.highest >= MaxSets {
		return 0
	}
	return c.highest + 1
}

// judge applies RFC 8617 section 5.2, steps 4 to 7.
func (v *Verifier) judge(r *Result, signatures []dkim.Result) {
	newest := len(v.chain.sets)
	if s := signatures[0]; s.Status != dkim.Pass {
		r.fail(s, "the newest message signature of the ARC chain is not valid: ")
		return
	}
	for i, s := range slices.Backward(v.seals) {
		if s.Status != dkim.Pass {
			r.fail(s, "a seal of the ARC chain is not valid: ")
			return
		}
		if older := signatures[newest-1-i]; older.Status != dkim.Pass && r.OldestPass == 0 {
			r.OldestPass = i + 2
		}
	}
	r.Status = Pass
}

func (r *Result) fail(s dkim.Result, what string) {
	r.Status, r.OldestPass = Fail, 0
	r.Reason, r.Temporary = what+s.Reason, s.Status == dkim.TempError
}

func (v *Verifier) sets() []Set {
	sets := make([]Set, len(v.seals))
	for i, s := range v.chain.sets {
		_, results, _ := cutInstance(v.chain.header[s.results].Value())
		sets[i] = Set{Instance: i + 1, Domain: v.seals[i].Domain, Selector: v.seals[i].Selector, Results: results}
	}
	return sets
}
