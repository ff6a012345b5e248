package outbound_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gomail"
	"gomail/domains"
	"gomail/internal/seal"
	"gomail/outbound"
	"gomail/store"
)

// limited is a server with limits whose clock a test sets.
type limited struct {
	*testing.T
	*outbound.Service
	limiter *outbound.Limiter
	store   *store.Store
	dir     string
	now     atomic.Int64
	anna    gomail.Account
	told    []string
}

func newLimited(t *testing.T, server outbound.Limits) *limited {
	f := &limited{T: t, dir: filepath.Join(t.TempDir(), "store")}
	f.now.Store(now.Truncate(time.Hour).UnixMicro())
	f.limiter = &outbound.Limiter{Server: server, Clock: f.clock, Logger: slog.New(slog.DiscardHandler), Reached: func(_ context.Context, id gomail.AccountID, why string) error {
		f.told = append(f.told, why)
		return nil
	}}
	f.open()
	t.Cleanup(func() { f.store.Close() })
	sealer, _ := seal.New(make([]byte, 32))
	if _, err := f.domains(sealer).Add(t.Context(), "example.com", domains.AddOptions{}); err != nil {
		t.Fatal(err)
	}
	a, err := f.store.AddAccount(t.Context(), gomail.Account{Address: gomail.Address{Local: "anna", Domain: "example.com"}, Created: f.clock()}, "x")
	if err != nil {
		t.Fatal(err)
	}
	f.anna = a
	return f
}

func (f *limited) clock() time.Time        { return time.UnixMicro(f.now.Load()) }
func (f *limited) advance(d time.Duration) { f.now.Add(d.Microseconds()) }
func (f *limited) domains(s *seal.Sealer) *domains.Service {
	return domains.New(domains.Config{Store: f.store, Sealer: s, Hostname: "mail.example.com"})
}

// open opens the store, as at a restart.
func (f *limited) open() {
	st, err := store.Open(context.Background(), store.Options{Dir: f.dir, Clock: f.clock})
	if err != nil {
		f.Fatal(err)
	}
	sealer, _ := seal.New(make([]byte, 32))
	f.store, f.limiter.Store = st, st
	f.Service = outbound.New(outbound.Config{Store: st, Domains: f.domains(sealer), Hostname: "mail.example.com", Clock: f.clock, Limiter: f.limiter})
}

// send submits a message to n recipients as a session does.
func (f *limited) send(n int) error {
	allowance, err := f.limiter.Allow(context.Background(), f.anna.ID)
	if err != nil {
		return err
	}
	e := gomail.Envelope{From: f.anna.Address, Client: gomail.Client{Account: f.anna.ID}}
	for i := range n {
		if err := allowance.Recipients(context.Background(), i+1); err != nil {
			return err
		}
		e.Recipients = append(e.Recipients, gomail.Recipient{Address: gomail.Address{Local: fmt.Sprint("r", i), Domain: "example.net"}})
	}
	_, err = f.Submit(context.Background(), e, shortMessage())
	return err
}

func shortMessage() io.Reader {
	return strings.NewReader("From: anna@example.com\r\nSubject: x\r\n\r\nx\r\n")
}

// An account sends as much as its limits say, also over a restart, and again
// once enough of it has grown old. Administrators hear of it once a day.
func TestSendingLimits(t *testing.T) {
	f := newLimited(t, outbound.Limits{MessagesHour: 3, MessagesDay: 5, RecipientsHour: 10})
	for i := range 3 {
		if err := f.send(1); err != nil {
			t.Fatal(i, err)
		}
	}
	f.throttled(f.send(1), "limit of 3 messages an hour: try again after 04:00 UTC on 4 May")
	f.store.Close()
	f.open()
	f.throttled(f.send(1), "3 messages an hour")
	if len(f.told) != 1 {
		t.Errorf("administrators were told %q", f.told)
	}
	f.advance(time.Hour)
	for i := range 2 {
		if err := f.send(1); err != nil {
			t.Fatal(i, err)
		}
	}
	f.throttled(f.send(1), "limit of 5 messages a day: try again after 03:00 UTC on 5 May")
	f.advance(25 * time.Hour)
	if err := f.send(1); err != nil {
		t.Error(err)
	}
	if err := f.store.Check(t.Context(), func(p string) { t.Error(p) }); err != nil {
		t.Error(err)
	}
}

func (f *limited) throttled(err error, want string) {
	f.Helper()
	if gomail.KindOf(err) != gomail.Throttled || !strings.Contains(err.Error(), want) {
		f.Errorf("%v (%v), want %q", err, gomail.KindOf(err), want)
	}
}

