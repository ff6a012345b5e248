package certs_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"gomail/certs"
)

// The three ways to prove a name, each alone.
func TestWays(t *testing.T) {
	for _, test := range []struct {
		way, method string
	}{{"http", "http-01"}, {"https", "tls-alpn-01"}, {"dns", "dns-01"}} {
		t.Run(test.way, func(t *testing.T) {
			w := newWorld(t)
			if test.way == "dns" {
				w.set(host, "A 192.0.2.9") // nothing of ours is reachable there
				w.acme.DNS = &zone{world: w}
			}
			w.start(test.way)
			if w.serves(host) != nil {
				t.Error("there is a trusted certificate before one was ordered")
			}
			first := w.manager.Certificate()
			o := w.becomes(host, certs.Valid, "")
			if got := w.serves(host); got == nil || string(o.Method) != test.method {
				t.Errorf("ordered by %s, want %s; serves %v", o.Method, test.method, got)
			} else if !bytes.Equal(got.RawSubjectPublicKeyInfo, first.RawSubjectPublicKeyInfo) {
				t.Error("the certificate has another key than the self-signed one: TLSA records were wrong")
			}
		})
	}
}

// zone sets records in the world's DNS.
type zone struct {
	world *world
	asked int
	left  int
}

// Covers implements certs.DNS.
func (z *zone) Covers(context.Context, string) bool { return true }

// Present implements certs.DNS.
func (z *zone) Present(_ context.Context, _, record, value string) error {
	z.world.set(record, `TXT "`+value+`"`)
	z.left++
	return nil
}

// Visible implements certs.DNS: the first look is too early.
func (z *zone) Visible(context.Context, string, string, string) (bool, error) {
	z.asked++
	return z.asked > 1, nil
}

// Remove implements certs.DNS.
func (z *zone) Remove(_ context.Context, _, record, _ string) error {
	z.world.set(record)
	z.left--
	return nil
}

// A renewal keeps the key, a restart keeps the certificate.
func TestRenewalAndRestart(t *testing.T) {
	w := newWorld(t)
	w.start("http")
	w.becomes(host, certs.Valid, "")
	first := w.serves(host)
	w.stop()

	w.start("http")
	if got := w.serves(host); got == nil || !got.Equal(first) {
		t.Fatal("after a restart it does not serve the certificate that it had")
	}
	w.becomes(host, certs.Valid, "")
	if n := w.accepted(); n != 1 {
		t.Errorf("with a restart %d orders were placed", n)
	}
	o := w.order(host)
	if left := o.NotAfter.Sub(o.Next); left < 30*24*time.Hour || left > 33*24*time.Hour {
		t.Errorf("it is to be renewed %v before the end", left)
	}
	w.pass(o.Next.Sub(w.now()))
	w.until("it is renewed", func() bool {
		got := w.serves(host)
		return got != nil && !got.Equal(first)
	})
	if got := w.serves(host); !bytes.Equal(got.RawSubjectPublicKeyInfo, first.RawSubjectPublicKeyInfo) {
		t.Error("the renewed certificate has another key")
	}
	// The authority's clock is two months behind ours now: what it signs is due
	// at once, and must not be ordered without end.
	w.until("the order is done", func() bool { return w.order(host).Next.After(w.now()) })
	if next := w.order(host).Next.Sub(w.now()); next < 11*time.Hour {
		t.Errorf("a certificate that is due at once is ordered again in %v", next)
	}
}

