package imapd_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gomail"
	"gomail/mailbox"
	"gomail/store"
)

// TestNotifiedMirrors has clients change a mailbox at random while others only
// listen. Whoever believes what it is told, at once or with expunges held back,
// knows the mailbox in the end; and no sequence number is out of place.
func TestNotifiedMirrors(t *testing.T) { testNotifiedMirrors(t, newHouse(t, implicit())) }

// TestNotifiedMirrorsWithoutLog does the same where changes have to be found by
// comparing everything.
func TestNotifiedMirrorsWithoutLog(t *testing.T) {
	testNotifiedMirrors(t, newHouseOver(t, implicit(), func(s *store.Store) mailbox.Store { return forgetful{s} }))
}

func testNotifiedMirrors(t *testing.T, h *house) {
	for range 20 {
		h.deliver("INBOX", "Subject: x\n\nbody\n", 0)
	}
	const events = "(MessageNew (UID FLAGS) MessageExpunge FlagChange)"
	var listeners, changers []*mirror
	for i, command := range []string{"NOTIFY SET (selected " + events + ")", "NOTIFY SET (selected-delayed " + events + ") (personal (MessageNew MessageExpunge FlagChange MailboxName))", "NOOP", "NOOP"} {
		m := &mirror{session: h.session(t)}
		m.take(m.ok("SELECT INBOX"))
		m.take(m.ok("%s", command))
		if i < 2 {
			listeners = append(listeners, m)
		} else {
			changers = append(changers, m)
		}
	}
	var wg sync.WaitGroup
	for i, m := range changers {
		wg.Go(func() { m.wander(rand.New(rand.NewPCG(uint64(i), 5))) })
	}
	wg.Wait()
	want := ""
	for _, m := range append(changers, listeners...) {
		m.take(m.ok("NOOP"))
		m.take(m.ok("UID FETCH 1:* (FLAGS)"))
		got := fmt.Sprint(m.uids)
		if want == "" {
			want = got
		}
		if got != want {
			t.Errorf("%s and %s", got, want)
		}
	}
}

// crowded is a store with more mailboxes than there are, or with none that can
// be read.
type crowded struct {
	*store.Store
	more   *atomic.Int64
	broken *atomic.Bool
}

// Mailboxes implements mailbox.Store.
func (c crowded) Mailboxes(ctx context.Context, account gomail.AccountID) ([]gomail.Mailbox, error) {
	all, err := c.Store.Mailboxes(ctx, account)
	for i := range c.more.Load() {
		all = append(all, gomail.Mailbox{ID: gomail.MailboxID(1<<40 + i), Path: fmt.Sprint("many/", i)})
	}
	if c.broken.Load() {
		err = gomail.Errorf(gomail.Unavailable, "the disk is gone")
	}
	return all, err
}

// TestNotifyOverflow: where the mailboxes cannot be looked at, or are too many,
// the client is told that it has to look for itself.
func TestNotifyOverflow(t *testing.T) {
	c := crowded{more: &atomic.Int64{}, broken: &atomic.Bool{}}
	h := newHouseOver(t, implicit(), func(s *store.Store) mailbox.Store {
		c.Store = s
		return c
	})
	const command = "NOTIFY SET (personal (MessageNew MessageExpunge MailboxName)) (selected (MessageNew MessageExpunge))"
	for name, trouble := range map[string]func(bool){
		"too many": func(on bool) { c.more.Store(map[bool]int64{true: 5001}[on]) },
		"broken":   func(on bool) { c.broken.Store(on) },
	} {
		s := h.session(t)
		s.ok(command)
		trouble(true)
		h.store.CreateMailbox(t.Context(), h.anna.ID, 0, name, "") // whatever is told of it, it cannot be looked at
		if line := s.line(); !strings.HasPrefix(line, "* OK [NOTIFICATIONOVERFLOW] Notifications end here") {
			t.Errorf("%s: %q", name, line)
		}
		trouble(false)
		h.deliver("Archive", "Subject: x\n\nbody\n", 0) // is not told
		if lines := s.ok("NOOP"); len(lines) > 1 {
			t.Errorf("%s: %q", name, lines)
		}
		s.ok(command)
	}
	c.more.Store(5001)
	s := h.session(t)
	if lines := s.do(command); !strings.Contains(lines[len(lines)-1], " NO [NOTIFICATIONOVERFLOW] ") {
		t.Errorf("%q", lines)
	}
	s.ok("NOTIFY SET (selected (MessageNew MessageExpunge))")
}