// Recipients count too; a message that never fits is refused for good.
func TestRecipientLimits(t *testing.T) {
	f := newLimited(t, outbound.Limits{RecipientsHour: 10, RecipientsDay: 25})
	if err := f.send(8); err != nil {
		t.Fatal(err)
	}
	f.throttled(f.send(3), "limit of 10 recipients an hour")
	if err := f.send(2); err != nil {
		t.Error(err)
	}
	f.advance(time.Hour)
	if err := f.send(11); gomail.KindOf(err) != gomail.Refused || !strings.Contains(err.Error(), "may send to 10 recipients an hour, and the message has more") {
		t.Errorf("a message that never fits: %v", err)
	}
	if err := f.send(10); err != nil {
		t.Error(err)
	}
	f.advance(time.Hour)
	f.throttled(f.send(6), "limit of 25 recipients a day")
	if err := f.limiter.SetLimits(t.Context(), f.anna.ID, outbound.Limits{MessagesHour: outbound.Inherit, MessagesDay: outbound.Inherit}); err != nil {
		t.Fatal(err)
	}
	if err := f.send(100); err != nil {
		t.Errorf("an account with limits of its own, none for recipients: %v", err)
	}
	for _, bad := range []outbound.Limits{{MessagesDay: -2}, {RecipientsHour: 2e9}} {
		if err := f.limiter.SetLimits(t.Context(), f.anna.ID, bad); gomail.KindOf(err) != gomail.Invalid {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	if err := f.limiter.SetLimits(t.Context(), 12345, outbound.Limits{}); gomail.KindOf(err) != gomail.NotFound {
		t.Errorf("limits of nobody: %v", err)
	}
}

// Many connections at once send no more than one could.
func TestSendingLimitIsExact(t *testing.T) {
	f := newLimited(t, outbound.Limits{MessagesHour: 25})
	f.limiter.Reached = nil
	var sent, refused atomic.Int64
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			for range 5 {
				switch err := f.send(1); gomail.KindOf(err) {
				case gomail.None:
					sent.Add(1)
				case gomail.Throttled:
					refused.Add(1)
				default:
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if sent.Load() != 25 || refused.Load() != 75 {
		t.Errorf("%d were sent and %d refused, want 25 and 75", sent.Load(), refused.Load())
	}
	_, s, err := f.limiter.Sending(t.Context(), f.anna.ID)
	if messages, recipients := s.Count(time.Hour, f.clock()); err != nil || messages != 25 || recipients != 25 {
		t.Errorf("counted %d messages, %d recipients (%v)", messages, recipients, err)
	}
	if err := f.store.RemoveAccount(t.Context(), f.anna.ID); gomail.KindOf(err) != gomail.Exists {
		t.Errorf("an account with mail in the queue was removed: %v", err)
	}
}

// A new account may send less in an hour than others, unless it has limits of
// its own, and as much as they from the second day on.
func TestFirstDay(t *testing.T) {
	f := newLimited(t, outbound.Limits{MessagesHour: 5})
	f.limiter.FirstDay = outbound.Limits{MessagesHour: 2, RecipientsHour: 4}
	if err := f.send(5); gomail.KindOf(err) != gomail.Refused {
		t.Errorf("five recipients: %v", err)
	}
	for range 2 {
		if err := f.send(1); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.send(1); gomail.KindOf(err) != gomail.Throttled || !strings.Contains(err.Error(), "limit of 2 messages an hour") || !strings.HasSuffix(err.Error(), "(an account may send less on its first day)") {
		t.Errorf("a third message: %v", err)
	}
	own := outbound.NoOwnLimits
	own.MessagesHour = 3
	if err := f.limiter.SetLimits(t.Context(), f.anna.ID, own); err != nil {
		t.Fatal(err)
	}
	if err := f.send(1); err != nil {
		t.Errorf("within its own limit: %v", err)
	}
	f.advance(24 * time.Hour)
	if err := f.limiter.SetLimits(t.Context(), f.anna.ID, outbound.NoOwnLimits); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		if err := f.send(1); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.send(1); gomail.KindOf(err) != gomail.Throttled || strings.Contains(err.Error(), "first day") {
		t.Errorf("the day after: %v", err)
	}
}

// A held account is refused, also where its message had begun, and nobody is
// told of a limit.
func TestHeldAccount(t *testing.T) {
	f := newLimited(t, outbound.Limits{})
	allowance, err := f.limiter.Allow(t.Context(), f.anna.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.store.HoldAccount(t.Context(), f.anna.ID, f.clock(), "it looks odd"); err != nil {
		t.Fatal(err)
	}
	if err := allowance.Recipients(t.Context(), 1); err != nil {
		t.Errorf("what had begun: %v", err)
	}
	e := gomail.Envelope{From: f.anna.Address, Client: gomail.Client{Account: f.anna.ID}, Recipients: []gomail.Recipient{{Address: gomail.Address{Local: "r", Domain: "example.net"}}}}
	if _, err := f.Submit(t.Context(), e, shortMessage()); gomail.KindOf(err) != gomail.Throttled || !strings.Contains(err.Error(), "it looks odd; ask your administrator") {
		t.Errorf("it ends: %v", err)
	}
	if err := f.send(1); gomail.KindOf(err) != gomail.Throttled {
		t.Errorf("a new one: %v", err)
	}
	if _, err := f.store.ReleaseAccount(t.Context(), f.anna.ID, f.clock()); err != nil {
		t.Fatal(err)
	}
	if err := f.send(1); err != nil || len(f.told) != 0 {
		t.Errorf("released: %v, %v", err, f.told)
	}
}
