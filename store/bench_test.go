package store_test

import (
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"gomail"
	"gomail/inbound"
	"gomail/mailbox"
	"gomail/store"
)

// addAccounts makes accounts with the standard mailboxes.
func addAccounts(t testing.TB, s *store.Store, n int) []gomail.AccountID {
	t.Helper()
	_, err := s.AddDomain(t.Context(), gomail.Domain{Name: "example.com", Created: time.Now()}, nil)
	if err != nil {
		t.Fatal(err)
	}
	ids := make([]gomail.AccountID, n)
	for i := range ids {
		address, err := gomail.ParseAddress(fmt.Sprintf("u%d@example.com", i))
		if err != nil {
			t.Fatal(err)
		}
		account, err := s.AddAccount(t.Context(), gomail.Account{Address: address}, "-")
		if err != nil {
			t.Fatal(err)
		}
		ids[i] = account.ID
	}
	return ids
}

// BenchmarkDeliver delivers 4 KB messages to 100 accounts from 64 senders,
// and says what each costs beside time.
func BenchmarkDeliver(b *testing.B) { benchmarkDeliver(b, 32) }

// BenchmarkDeliverAlone does it from one sender, who waits for two syncs each
// time.
func BenchmarkDeliverAlone(b *testing.B) { benchmarkDeliver(b, 0) }

func benchmarkDeliver(b *testing.B, parallelism int) {
	s := open(b, b.TempDir())
	ids := addAccounts(b, s, 100)
	text := []byte(strings.Repeat("some words that are in a line of text, more or less as people write\r\n", 57))
	prefix, index := make([]byte, 700), make([]byte, 350)
	var next atomic.Int64
	deliver := func() {
		n := next.Add(1)
		body := s.Stage()
		defer body.Close()
		fmt.Fprintf(body, "X-Number: %d\r\n", n)
		body.Write(text)
		if err := s.Deliver(b.Context(), inbound.Delivery{Body: body, Index: index, Messages: []inbound.Incoming{
			{Account: ids[n%100], Role: gomail.RoleInbox, Prefix: prefix, Received: time.Now()},
		}}); err != nil {
			b.Error(err)
		}
	}
	cpu, written := cpuTime(), octetsWritten(b)
	b.ResetTimer()
	if parallelism == 0 {
		for range b.N {
			deliver()
		}
	} else {
		b.SetParallelism(parallelism)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				deliver()
			}
		})
	}
	b.StopTimer()
	b.ReportMetric(float64(cpuTime()-cpu)/float64(b.N)/1000, "cpu-µs/op")
	b.ReportMetric(float64(octetsWritten(b)-written)/float64(b.N), "written-B/op")
	commits, _ := s.Commits()
	b.ReportMetric(float64(b.N)/float64(commits), "op/commit")
}

func cpuTime() time.Duration {
	var u unix.Rusage
	unix.Getrusage(unix.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// octetsWritten is what this process has handed to write(2) and its kin.
func octetsWritten(t testing.TB) (n int64) {
	text, err := os.ReadFile("/proc/self/io")
	if err != nil {
		t.Fatal(err)
	}
	fmt.Sscanf(strings.SplitN(string(text), "wchar: ", 2)[1], "%d", &n)
	return n
}

// BenchmarkOpening reads a mailbox of 128,000 entries, and what changed in it.
func BenchmarkOpening(b *testing.B) {
	s := open(b, b.TempDir())
	account := addAccounts(b, s, 1)[0]
	boxes, err := s.Mailboxes(b.Context(), account)
	if err != nil {
		b.Fatal(err)
	}
	inbox := boxes[0].ID
	batch := make([]mailbox.Append, 250)
	for i := range batch {
		batch[i].Body = s.Stage()
	}
	if _, err := s.AppendMessages(b.Context(), account, inbox, batch); err != nil {
		b.Fatal(err)
	}
	for range 9 {
		snap, err := s.Snapshot(b.Context(), account, inbox)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := s.CopyMessages(b.Context(), within(account, inbox, inbox, uidsOf(snap.Entries))); err != nil {
			b.Fatal(err)
		}
	}
	snap, err := s.Snapshot(b.Context(), account, inbox)
	if err != nil || len(snap.Entries) != 128_000 {
		b.Fatal(len(snap.Entries), err)
	}
	b.Run("Snapshot", func(b *testing.B) {
		for b.Loop() {
			s.Snapshot(b.Context(), account, inbox)
		}
	})
	if _, err := s.SetFlags(b.Context(), account, inbox, []gomail.UID{5, 5000, 90_000}, mailbox.FlagChange{Flags: gomail.FlagFlagged, UnchangedSince: -1}); err != nil {
		b.Fatal(err)
	}
	b.Run("Changes", func(b *testing.B) {
		for b.Loop() {
			if d, err := s.Changes(b.Context(), account, inbox, snap.Seq); err != nil || len(d.Changed) != 3 {
				b.Fatal(d, err)
			}
		}
	})
}
