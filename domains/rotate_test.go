package domains_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"gomail"
	"gomail/domains"
	"gomail/internal/seal"
	"gomail/store"
)

// world is a DNS that follows the plan when its provider works.
type world struct {
	published map[string]bool // selectors
	partly    map[string]bool // selectors that some servers lack
	silent    bool            // the DNS does not answer
	broken    bool            // signatures do not verify

	stall func(ctx context.Context, domain string) // before each answer; nil: none
}

var errSilent = errors.New("the DNS does not answer")

func (w *world) Look(ctx context.Context, key gomail.DKIMKey) (domains.Sighting, error) {
	if w.stall != nil {
		w.stall(ctx, key.Domain)
	}
	switch {
	case ctx.Err() != nil:
		return domains.Sighting{}, ctx.Err()
	case w.silent:
		return domains.Sighting{}, errSilent
	case w.published[key.Selector] && w.partly[key.Selector]:
		return domains.Sighting{Sight: domains.Partly, Settle: 15 * time.Minute}, nil
	case w.published[key.Selector]:
		return domains.Sighting{Sight: domains.Everywhere, Settle: 15 * time.Minute}, nil
	}
	return domains.Sighting{Sight: domains.Nowhere}, nil
}

func (w *world) Verify(_ context.Context, key domains.Signer) error {
	if w.silent || w.broken || !w.published[key.Selector] {
		return errSilent
	}
	return nil
}

// publish makes the DNS hold what the plan does: every key that is there.
func (w *world) publish(keys []gomail.DKIMKey) {
	w.published = map[string]bool{}
	for _, k := range keys {
		w.published[k.Selector] = k.State != gomail.DKIMRevoked
	}
}

// rotation is a domain with Ed25519 keys, a clock and a world.
type rotation struct {
	*testing.T
	*domains.Service
	world   *world
	now     time.Time
	store   *store.Store
	restart func() // begins anew over the same store
}