// vanishing is a store in which a mailbox is deleted between the moments at
// which its name and its metadata are read.
type vanishing struct {
	*store.Store
	gone *atomic.Int64 // the mailbox, 0: none
}

// MetadataMarks implements mailbox.Store.
func (v vanishing) MetadataMarks(ctx context.Context, account gomail.AccountID) ([]mailbox.MetadataMark, error) {
	if id := v.gone.Swap(0); id != 0 {
		if err := v.DeleteMailbox(ctx, account, gomail.MailboxID(id)); err != nil {
			return nil, err
		}
	}
	return v.Store.MetadataMarks(ctx, account)
}

// TestNotifyOfADeletion: of a mailbox that goes while news are gathered the
// client hears that it is gone, and nothing of its metadata.
func TestNotifyOfADeletion(t *testing.T) {
	v := vanishing{gone: &atomic.Int64{}}
	h := newHouseOver(t, implicit(), func(s *store.Store) mailbox.Store {
		v.Store = s
		return v
	})
	box, err := h.store.CreateMailbox(t.Context(), h.anna.ID, 0, "Brief", "")
	if err != nil {
		t.Fatal(err)
	}
	if err := h.store.SetMetadata(t.Context(), mailbox.Place{Account: h.anna.ID, Mailbox: box.ID}, h.anna.ID, []mailbox.Metadata{{Entry: "/private/comment", Value: []byte("x")}}); err != nil {
		t.Fatal(err)
	}
	s := h.session(t)
	s.ok("NOTIFY SET (personal (MailboxName MailboxMetadataChange))")
	v.gone.Store(int64(box.ID))
	h.store.CreateMailbox(t.Context(), h.anna.ID, 0, "Another", "")
	for _, want := range []string{`* LIST (\HasNoChildren \Subscribed) "/" Another`, `* LIST (\NonExistent) "/" Brief`} {
		if line := s.line(); line != want {
			t.Errorf("it is told %q, want %q", line, want)
		}
	}
}

// BenchmarkNews measures the time from a delivery to what a waiting client is
// told of it, by the ways in which clients wait.
func BenchmarkNews(b *testing.B) {
	for _, way := range []struct{ name, commands string }{
		{"Idle", "b SELECT INBOX\r\nc IDLE\r\n"},
		{"NotifySelected", "b SELECT INBOX\r\nc NOTIFY SET (selected (MessageNew MessageExpunge))\r\n"},
		{"NotifyOther", "c NOTIFY SET (personal (MessageNew MessageExpunge))\r\n"},
	} {
		b.Run(way.name, func(b *testing.B) {
			h := newHouse(b, implicit())
			c := h.dialTLS()
			r := bufio.NewReader(c)
			fmt.Fprint(c, "a LOGIN anna@example.com secret\r\n"+way.commands)
			for line := ""; !strings.HasPrefix(line, "c OK") && !strings.HasPrefix(line, "+ "); line, _ = r.ReadString('\n') {
			}
			var waited time.Duration
			for b.Loop() {
				h.deliver("INBOX", "Subject: x\n\nbody\n", 0)
				began := time.Now()
				if line, err := r.ReadString('\n'); err != nil || !strings.HasPrefix(line, "* ") {
					b.Fatal(line, err)
				}
				waited += time.Since(began)
			}
			b.ReportMetric(float64(waited.Microseconds())/float64(b.N), "µs/news")
		})
	}
}
