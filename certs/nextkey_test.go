package certs_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"testing"
	"time"

	"gomail/dnsplan"
)

// publish has the world's DNS hold the TLSA records of the plan, as whoever
// keeps a domain in sync does.
func (w *world) publish() {
	w.Helper()
	current, err := w.vault.Host(w.Context(), host, w.acme.Directory)
	if err != nil {
		w.Fatal(err)
	}
	next, err := w.vault.NextKey(w.Context(), host)
	if err != nil {
		w.Fatal(err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tlsa = map[string]bool{hashOf(current.PublicKey): true, hashOf(next): true}
}

func hashOf(public []byte) string {
	sum := dnsplan.TLSAHash(sha256.Sum256(public))
	return hex.EncodeToString(sum[:])
}

// covered demands that the key that is served has a record.
func (w *world) covered(when string) string {
	w.Helper()
	hash := hashOf(w.manager.Certificate().RawSubjectPublicKeyInfo)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.tlsa != nil && !w.tlsa[hash] {
		w.Errorf("%s: the key that is served has no TLSA record", when)
	}
	return hash
}

// renewed lets the certificate's time for renewal come, and waits for the new one.
func (w *world) renewed() {
	w.Helper()
	before := w.serves(host)
	if err := w.manager.Renew(host); err != nil {
		w.Fatal(err)
	}
	w.until("it is renewed", func() bool {
		w.covered("while it is renewed")
		got := w.serves(host)
		return got != nil && !got.Equal(before)
	})
	w.until("the order is done", func() bool { return w.order(host).Next.After(w.now()) })
}

// settled waits for the first certificate.
func (w *world) settled() {
	w.Helper()
	w.until("there is a certificate", func() bool { return w.serves(host) != nil && w.order(host).Next.After(w.now()) })
}

// seen waits until the next key's record is known to be there, or not.
func (w *world) seen(there bool) {
	w.Helper()
	w.until("the next key's record is looked for", func() bool {
		w.pass(time.Hour)
		o := w.order(host)
		return o.NextKey != "" && o.NextKeySince.IsZero() != there
	})
}

// The key changes with a renewal once the next one's record has been there for
// two days, and not before: at every moment the key that is served has one.
func TestKeysFollowTheirRecords(t *testing.T) {
	w := newWorld(t)
	w.acme.Published = func(_ context.Context, hash string) (bool, error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.tlsa[hash], nil
	}
	w.start("http")
	w.settled()
	first := w.covered("at the start")

	w.renewed() // nobody has published anything
	if got := w.covered("unpublished"); got != first {
		t.Error("a key came into use that was never published")
	}
	w.seen(false)
	w.publish()
	w.seen(true)
	w.renewed() // what was there before may still be in caches
	if got := w.covered("published a moment ago"); got != first {
		t.Error("a key came into use that caches may not know")
	}
	w.pass(49 * time.Hour)
	w.stop()
	w.start("http") // since when it was there is not forgotten
	w.settled()
	w.renewed()
	second := w.covered("published for two days")
	if second == first {
		t.Fatal("the key stayed, though the next one was published")
	}
	w.renewed() // the record of the key after that is not there yet
	if got := w.covered("the third is unknown"); got != second {
		t.Error("a key came into use that was never published")
	}
	w.publish()
	w.seen(true)
	w.pass(49 * time.Hour)
	w.mu.Lock()
	w.tlsa = map[string]bool{second: true} // somebody took it away
	w.mu.Unlock()
	w.renewed()
	if got := w.covered("taken away"); got != second {
		t.Error("a key came into use whose record was taken away")
	}
}