func newRotation(t *testing.T) *rotation {
	t.Helper()
	st, err := store.Open(context.Background(), store.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	sealer, _ := seal.New(bytes.Repeat([]byte{1}, 32))
	r := &rotation{T: t, world: &world{}, store: st, now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	open := func() *domains.Service {
		return domains.New(domains.Config{Store: st, Sealer: sealer, Algorithm: domains.Ed25519, Clock: func() time.Time { return r.now }, Observer: r.world})
	}
	r.restart = func() { r.Service = open() }
	r.restart()
	if _, err := r.Add(t.Context(), "example.com", domains.AddOptions{}); err != nil {
		t.Fatal(err)
	}
	r.want("mail", gomail.DKIMPending, "before the owner has published anything")
	r.world.publish(r.keys())
	r.after(24 * time.Hour)
	r.want("mail", gomail.DKIMActive, "once the first key is seen")
	return r
}

func (r *rotation) keys() []gomail.DKIMKey {
	r.Helper()
	keys, err := r.Keys(r.Context(), "example.com")
	if err != nil {
		r.Fatal(err)
	}
	return keys
}

// after lets time pass and advances.
func (r *rotation) after(d time.Duration) {
	r.Helper()
	r.now = r.now.Add(d)
	if err := r.Advance(r.Context()); err != nil {
		r.Fatal(err)
	}
}

// mayRefuse takes a refusal, which is the service's right, and no other error.
func (r *rotation) mayRefuse(err error) {
	r.Helper()
	if err != nil && !slices.Contains([]gomail.Kind{gomail.Forbidden, gomail.Invalid, gomail.Exists, gomail.TooMany, gomail.NotFound}, gomail.KindOf(err)) {
		r.Fatal(err)
	}
}

func (r *rotation) state(selector string) gomail.DKIMKeyState {
	r.Helper()
	for _, k := range r.keys() {
		if k.Selector == selector {
			return k.State
		}
	}
	return "gone"
}

func (r *rotation) want(selector string, state gomail.DKIMKeyState, when string) {
	r.Helper()
	if got := r.state(selector); got != state {
		r.Errorf("%s: %s is %s, want %s", when, selector, got, state)
	}
}

// The whole life, step by step: nothing happens before the world has seen it.
func TestRotate(t *testing.T) {
	r := newRotation(t)
	if _, err := r.Rotate(t.Context(), "example.com", "", "next"); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Rotate(t.Context(), "example.com", "", "third"); gomail.KindOf(err) != gomail.Exists {
		t.Errorf("a second rotation: %v", err)
	}
	r.after(30 * 24 * time.Hour)
	r.want("next", gomail.DKIMPending, "while the owner publishes nothing")
	r.world.publish(r.keys())
	r.after(time.Minute)
	r.want("next", gomail.DKIMPending, "when it is first seen")
	r.after(30 * time.Minute)
	r.want("next", gomail.DKIMPending, "before it settled")
	r.world.broken = true
	r.after(2 * time.Hour)
	r.want("next", gomail.DKIMPending, "while signatures do not verify")
	r.world.broken = false
	r.after(time.Minute)
	r.want("next", gomail.DKIMActive, "when it has settled")
	r.want("mail", gomail.DKIMActive, "when the new one begins to sign")
	r.after(23 * time.Hour)
	r.want("mail", gomail.DKIMActive, "while both sign")
	r.after(2 * time.Hour)
	r.want("mail", gomail.DKIMRetiring, "after the overlap")
	r.after(29 * 24 * time.Hour)
	r.want("mail", gomail.DKIMRetiring, "while mail by the old key is on its way")
	r.after(2 * 24 * time.Hour)
	r.want("mail", gomail.DKIMRevoked, "when that is over")
	r.after(31 * 24 * time.Hour)
	r.want("mail", "gone", "in the end")
	r.want("next", gomail.DKIMActive, "in the end")
}

// The first keys are entered by hand, one after the other: the second signs as
// soon as it is there, too.
func TestFirstKeysOneByOne(t *testing.T) {
	r := newRotation(t)
	if _, err := r.Add(t.Context(), "example.org", domains.AddOptions{Algorithm: domains.Both, Selector: "first"}); err != nil {
		t.Fatal(err)
	}
	for _, selector := range []string{"first", "first-rsa"} {
		r.world.published[selector] = true
		r.after(time.Minute)
		signers, err := r.Signers(t.Context(), "example.org")
		if err != nil || signers[len(signers)-1].Selector != selector {
			t.Errorf("when %s is published the signers are %v, %v", selector, signers, err)
		}
	}
}

// A key that vanishes from the DNS does not sign alone.
func TestRotateWhenTheNewKeyVanishes(t *testing.T) {
	r := newRotation(t)
	if _, err := r.Rotate(t.Context(), "example.com", "", "next"); err != nil {
		t.Fatal(err)
	}
	r.world.publish(r.keys())
	r.after(time.Minute)
	r.world.published["next"] = false
	r.after(time.Minute)
	r.world.published["next"] = true
	r.after(50 * time.Minute)
	r.after(50 * time.Minute)
	r.want("next", gomail.DKIMPending, "an hour after it was gone in between")
	r.after(20 * time.Minute)
	r.want("next", gomail.DKIMActive, "when it has settled again")
	r.world.published["next"] = false
	r.after(48 * time.Hour)
	r.want("mail", gomail.DKIMActive, "when the new key has vanished")
	r.want("next", gomail.DKIMPending, "when it has vanished")
}

func TestRetire(t *testing.T) {
	r := newRotation(t)
	if err := r.Retire(t.Context(), "example.com", "mail"); gomail.KindOf(err) != gomail.Forbidden {
		t.Errorf("the only key: %v", err)
	}
	if err := r.Retire(t.Context(), "example.com", "none"); gomail.KindOf(err) != gomail.NotFound {
		t.Errorf("no key: %v", err)
	}
	if _, err := r.Rotate(t.Context(), "example.com", "", "next"); err != nil {
		t.Fatal(err)
	}
	r.world.publish(r.keys())
	r.after(time.Minute)
	r.after(2 * time.Hour)
	if err := r.Retire(t.Context(), "example.com", "mail"); err != nil {
		t.Error(err)
	}
	r.want("mail", gomail.DKIMRetiring, "by hand")
}

// Over years, with a provider and a DNS that fail at any step, some key that
// the world can see always signs, and keys are renewed every year.
func TestMailIsAlwaysVerifiable(t *testing.T) {
	for seed := range uint64(5) {
		r := newRotation(t)
		chance := rand.New(rand.NewPCG(seed, 7))
		seen := map[string]bool{}
		for r.now.Year() < 2030 {
			r.world.silent = chance.IntN(4) == 0
			r.world.broken = chance.IntN(4) == 0
			if chance.IntN(3) == 0 { // the provider works
				r.world.publish(r.keys())
			}
			r.after(time.Duration(1+chance.IntN(72)) * time.Hour)
			verifiable := false
			for _, k := range r.keys() {
				seen[k.Selector] = true
				verifiable = verifiable || k.State == gomail.DKIMActive && r.world.published[k.Selector]
			}
			if !verifiable {
				t.Fatalf("seed %d, %s: no key that signs can be seen: %+v, published %v", seed, r.now, r.keys(), r.world.published)
			}
		}
		if len(seen) < 3 {
			t.Errorf("seed %d: in four years there were the keys %v", seed, seen)
		}
	}
}

// The first keys sign as soon as they are published, whoever looks first: the
// mail that wants to be signed, or the watch. While every name server denies
// them they do not; while the DNS does not say, they do.
func TestFirstKeys(t *testing.T) {
	r := newRotation(t)
	if _, err := r.Add(t.Context(), "new.example", domains.AddOptions{Algorithm: domains.Ed25519, Selector: "first"}); err != nil {
		t.Fatal(err)
	}
	signs := func(want int, when string) {
		t.Helper()
		r.now = r.now.Add(time.Minute)
		signers, err := r.Signers(t.Context(), "new.example")
		if err != nil || len(signers) != want {
			t.Errorf("%s: %d keys sign, want %d (%v)", when, len(signers), want, err)
		}
	}
	signs(0, "unpublished")
	r.world.silent = true
	signs(1, "while the DNS does not say")
	r.world.silent = false
	signs(0, "unpublished again")
	r.world.published["first"] = true
	signs(1, "once published")
	keys, err := r.Keys(t.Context(), "new.example")
	if err != nil || keys[0].State != gomail.DKIMActive {
		t.Errorf("the key is %+v, %v", keys, err)
	}
}

// A key that is retired while a step of the rotation waits for the DNS is not
// counted on by that step: one of the two goes on signing.
func TestRetireDuringAStep(t *testing.T) {
	r := newRotation(t)
	if _, err := r.Rotate(t.Context(), "example.com", "", "next"); err != nil {
		t.Fatal(err)
	}
	r.world.publish(r.keys())
	r.after(time.Minute)
	r.after(2 * time.Hour)
	r.now = r.now.Add(48 * time.Hour) // the old key is due to retire
	looking, goOn := make(chan struct{}), make(chan struct{})
	var once, open sync.Once
	r.world.stall = func(context.Context, string) {
		once.Do(func() { close(looking) })
		<-goOn
	}
	stepped, retired := make(chan error, 1), make(chan error, 1)
	go func() { stepped <- r.Advance(t.Context()) }()
	<-looking
	go func() { retired <- r.Retire(t.Context(), "example.com", "next") }()
	time.AfterFunc(50*time.Millisecond, func() { open.Do(func() { close(goOn) }) })
	if err := <-stepped; err != nil {
		t.Error(err)
	}
	if err := <-retired; gomail.KindOf(err) != gomail.Forbidden {
		t.Errorf("the only key that was left: %v", err)
	}
	if signers, err := r.Signers(t.Context(), "example.com"); err != nil || len(signers) != 1 {
		t.Errorf("%d keys sign, %v", len(signers), err)
	}
}

// Mail of one domain does not wait for the DNS of another, and its own not
// longer than for one look; what is known to be denied does not sign because a
// second look did not come to an end.
func TestSignersDoNotWait(t *testing.T) {
	r := newRotation(t)
	for _, name := range []string{"dead.example", "slow.example"} {
		if _, err := r.Add(t.Context(), name, domains.AddOptions{Algorithm: domains.Ed25519}); err != nil {
			t.Fatal(err)
		}
	}
	r.world.published["mail"] = false
	stop, over := context.WithCancel(t.Context())
	looking := make(chan struct{})
	var once sync.Once
	r.world.stall = func(ctx context.Context, domain string) {
		if domain == "dead.example" {
			once.Do(func() { close(looking) })
			<-stop.Done()
		}
	}
	stepped := make(chan error, 1)
	go func() { stepped <- r.AdvanceDomain(t.Context(), "dead.example") }()
	<-looking
	if signers, err := r.Signers(t.Context(), "slow.example"); err != nil || len(signers) != 0 {
		t.Errorf("of another domain: %d keys sign, %v", len(signers), err)
	}
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if signers, err := r.Signers(short, "dead.example"); err != nil || len(signers) != 0 {
		t.Errorf("while a step is under way: %d keys sign, %v", len(signers), err)
	}
	over()
	if err := <-stepped; err != nil {
		t.Error(err)
	}
	looks := 0
	r.world.stall = func(ctx context.Context, _ string) {
		if looks++; looks > 1 {
			<-ctx.Done()
		}
	}
	r.now = r.now.Add(time.Minute)
	short, cancel = context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if signers, err := r.Signers(short, "slow.example"); err != nil || len(signers) != 0 {
		t.Errorf("denied, and then nothing was heard: %d keys sign, %v", len(signers), err)
	}
}

// However it came about that all keys are retired: one that is seen signs.
func TestARetiredKeySignsWhenNoOtherDoes(t *testing.T) {
	r := newRotation(t)
	if _, err := r.Rotate(t.Context(), "example.com", "", "next"); err != nil {
		t.Fatal(err)
	}
	r.world.publish(r.keys())
	r.after(time.Minute)
	r.after(2 * time.Hour)
	for _, selector := range []string{"mail", "next"} { // as a restart between two writes may leave it
		if err := r.store.SetKeyState(t.Context(), "example.com", selector, gomail.DKIMRetiring, r.now); err != nil {
			t.Fatal(err)
		}
	}
	r.restart()
	r.world.partly = map[string]bool{"mail": true}
	if signers, err := r.Signers(t.Context(), "example.com"); err != nil || len(signers) != 1 || signers[0].Selector != "next" {
		t.Errorf("the signers are %+v, %v", signers, err)
	}
}

// A clock that was wrong for a while does not hold a rotation up for ever.
func TestAClockThatWasWrong(t *testing.T) {
	r := newRotation(t)
	if _, err := r.Rotate(t.Context(), "example.com", "", "next"); err != nil {
		t.Fatal(err)
	}
	r.world.publish(r.keys())
	right := r.now
	r.after(10 * 365 * 24 * time.Hour) // "next" is first seen in 2036
	r.now = right
	r.restart()
	r.after(time.Minute)
	r.after(2 * time.Hour)
	r.want("next", gomail.DKIMActive, "when the clock is right again")
	r.after(25 * time.Hour)
	r.want("mail", gomail.DKIMRetiring, "after the overlap")
}

// Keys are bounded: each is published and looked at.
func TestKeysAreBounded(t *testing.T) {
	r := newRotation(t)
	var err error
	for i := 0; i < 100 && err == nil; i++ {
		_, err = r.Generate(t.Context(), "example.com", domains.Ed25519, fmt.Sprintf("s%d", i))
	}
	if gomail.KindOf(err) != gomail.TooMany {
		t.Errorf("keys without end: %v", err)
	}
}

// Whatever a provider does to the records, of two kinds of keys, in years of
// rotations that owners begin, cut short and interrupt by restarts: after each
// look no key signs that every server denies, and as long as one is seen
// everywhere that is not revoked, one signs.
func TestWhatSignsIsSeen(t *testing.T) {
	for seed := range uint64(8) {
		r := newRotation(t)
		if _, err := r.Generate(t.Context(), "example.com", domains.RSA, "mail-rsa"); err != nil {
			t.Fatal(err)
		}
		chance := rand.New(rand.NewPCG(seed, 11))
		r.world.partly = map[string]bool{}
		for r.now.Year() < 2028 {
			r.world.silent = chance.IntN(5) == 0
			r.world.broken = chance.IntN(5) == 0
			for _, k := range r.keys() {
				switch chance.IntN(12) {
				case 0:
					r.world.published[k.Selector] = false // the provider loses it
				case 1, 2, 3:
					r.world.published[k.Selector] = k.State != gomail.DKIMRevoked
				case 4:
					r.world.partly[k.Selector] = !r.world.partly[k.Selector]
				case 5:
					if chance.IntN(4) == 0 {
						r.mayRefuse(r.Retire(t.Context(), "example.com", k.Selector))
					}
				}
			}
			switch chance.IntN(40) {
			case 0:
				r.restart()
			case 1:
				_, err := r.Rotate(t.Context(), "example.com", domains.Ed25519, "")
				r.mayRefuse(err)
			case 2:
				r.now = r.now.Add(-time.Duration(chance.IntN(100)) * time.Hour) // the clock is set right
			}
			r.after(time.Duration(1+chance.IntN(48)) * time.Hour)
			if r.world.silent {
				continue
			}
			signing, seen := 0, 0
			for _, k := range r.keys() {
				everywhere := r.world.published[k.Selector] && !r.world.partly[k.Selector]
				if k.State == gomail.DKIMActive {
					signing++
					if !r.world.published[k.Selector] {
						t.Fatalf("seed %d, %s: %s signs, and every server denies it", seed, r.now, k.Selector)
					}
				}
				if everywhere && k.State != gomail.DKIMRevoked {
					seen++
				}
			}
			signers, err := r.Signers(t.Context(), "example.com")
			if err != nil || len(signers) < signing {
				t.Fatalf("seed %d, %s: %d keys are active and %d sign, %v", seed, r.now, signing, len(signers), err)
			}
			for _, k := range signers {
				if !r.world.published[k.Selector] {
					t.Fatalf("seed %d, %s: mail is signed by %s, which every server denies", seed, r.now, k.Selector)
				}
			}
			if signing == 0 && seen > 0 && !r.world.broken {
				t.Fatalf("seed %d, %s: nothing signs, and %d keys are seen everywhere: %+v", seed, r.now, seen, r.keys())
			}
		}
	}
}