// Names of domains are ordered once they lead here and CAA permits, each alone.
func TestNamesOfDomains(t *testing.T) {
	w := newWorld(t)
	w.set("mta-sts.good.test", "CNAME "+host+".")
	w.set("mta-sts.away.test", "A 127.0.0.1", "A 192.0.2.7")
	w.set("mta-sts.caa.test", "CNAME "+host+".")
	w.set("caa.test", `CAA 0 issue "other.test"`, `CAA 0 issuewild "`+identity+`"`)
	w.set("mta-sts.may.test", "A 127.0.0.1")
	w.set("may.test", `CAA 0 issue "other.test"`, `CAA 0 issue "`+identity+`; validationmethods=http-01,dns-01"`)
	w.want("mta-sts.good.test", "mta-sts.away.test", "mta-sts.caa.test", "mta-sts.gone.test", "mta-sts.may.test")
	w.start("http", "https")
	w.becomes("mta-sts.good.test", certs.Valid, "")
	if o := w.becomes("mta-sts.may.test", certs.Valid, ""); o.Method != "http-01" {
		t.Errorf("CAA allows http-01, and it was ordered by %s", o.Method)
	}
	if o := w.becomes("mta-sts.away.test", certs.Waiting, certs.Elsewhere); !strings.Contains(o.Cause.Found, "192.0.2.7") || !strings.Contains(o.Cause.Mend, host) {
		t.Errorf("%+v", o.Cause)
	}
	if o := w.becomes("mta-sts.caa.test", certs.Waiting, certs.CAAForbids); !strings.Contains(o.Cause.Found, "caa.test allow other.test alone") || !strings.Contains(o.Cause.Mend, `issue "`+identity) {
		t.Errorf("%+v", o.Cause)
	}
	w.becomes("mta-sts.gone.test", certs.Waiting, certs.NoAddress)
	if got := w.serves("mta-sts.good.test"); got == nil || len(got.DNSNames) != 1 {
		t.Errorf("it serves %v", got)
	}
	if w.serves("mta-sts.away.test") != nil {
		t.Error("a name that leads elsewhere has a certificate")
	}

	w.set("caa.test", `CAA 0 issue "`+identity+`"`)
	w.set("mta-sts.away.test", "A 127.0.0.1")
	w.until("what was mended is ordered", func() bool {
		w.pass(2 * time.Minute)
		return w.serves("mta-sts.caa.test") != nil && w.serves("mta-sts.away.test") != nil
	})

	w.want("mta-sts.caa.test") // the domain good.test was removed
	w.until("a removed domain's name is not served", func() bool { return w.serves("mta-sts.good.test") == nil })
	kept := w.serves("mta-sts.caa.test")
	w.pass(62 * 24 * time.Hour)
	w.until("the other one is renewed", func() bool { return !w.serves("mta-sts.caa.test").Equal(kept) })
	if got := w.order("mta-sts.good.test"); got.Name != "" || w.serves("mta-sts.good.test") != nil {
		t.Errorf("a removed domain's name has the order %+v", got)
	}
	if w.stop(); w.asked["mta-sts.good.test"] > 3 { // once, and again where its nonce was rejected
		t.Errorf("a removed domain's name was ordered again: %v", w.asked)
	}
}

// An order that hangs holds up nobody.
func TestOneHangs(t *testing.T) {
	w := newWorld(t)
	names := []string{"mta-sts.a.test", "mta-sts.b.test", "mta-sts.c.test"}
	for _, n := range append(names, "mta-sts.slow.test") {
		w.set(n, "A 127.0.0.1")
	}
	w.hang = "mta-sts.slow.test"
	w.want(append([]string{"mta-sts.slow.test"}, names...)...)
	w.start("http")
	for _, n := range append(names, host) {
		w.becomes(n, certs.Valid, "")
	}
	if w.serves("mta-sts.slow.test") != nil {
		t.Error("a certificate came that nobody has signed")
	}
}

