package certs

import (
	"fmt"
	"hash/fnv"
	"strings"
	"time"
)

// State is where the order of a name stands.
type State string

// The states.
const (
	Waiting State = "waiting" // it does not lead here yet, or CAA forbids: nothing is asked of the authority
	Valid   State = "valid"   // there is a certificate, and nothing is to be done
	Failing State = "failing" // the last try failed
)

// Order is what is known of a name's certificate.
type Order struct {
	Name   string `json:"name"`
	Domain string `json:"domain"` // the hosted domain that it is of; empty: the mail host
	State  State  `json:"state"`

	NotBefore time.Time `json:"not_before"` // zero: there is no certificate
	NotAfter  time.Time `json:"not_after"`
	Issuer    string    `json:"issuer"` // who signed it: "R11"
	Method    method    `json:"method"` // by which the name was proved

	Next     time.Time `json:"next"` // when it is looked at again
	Failures int       `json:"failures"`
	Since    time.Time `json:"since"` // the first of the failures
	Cause    Cause     `json:"cause"`
	Told     time.Time `json:"told"` // when the administrators were told; zero: they were not

	NextKey      string    `json:"next_key"`       // SHA-256 of the key that the next certificate may have; the mail host's alone
	NextKeySince time.Time `json:"next_key_since"` // since when its TLSA record is seen everywhere; zero: it is not

	notTold time.Time // when they last could not be told
}

// due reports whether something is to be done. What is planned for a time that
// no plan reaches was planned while the clock was wrong.
func (o Order) due(now time.Time) bool {
	return !o.Next.After(now) || o.State != Valid && o.Next.After(now.Add(mostPatience+24*time.Hour))
}

// has reports whether there is a certificate that may still be used.
func (o Order) has(now time.Time) bool { return !o.NotAfter.IsZero() && now.Before(o.NotAfter) }

// renewAt is when a certificate is to be renewed: when a third of its life is
// left, names a little apart from each other.
func (o Order) renewAt() time.Time {
	life := o.NotAfter.Sub(o.NotBefore)
	return o.NotAfter.Add(-life/3 - share(o.Name, life/30))
}

// share is a part of d that is always the same for a name.
func share(name string, d time.Duration) time.Duration {
	h := fnv.New32a()
	h.Write([]byte(name))
	return time.Duration(float64(d) * float64(h.Sum32()%1000) / 1000)
}

// What authorities count against us are failed checks of a name, five an hour
// at Let's Encrypt: the second try comes after minutes, for whoever is mending
// something, the others seldom.
var failedPace = []time.Duration{10 * time.Minute, time.Hour, 2 * time.Hour, 4 * time.Hour, 8 * time.Hour, 12 * time.Hour}

// Looking into the DNS costs nothing.
var waitingPace = []time.Duration{time.Minute, 2 * time.Minute, 5 * time.Minute, 15 * time.Minute, 30 * time.Minute, time.Hour}

// pause is how long to wait after the n-th failure in a row.
func pause(pace []time.Duration, name string, n int) time.Duration {
	d := pace[min(max(n, 1), len(pace))-1]
	return d + share(name, d/10)
}

// failed notes a try that failed, or a look that found why none can succeed.
func (o *Order) failed(c Cause, now time.Time) {
	pace := failedPace
	if c.local() {
		pace = waitingPace
	}
	if c.Code != o.Cause.Code && c.local() != o.Cause.local() {
		o.Failures = 0
	}
	if o.Failures++; o.Since.IsZero() {
		o.Since = now
	}
	o.State, o.Cause = Failing, c
	if c.local() && !o.has(now) {
		o.State = Waiting
	}
	o.Next = now.Add(pause(pace, o.Name, o.Failures))
	if c.retry.After(o.Next) {
		o.Next = c.retry.Add(share(o.Name, time.Hour))
	}
}

// apart is how long after an order the next one comes at least, whatever the
// certificate says: a clock that is wrong, here or there, must not order without
// end.
const apart = 12 * time.Hour

// succeeded notes a certificate that is in use.
func (o *Order) succeeded(h held, now time.Time) {
	o.NotBefore, o.NotAfter, o.Issuer = h.Leaf.NotBefore, h.Leaf.NotAfter, h.Leaf.Issuer.CommonName
	o.State, o.Failures, o.Since, o.Cause, o.Told = Valid, 0, time.Time{}, Cause{}, time.Time{}
	o.Next = o.renewAt()
	if soon := now.Add(min(apart, o.NotAfter.Sub(o.NotBefore)/4)); o.Next.Before(soon) {
		o.Next = soon
	}
}

// How long an order fails before somebody is told, and how long until they are
// told again.
const (
	tellAfter = 24 * time.Hour
	tellAgain = 7 * 24 * time.Hour
	urgent    = 7 * 24 * time.Hour // before the end
)

// tell reports whether the administrators are to be told now: weeks before
// anything expires, where certificates last that long. A name that has never
// led here is nobody's alarm, but for the mail host's.
func (o Order) tell(now time.Time) bool {
	if o.State == Valid || o.Since.IsZero() || o.State == Waiting && o.Domain != "" || now.Sub(o.notTold) < time.Hour {
		return false
	}
	after, again := tellAfter, tellAgain
	if !o.NotAfter.IsZero() {
		after = min(after, o.NotAfter.Sub(o.NotBefore)/20)
		if left := o.NotAfter.Sub(now); left < urgent {
			again = 24 * time.Hour
		}
	}
	return now.Sub(o.Since) >= after && (o.Told.IsZero() || now.Sub(o.Told) >= again)
}

// Subject is the subject of the mail that tells of a failing order.
func (o Order) Subject() string {
	switch {
	case o.NotAfter.IsZero():
		return "There is no certificate for " + o.Name + " yet"
	case !o.Told.IsZero() && o.NotAfter.Before(o.Next):
		return "The certificate of " + o.Name + " ends on " + o.NotAfter.UTC().Format("2 January 2006")
	}
	return "The certificate of " + o.Name + " cannot be renewed"
}

// Text is the mail's text: what is so, why, and what to do.
func (o Order) Text() string {
	var b strings.Builder
	if o.NotAfter.IsZero() {
		fmt.Fprintf(&b, "A certificate for %s has been wanted since %s.\n", o.Name, day(o.Since))
	} else {
		fmt.Fprintf(&b, "The certificate of %s is valid until %s. It has not been possible to renew it since %s (%d tries).\n", o.Name, day(o.NotAfter), day(o.Since), o.Failures)
	}
	fmt.Fprintf(&b, "\n  Cause:     %s\n  Next step: %s\n", o.Cause.Found, o.Cause.Mend)
	fmt.Fprintf(&b, "\nIt is tried again at %s, and at once by: gomail cert renew %s\n", o.Next.UTC().Format("2 January 2006 15:04 MST"), o.Name)
	return b.String()
}

func day(t time.Time) string { return t.UTC().Format("2 January 2006") }
