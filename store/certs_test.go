package store_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"gomail"
	"gomail/certs"
	"gomail/store"
)

// The store implements what the certificates ask.
var _ certs.Store = (*store.Store)(nil)

// clock is a time that a test sets.
type clock struct{ now time.Time }

func TestCertificateValues(t *testing.T) {
	time0 := &clock{time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)}
	s, err := store.Open(t.Context(), store.Options{Dir: t.TempDir(), Clock: func() time.Time { return time0.now }})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, name := range []string{"a/b/c.key", "a/b/c.crt", "a/bc/d", "e"} {
		if err := s.SetCertValue(t.Context(), name, []byte("old")); err != nil {
			t.Fatal(err)
		}
		if err := s.SetCertValue(t.Context(), name, []byte(name)); err != nil {
			t.Fatal(err)
		}
	}
	if v, at, err := s.CertValue(t.Context(), "a/bc/d"); string(v) != "a/bc/d" || err != nil || !at.Equal(time0.now) {
		t.Errorf("%q, %v, %v", v, at, err)
	}
	if _, _, err := s.CertValue(t.Context(), "a/b"); gomail.KindOf(err) != gomail.NotFound {
		t.Errorf("what is no value gives %v", err)
	}
	names := func(prefix string) string {
		all, err := s.CertNames(t.Context(), prefix)
		return fmt.Sprint(all, err)
	}
	if got := names("a/b"); got != "[a/b/c.crt a/b/c.key] <nil>" {
		t.Errorf("below a/b there is %s", got)
	}
	if err := s.RemoveCertValues(t.Context(), "a/b"); err != nil {
		t.Fatal(err)
	}
	if got := names(""); got != "[a/bc/d e] <nil>" {
		t.Errorf("there is left %s", got)
	}
	if err := s.Check(t.Context(), func(problem string) { t.Error(problem) }); err != nil {
		t.Error(err)
	}
}

// A lock is one owner's until it is given back or its owner has died.
func TestCertificateLocks(t *testing.T) {
	c := &clock{time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)}
	s, err := store.Open(t.Context(), store.Options{Dir: t.TempDir(), Clock: func() time.Time { return c.now }})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	lock := func(owner string, want bool) {
		t.Helper()
		if got, err := s.LockCert(context.Background(), "x", owner, time.Minute); got != want || err != nil {
			t.Errorf("%s gets the lock: %v, %v", owner, got, err)
		}
	}
	lock("one", true)
	lock("two", false)
	lock("one", true) // after a restart
	if err := s.UnlockCert(t.Context(), "x", "two"); err != nil {
		t.Error(err)
	}
	lock("two", false)
	if err := s.UnlockCert(t.Context(), "x", "one"); err != nil {
		t.Error(err)
	}
	lock("two", true)
	c.now = c.now.Add(2 * time.Minute)
	lock("one", true)
}