// Failures back off, are told weeks before the end, and hold up nobody else.
func TestFailuresBackOff(t *testing.T) {
	w := newWorld(t)
	w.start("http")
	w.becomes(host, certs.Valid, "")
	end := w.order(host).NotAfter
	w.mu.Lock()
	w.answer = func(rw http.ResponseWriter) {
		rw.Header().Set("Content-Type", "application/problem+json")
		rw.WriteHeader(http.StatusTooManyRequests)
		rw.Write([]byte(`{"type":"urn:ietf:params:acme:error:rateLimited","status":429,"detail":"too many certificates already issued, retry after ` +
			time.Now().Add(62*24*time.Hour+5*time.Hour).UTC().Format(time.DateTime) + ` UTC"}`))
	}
	w.mu.Unlock()
	before := w.placed()
	w.pass(62 * 24 * time.Hour)
	o := w.becomes(host, certs.Failing, certs.RateLimit)
	if d := o.Next.Sub(w.now()); d < 4*time.Hour || d > 7*time.Hour {
		t.Errorf("the authority asked for five hours, and it is tried again in %v", d)
	}
	if n := w.placed() - before; n != 1 {
		t.Errorf("%d orders were placed against the limit", n)
	}
	if w.serves(host) == nil {
		t.Error("the certificate that still holds is not served")
	}
	w.mu.Lock()
	w.answer = func(rw http.ResponseWriter) { rw.WriteHeader(http.StatusBadGateway) }
	w.mu.Unlock()
	var last certs.Order
	for i := 0; i < 6; i++ {
		failures := w.order(host).Failures
		w.pass(w.order(host).Next.Sub(w.now()) + time.Second)
		w.until("it is tried again", func() bool { return w.order(host).Failures != failures })
		if last = w.order(host); last.Cause.Code != certs.Authority {
			t.Errorf("an authority that answers 502 is %+v", last.Cause)
		}
	}
	if d := last.Next.Sub(w.now()); d < 11*time.Hour {
		t.Errorf("after %d failures it is tried again in %v", last.Failures, d)
	}
	w.until("the administrators are told", func() bool { w.mu.Lock(); defer w.mu.Unlock(); return len(w.told) > 0 })
	w.mu.Lock()
	told := w.told[0]
	w.mu.Unlock()
	if left := end.Sub(w.now()); left < 14*24*time.Hour {
		t.Errorf("they were told %v before the end", left)
	}
	if !strings.Contains(told.Text(), told.Cause.Mend) || !strings.Contains(told.Subject(), host) || told.Cause.Mend == "" {
		t.Errorf("they were told: %s\n%s", told.Subject(), told.Text())
	}
	w.mu.Lock()
	w.answer = nil
	w.mu.Unlock()
	w.set("mta-sts.new.test", "CNAME "+host+".")
	w.want("mta-sts.new.test") // another one is not held up
	w.becomes("mta-sts.new.test", certs.Valid, "")
	if err := w.manager.Renew(host); err != nil {
		t.Fatal(err)
	}
	w.becomes(host, certs.Valid, "")
}

// What the authority finds is told in words.
func TestWhatTheAuthorityFinds(t *testing.T) {
	w := newWorldAt(t, 1) // nobody listens there
	w.set("mta-sts.other.test", "A 127.0.0.1")
	w.want("mta-sts.other.test")
	w.start("http")
	o := w.becomes(host, certs.Failing, certs.PortClosed)
	if !strings.Contains(o.Cause.Found, "port 80 of "+host) || !strings.Contains(o.Cause.Mend, "firewall") {
		t.Errorf("%+v", o.Cause)
	}
	if d := o.Next.Sub(w.now()); d < 5*time.Minute {
		t.Errorf("it is tried again in %v", d)
	}
	w.becomes("mta-sts.other.test", certs.Failing, certs.PortClosed)
	if w.manager.Certificate().Subject.CommonName != host {
		t.Error("nothing is served meanwhile")
	}
}

// What is asked for while a name is worked on is done afterwards, and many
// names that wait cost little.
func TestManyNames(t *testing.T) {
	w := newWorld(t)
	var names []string
	for i := range 500 {
		names = append(names, fmt.Sprintf("mta-sts.d%d.test", i))
	}
	w.want(names...)
	w.start("http")
	w.becomes(host, certs.Valid, "")
	w.until("all are looked at", func() bool {
		n := 0
		for _, o := range w.manager.Orders() {
			if o.Cause.Code == certs.NoAddress {
				n++
			}
		}
		return n == len(names)
	})
	last := names[len(names)-1]
	w.set(last, "A 127.0.0.1")
	if err := w.manager.Renew(last); err != nil {
		t.Fatal(err)
	}
	w.becomes(last, certs.Valid, "")
}
