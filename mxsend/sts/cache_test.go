package sts

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gomail"
	"gomail/store"
	"gomail/tlspolicy"
)

// world is the DNS and the web of a test.
type world struct {
	t       *testing.T
	mu      sync.Mutex
	records map[string]string // id by domain; "!": the resolver fails
	pages   map[string]string
	errors  map[string]error
	asked   int
	delay   time.Duration
}

func (w *world) LookupTXT(_ context.Context, name string) ([]string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch id, ok := w.records[strings.TrimPrefix(name, "_mta-sts.")]; {
	case id == "!":
		return nil, &net.DNSError{Err: "server failure", IsTemporary: true}
	case !ok:
		return nil, &net.DNSError{Err: "no such host", IsNotFound: true}
	default:
		return []string{"v=STSv1; id=" + id}, nil
	}
}

func (w *world) Get(ctx context.Context, address string, most int64) ([]byte, error) {
	time.Sleep(w.delay)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked++
	domain := strings.TrimSuffix(strings.TrimPrefix(address, "https://mta-sts."), "/.well-known/mta-sts.txt")
	if err := w.errors[domain]; err != nil {
		return nil, err
	}
	page := w.pages[domain]
	if int64(len(page)) > most {
		return nil, gomail.Errorf(gomail.TooLarge, "it is too large")
	}
	return []byte(page), nil
}

// set changes what the world says of a domain.
func (w *world) set(domain, id, page string, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.records[domain], w.pages[domain], w.errors[domain] = id, page, err
}

// times returns how often the web was asked since the last call.
func (w *world) times() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := w.asked
	w.asked = 0
	return n
}

// remove takes a domain's record away.
func (w *world) remove(domain string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.records, domain)
}

func newWorld(t *testing.T) *world {
	return &world{t: t, records: map[string]string{}, pages: map[string]string{}, errors: map[string]error{}}
}

// kept is a store in memory.
type kept struct {
	mu  sync.Mutex
	all map[string]tlspolicy.CachedPolicy
}

func (k *kept) STSPolicies(context.Context) (all []tlspolicy.CachedPolicy, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, p := range k.all {
		all = append(all, p)
	}
	return all, nil
}

func (k *kept) SetSTSPolicy(_ context.Context, p tlspolicy.CachedPolicy) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.all[p.Domain] = p
	return nil
}

func (k *kept) RemoveSTSPolicies(_ context.Context, before time.Time) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	for domain, p := range k.all {
		if p.Expires.Before(before) {
			delete(k.all, domain)
		}
	}
	return nil
}

func policy(mode string, maxAge time.Duration) string {
	return fmt.Sprintf("version: STSv1\nmode: %s\nmx: mx.example.net\nmax_age: %d\n", mode, int(maxAge/time.Second))
}

func (w *world) cache(s Store) *Cache {
	w.t.Helper()
	c, err := New(w.t.Context(), Config{Store: s, Resolver: w, Web: w})
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

// look says what is in force for example.net, and what failed.
func look(t *testing.T, c *Cache) string {
	p, f := c.Policy(t.Context(), "example.net")
	text := "none"
	if p != nil {
		text = string(p.Mode)
	}
	if f != nil {
		text += " " + string(f.Type)
	}
	return text
}

func TestPolicyInForce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, s := newWorld(t), &kept{all: map[string]tlspolicy.CachedPolicy{}}
		c := w.cache(s)
		expect := func(want string, asked int) {
			t.Helper()
			w.times()
			if got, n := look(t, c), w.times(); got != want || n != asked {
				t.Errorf("%s after asking %d times, want %s after %d", got, n, want, asked)
			}
		}
		expect("none", 0)
		w.set("example.net", "1", policy("enforce", 10*24*time.Hour), nil)
		expect("enforce", 1)
		expect("enforce", 0)
		// A restart, a resolver that fails and a record that is gone change
		// nothing.
		c = w.cache(s)
		expect("enforce", 0)
		w.set("example.net", "!", "", nil)
		expect("enforce", 0)
		w.remove("example.net")
		expect("enforce", 0)
		// A new id has it fetched; what cannot be fetched leaves the old one in
		// force, and is not tried at once again.
		w.set("example.net", "2", "", &net.DNSError{Err: "no such host", IsNotFound: true})
		expect("enforce sts-policy-fetch-error", 1)
		expect("enforce sts-policy-fetch-error", 0)
		time.Sleep(retryAfter)
		w.set("example.net", "2", "<html>", nil)
		expect("enforce sts-policy-invalid", 1)
		time.Sleep(retryAfter)
		w.set("example.net", "2", policy("testing", 10*24*time.Hour), nil)
		expect("testing", 1)
		// Half of its life later it is fetched anew, and ends if it never can be.
		time.Sleep(5 * 24 * time.Hour)
		w.set("example.net", "2", "", &tls.CertificateVerificationError{Err: errors.New("expired")})
		expect("testing sts-webpki-invalid", 1)
		time.Sleep(5 * 24 * time.Hour)
		expect("none sts-webpki-invalid", 1)
	})
}

