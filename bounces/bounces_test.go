package bounces_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gomail"
	"gomail/bounces"
	"gomail/message"
	"gomail/store"
)

var start = time.Date(2026, 11, 28, 10, 0, 0, 0, time.UTC)

// fixture is a service over a store, whose clock a test sets.
type fixture struct {
	*testing.T
	*bounces.Service
	store  *store.Store
	tokens bounces.Tokens
	anna   gomail.AccountID
	now    time.Time
	told   []bounces.Alarm
}

func newFixture(t *testing.T) *fixture {
	f := &fixture{T: t, now: start}
	var err error
	if f.store, err = store.Open(context.Background(), store.Options{Dir: t.TempDir(), Clock: f.clock}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.store.Close() })
	if _, err := f.store.AddDomain(t.Context(), gomail.Domain{Name: "example.com", Created: start}, nil); err != nil {
		t.Fatal(err)
	}
	a, err := f.store.AddAccount(t.Context(), gomail.Account{Address: address("anna@example.com"), Created: start}, "x")
	if err != nil {
		t.Fatal(err)
	}
	f.anna = a.ID
	f.tokens = bounces.Tokens{Secret: []byte("secret"), Clock: f.clock}
	f.Service = bounces.New(bounces.Config{Store: f.store, Tokens: f.tokens, Clock: f.clock, Account: f.account,
		High: func(_ context.Context, a bounces.Alarm) error { f.told = append(f.told, a); return nil }})
	return f
}

func (f *fixture) clock() time.Time { return f.now }

func (f *fixture) account(_ context.Context, a gomail.Address) (gomail.AccountID, error) {
	if a == address("anna@example.com") {
		return f.anna, nil
	}
	return 0, gomail.Errorf(gomail.NotFound, "not ours")
}

func address(s string) gomail.Address {
	a, err := gomail.ParseAddress(s)
	if err != nil {
		panic(err)
	}
	return a
}

func addresses(list ...string) (all []gomail.Address) {
	for _, s := range list {
		all = append(all, address(s))
	}
	return all
}

const id = "0123456789abcdef"

// comeBack takes in a message that comes back, with a trace in place of its
// mark.
func (f *fixture) comeBack(raw []byte, trace string) {
	f.Helper()
	raw = bytes.ReplaceAll(raw, []byte(id+"-@TOKEN@"), []byte(trace))
	var x message.Indexer
	x.Write(raw)
	f.Returned(message.ReadReturned(x.Finish(), bytes.NewReader(raw)))
	f.Flush(f.Context())
}

// suppressed lists what is, as "why address".
func (f *fixture) suppressed() (all []string) {
	f.Helper()
	list, err := f.Suppressions(f.Context(), f.anna, "", 100)
	if err != nil {
		f.Fatal(err)
	}
	for _, x := range list {
		all = append(all, string(x.Why)+" "+x.Address.String())
	}
	return all
}

func (f *fixture) counts() bounces.Counts {
	f.Helper()
	days, err := f.Days(f.Context(), "example.com", start.AddDate(0, 0, -1))
	if err != nil {
		f.Fatal(err)
	}
	var all bounces.Counts
	for _, d := range days {
		all.Add(d.Counts)
	}
	return all
}

// What comes back of mail that was sent is learned from, in each of the forms
// that servers write, and from nothing else.
func TestWhatComesBack(t *testing.T) {
	want := map[string]struct {
		suppressed []string
		counts     bounces.Counts
	}{
		"postfix": {[]string{"bounced bob@example.net"}, bounces.Counts{Hard: 1}}, "exim": {[]string{"bounced bob@example.net"}, bounces.Counts{Hard: 1}},
		"qmail":    {[]string{"bounced bob@example.net"}, bounces.Counts{Hard: 1, Full: 1}},
		"exchange": {[]string{"bounced bob@example.net"}, bounces.Counts{Hard: 1}}, "domino": {[]string{"bounced bob@example.net"}, bounces.Counts{Hard: 1}},
		"international": {[]string{"bounced bjørn@example.net"}, bounces.Counts{Hard: 1}},
		"vague-status":  {nil, bounces.Counts{Full: 1}}, "sendmail-expired": {nil, bounces.Counts{Soft: 1}},
		"complaint": {[]string{"complained bob@example.net"}, bounces.Counts{Complaints: 1}},
	}
	files, err := filepath.Glob("../message/testdata/returned/*.eml")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(file), ".eml")
		f := newFixture(t)
		f.comeBack(raw, f.Trace(f.anna, id, addresses("bob@example.net", "carl@example.net", "bjørn@example.net")))
		if got := f.suppressed(); !slices.Equal(got, want[name].suppressed) {
			t.Errorf("%s: %v is suppressed", name, got)
		}
		if got := f.counts(); got != want[name].counts {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// A complaint that names nobody is of whom the returned header names, if the
// message went there.
func TestRedactedComplaint(t *testing.T) {
	f := newFixture(t)
	raw, err := os.ReadFile("../message/testdata/returned/complaint-redacted.eml")
	if err != nil {
		t.Fatal(err)
	}
	f.comeBack(bytes.Replace(raw, []byte("not-spam"), []byte("abuse"), 1), f.Trace(f.anna, id, addresses("bob@example.net")))
	if got := f.suppressed(); !slices.Equal(got, []string{"complained bob@example.net"}) {
		t.Errorf("%v", got)
	}
	if err := f.Check(t.Context(), f.anna, address("bob@example.net"), false); err != nil {
		t.Errorf("a letter to who complained of a newsletter: %v", err)
	}
	if err := f.Check(t.Context(), f.anna, address("bob@example.net"), true); gomail.KindOf(err) != gomail.Refused {
		t.Errorf("another newsletter: %v", err)
	}
}

// Who has not got the message cannot make us believe that it came back, and who
// has got it can speak for its recipients alone.
func TestForgedBouncesSuppressNothing(t *testing.T) {
	raw, err := os.ReadFile("../message/testdata/returned/postfix.eml")
	if err != nil {
		t.Fatal(err)
	}
	f := newFixture(t)
	bob := addresses("bob@example.net")
	stranger := bounces.Tokens{Secret: []byte("another secret"), Clock: f.clock}
	good := f.Trace(f.anna, id, bob)
	for what, trace := range map[string]string{
		"no token":               id,
		"of another server":      stranger.Trace(f.anna, id, bob),
		"of another account":     f.Trace(f.anna+1, id, bob),
		"for another recipient":  f.Trace(f.anna, id, addresses("mallory@example.org")),
		"of another message":     "1" + good[1:],
		"changed":                good[:30] + flip(good[30]) + good[31:],
		"cut":                    good[:60],
		"the ninth of a domain":  f.Trace(f.anna, id, append(addresses("a@x.test", "b@x.test", "c@x.test", "d@x.test", "e@x.test", "f@x.test", "g@x.test", "h@x.test"), bob...)),
		"another bounce's again": strings.ToUpper(good),
	} {
		f.comeBack(raw, trace)
		if got := f.suppressed(); got != nil {
			t.Fatalf("%s: %v", what, got)
		}
	}
	f.now = f.now.AddDate(0, 0, 15)
	f.comeBack(raw, good)
	if got := f.suppressed(); got != nil {
		t.Errorf("too old: %v", got)
	}
	f.now = start
	f.comeBack(raw, good)
	if got := f.suppressed(); len(got) != 1 {
		t.Errorf("the true one: %v", got)
	}
}

func flip(c byte) string {
	if c == 'A' {
		return "B"
	}
	return "A"
}

// Tokens do not show how many recipients a message has, nor who they are.
func TestTokensTellNothing(t *testing.T) {
	f := newFixture(t)
	for n := range 12 {
		var to []gomail.Address
		for i := range n {
			to = append(to, address(fmt.Sprintf("r%d@example.net", i)))
		}
		a, b := f.Trace(f.anna, id, to), f.Trace(f.anna, id, to)
		if len(a) != 65 || a == b && n < 8 || a[:17] != id+"-" || strings.ContainsAny(a, " .\"()<>@,;:\\[]") {
			t.Errorf("%d recipients: %s, %s", n, a, b)
		}
	}
}

// An address that does not exist is refused for a week, longer when it fails
// again after that, and not at all once it was cleared.
func TestSuppressionTerms(t *testing.T) {
	f := newFixture(t)
	bob := address("Bob@example.net")
	fail := func() {
		f.Tell(bounces.Outcome{Account: f.anna, From: address("anna@example.com"), To: bob, Done: true, Permanent: true, Code: 550, Status: "5.1.1", Text: "no such user"})
		f.Flush(f.Context())
	}
	refusedAfter := func(days int, want bool) {
		t.Helper()
		at := f.now
		f.now = f.now.AddDate(0, 0, days)
		err := f.Check(t.Context(), f.anna, address("bob@example.net"), false)
		if (err != nil) != want || want && (gomail.KindOf(err) != gomail.NotFound || !strings.Contains(err.Error(), "28 November 2026") && at == start || !strings.Contains(err.Error(), "gomail suppress clear")) {
			t.Errorf("after %d days: %v", days, err)
		}
		f.now = at
	}
	fail()
	fail() // what was under way comes back as well
	refusedAfter(6, true)
	refusedAfter(8, false)
	f.now = f.now.AddDate(0, 0, 8)
	fail()
	refusedAfter(29, true)
	refusedAfter(31, false)
	f.now = f.now.AddDate(0, 0, 31)
	fail()
	refusedAfter(179, true)
	refusedAfter(181, false)
	if list, err := f.Suppressions(t.Context(), f.anna, "", 10); err != nil || len(list) != 1 || list[0].Count != 4 || list[0].Step != 3 || !list[0].First.Equal(start) || list[0].Diagnostic != "no such user" {
		t.Errorf("%+v %v", list, err)
	}
	if err := f.Check(t.Context(), f.anna+1, bob, false); err != nil {
		t.Errorf("another account: %v", err)
	}
	fail()
	f.Tell(bounces.Outcome{Account: f.anna, From: address("anna@example.com"), To: bob, Done: true, Permanent: true, Code: 550, Status: "5.1.1"})
	if n, err := f.Clear(t.Context(), f.anna, bob); err != nil || n != 1 {
		t.Errorf("%d %v", n, err)
	}
	f.Flush(t.Context()) // what was told before it was cleared
	refusedAfter(0, false)
	if _, err := f.Clear(t.Context(), f.anna, bob); gomail.KindOf(err) != gomail.NotFound {
		t.Errorf("cleared twice: %v", err)
	}
}

// Only what says that nobody is there suppresses.
func TestOtherFailuresSuppressNothing(t *testing.T) {
	f := newFixture(t)
	for _, o := range []bounces.Outcome{
		{Code: 550, Status: "5.7.1", Text: "blocked as spam", Permanent: true},
		{Code: 552, Status: "5.2.2", Text: "full", Permanent: true},
		{Code: 550, Status: "5.7.26", Text: "not authenticated", Permanent: true},
		{Code: 450, Status: "4.1.1", Text: "user unknown"}, // it expired
		{Delivered: true, Code: 250},
	} {
		o.Account, o.From, o.To, o.Done = f.anna, address("anna@example.com"), address("postmaster@example.net"), true
		f.Tell(o)
	}
	f.Tell(bounces.Outcome{Account: f.anna, From: address("anna@example.com"), To: address("bob@example.net"), Code: 451})
	f.Flush(t.Context())
	if got := f.suppressed(); got != nil {
		t.Errorf("%v", got)
	}
	if got, want := f.counts(), (bounces.Counts{Sent: 5, Delivered: 1, Deferred: 1, Blocked: 1, Full: 1, Policy: 1, Soft: 1, Roles: 5}); got != want {
		t.Errorf("%+v", got)
	}
	days, err := f.Days(t.Context(), "example.com", start.AddDate(0, 0, -1))
	if err != nil || len(days) != 1 || days[0].Said != "example.net: blocked as spam" {
		t.Errorf("%+v %v", days, err)
	}
}

// An alarm begins above five percent of fifty, is told once, and ends below
// three.
func TestAlarms(t *testing.T) {
	f := newFixture(t)
	sent := func(good, bad int) {
		for i := range good + bad {
			f.Tell(bounces.Outcome{Account: f.anna, From: address("anna@example.com"), To: address(fmt.Sprintf("r%d@example.net", i)), Done: true, Delivered: i >= bad, Permanent: true, Status: "5.1.1"})
		}
		f.Flush(f.Context())
		if err := f.Look(f.Context()); err != nil {
			t.Fatal(err)
		}
	}
	holding := func() int {
		all, err := f.Alarms(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return len(all)
	}
	sent(39, 10)
	if len(f.told) != 0 || holding() != 0 {
		t.Fatalf("of 49: %+v", f.told)
	}
	sent(1, 0)
	if len(f.told) != 2 || f.told[0].Domain != "example.com" || f.told[1].Account != f.anna || f.told[0].Describe() != "10 of 50 recipients in 24 hours do not exist (20.0 %)" {
		t.Fatalf("of 50: %+v", f.told)
	}
	sent(200, 0) // four percent: not high, and not over
	if len(f.told) != 2 || holding() != 2 {
		t.Errorf("still: %+v, %d", f.told, holding())
	}
	sent(200, 0)
	if holding() != 0 {
		t.Errorf("it does not end")
	}
	sent(0, 100)
	if len(f.told) != 4 || holding() != 2 {
		t.Errorf("again: %+v", f.told)
	}
	f.now = f.now.Add(26 * time.Hour)
	sent(1, 0)
	if holding() != 0 {
		t.Errorf("a day later")
	}
}

// Mail that others take for spam is alarming too: above a fifth, until it is
// less than a tenth.
func TestSpamIsAlarming(t *testing.T) {
	f := newFixture(t)
	for _, step := range []struct{ good, spam, alarms int }{{41, 9, 0}, {0, 5, 2}, {80, 0, 2}, {20, 0, 0}} {
		for i := range step.good + step.spam {
			f.Tell(bounces.Outcome{Account: f.anna, From: address("anna@example.com"), To: address("bob@example.net"), Done: true, Delivered: i >= step.spam, Permanent: true, Status: "5.7.1", Text: "likely spam"})
		}
		f.Flush(t.Context())
		if err := f.Look(t.Context()); err != nil {
			t.Fatal(err)
		}
		if all, err := f.Alarms(t.Context()); err != nil || len(all) != step.alarms {
			t.Errorf("%+v: %+v %v", step, all, err)
		}
	}
	if len(f.told) != 2 || f.told[1].Describe() != "0 of 55 recipients in 24 hours do not exist (0.0 %), and mail to 14 was refused as spam (25.5 %)" || f.told[1].Said != "example.net: likely spam" {
		t.Errorf("%+v", f.told)
	}
}

// What a failing store could not take is written later.
func TestNothingIsLostWhileTheStoreFails(t *testing.T) {
	f := newFixture(t)
	cut, cancel := context.WithCancel(t.Context())
	cancel()
	f.Tell(bounces.Outcome{Account: f.anna, From: address("anna@example.com"), To: address("bob@example.net"), Done: true, Permanent: true, Status: "5.1.1"})
	for range 50 { // a cancelled write may still be handed over
		f.Flush(cut)
		f.Flush(t.Context())
	}
	if got := f.counts(); got != (bounces.Counts{Sent: 1, Hard: 1}) {
		t.Errorf("%+v", got)
	}
}