func TestBadPolicyHosts(t *testing.T) {
	w := newWorld(t)
	for domain, c := range map[string]struct {
		page string
		err  error
		want tlspolicy.ResultType
	}{
		"large.test": {strings.Repeat("mx: a.test\n", 100_000), nil, tlspolicy.STSPolicyFetchError},
		"none.test":  {"", nil, tlspolicy.STSPolicyInvalid},
		"slow.test":  {"", context.DeadlineExceeded, tlspolicy.STSPolicyFetchError},
	} {
		w.set(domain, "1", c.page, c.err)
		p, f := w.cache(&kept{all: map[string]tlspolicy.CachedPolicy{}}).Policy(t.Context(), domain)
		if p != nil || f == nil || f.Type != c.want {
			t.Errorf("%s: %v, %v", domain, p, f)
		}
	}
}

// Policies are fetched anew in the background, and forgotten once they have
// ended.
func TestSweep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, s := newWorld(t), &kept{all: map[string]tlspolicy.CachedPolicy{}}
		c := w.cache(s)
		w.set("example.net", "1", policy("enforce", 2*24*time.Hour), nil)
		look(t, c)
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { c.Run(ctx) })
		time.Sleep(25*time.Hour + time.Minute)
		synctest.Wait()
		kept, _ := s.STSPolicies(t.Context())
		if n := w.times(); n != 2 || len(kept) != 1 || !kept[0].Expires.After(time.Now().Add(46*time.Hour)) {
			t.Errorf("asked %d times, kept %+v", n, kept)
		}
		w.remove("example.net")
		time.Sleep(50 * time.Hour)
		synctest.Wait()
		if kept, _ = s.STSPolicies(t.Context()); len(kept) != 0 || look(t, c) != "none" {
			t.Errorf("kept: %v", kept)
		}
		stop()
		running.Wait()
	})
}

// Many deliveries at once ask once.
func TestOneFetchForMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.delay = time.Second
		w.set("example.net", "1", policy("enforce", time.Hour), nil)
		c := w.cache(&kept{all: map[string]tlspolicy.CachedPolicy{}})
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				if got := look(t, c); got != "enforce" {
					t.Error(got)
				}
			})
		}
		all.Wait()
		if n := w.times(); n != 1 {
			t.Errorf("asked %d times", n)
		}
	})
}

// The store keeps what the cache needs.
func TestKeptInTheStore(t *testing.T) {
	s, err := store.Open(t.Context(), store.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	w := newWorld(t)
	w.set("example.net", "1", policy("enforce", time.Hour), nil)
	look(t, w.cache(s))
	w.set("example.net", "!", "", nil)
	if got := look(t, w.cache(s)); got != "enforce" {
		t.Errorf("after a restart: %s", got)
	}
	w.set("example.net", "2", policy("none", time.Hour), nil)
	if got := look(t, w.cache(s)); got != "none" {
		t.Errorf("after a change: %s", got)
	}
	if err := s.RemoveSTSPolicies(t.Context(), time.Now().Add(2*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if all, err := s.STSPolicies(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("kept: %v, %v", all, err)
	}
}
