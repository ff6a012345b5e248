package store_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gomail"
	"gomail/inbound"
	"gomail/store"
)

var (
	growth    = flag.Int("growth", 0, "fill a store with so many messages and measure it; 0: do not")
	growthDir = flag.String("growth-dir", "", "where TestGrowth keeps its store; a full one is used again")
)

// TestGrowth fills a store and says how it compares with an empty one: taking
// mail in, opening, backing up while mail comes in, restoring, checking.
//
//	go test ./store -run TestGrowth -growth 2000000 -timeout 60m -v
func TestGrowth(t *testing.T) {
	if *growth == 0 {
		t.Skip("asked for with -growth")
	}
	dir := *growthDir
	if dir == "" {
		dir = t.TempDir()
	}
	g := &grown{T: t, dir: filepath.Join(dir, "full"), people: max(1, *growth/100)}
	g.fill()
	g.compareIngest()
	g.reopen()
	g.backUp(filepath.Join(dir, "backup"), filepath.Join(dir, "restored"))
}

type grown struct {
	*testing.T
	dir    string
	people int
	s      *store.Store
	all    []gomail.AccountID
}

func (g *grown) took(what string, begun time.Time) {
	g.Logf("%-60s %8.2f s", what, time.Since(begun).Seconds())
}

// fill delivers until there are enough messages: a body for ten recipients
// each time, as of a mailing list.
func (g *grown) fill() {
	begun := time.Now()
	g.s = open(g.T, g.dir)
	g.took("open before", begun)
	g.all = makeAccounts(g.T, g.s, g.people)
	have := messagesIn(g.T, g.s, g.all)
	if have >= *growth {
		return
	}
	begun = time.Now()
	var next atomic.Int64
	next.Store(int64(have))
	var wg sync.WaitGroup
	for w := range 64 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(w), 1))
			for next.Add(10) <= int64(*growth) {
				if err := bring(g.s, g.all, r, 10); err != nil {
					g.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	g.took(fmt.Sprintf("fill from %d to %d messages in %d accounts", have, *growth, g.people), begun)
	g.s.Close()
	g.s = open(g.T, g.dir)
}

func makeAccounts(t *testing.T, s *store.Store, n int) (all []gomail.AccountID) {
	t.Helper()
	known, err := s.Accounts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range known {
		all = append(all, a.ID)
	}
	s.AddDomain(t.Context(), gomail.Domain{Name: "example.com"}, nil)
	ids := make([]gomail.AccountID, n)
	var wg sync.WaitGroup
	for w := range 64 {
		wg.Go(func() {
			for i := len(all) + w; i < n; i += 64 {
				a, err := s.AddAccount(context.Background(), gomail.Account{Address: gomail.Address{Local: fmt.Sprintf("p%06d", i), Domain: "example.com"}}, "x")
				if err != nil {
					t.Error(err)
					return
				}
				ids[i] = a.ID
			}
		})
	}
	wg.Wait()
	copy(ids, all)
	return ids
}

func messagesIn(t *testing.T, s *store.Store, all []gomail.AccountID) (n int) {
	t.Helper()
	for _, id := range all {
		boxes, err := s.Mailboxes(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		for _, box := range boxes { // nothing is copied here
			n += int(box.Total)
		}
	}
	return n
}

// bring delivers one small message to some accounts.
func bring(s *store.Store, all []gomail.AccountID, r *rand.Rand, recipients int) error {
	body := s.Stage()
	defer body.Close()
	size := 500 + r.IntN(1500)
	if _, err := body.Write(text(r.IntN(1<<30), size)); err != nil {
		return err
	}
	d := inbound.Delivery{Body: body, Index: make([]byte, 400)}
	first := r.IntN(len(all))
	for i := range recipients {
		d.Messages = append(d.Messages, inbound.Incoming{
			Account: all[(first+i*7919)%len(all)], Role: gomail.RoleInbox, Received: time.Now(),
			Prefix: fmt.Appendf(nil, "Return-Path: <a@x.test>\r\nDelivered-To: p@example.com\r\nReceived: from mx.x.test by mail.example.com; %d\r\n", i),
		})
	}
	return s.Deliver(context.Background(), d)
}

// pace is how many messages a second were delivered, and what each took of
// the processor and wrote. The last two are steady where others work too.
type pace struct{ rate, micros, octets float64 }

func (p pace) String() string {
	return fmt.Sprintf("%6.0f/s (%3.0f µs, %2.0f KB each)", p.rate, p.micros, p.octets/1000)
}

// ingest delivers to single accounts for a while.
func ingest(t *testing.T, s *store.Store, all []gomail.AccountID, senders int, d time.Duration) pace {
	t.Helper()
	cpu, written := cpuTime(), octetsWritten(t)
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	begun := time.Now()
	var n atomic.Int64
	var wg sync.WaitGroup
	for w := range senders {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(w), uint64(begun.UnixNano())))
			for ctx.Err() == nil {
				if err := bring(s, all, r, 1); err != nil {
					t.Error(err)
					return
				}
				n.Add(1)
			}
		})
	}
	wg.Wait()
	each := float64(n.Load())
	return pace{each / time.Since(begun).Seconds(), float64((cpuTime() - cpu).Microseconds()) / each, float64(octetsWritten(t)-written) / each}
}

// compareIngest delivers to the full store and to one without mail in turns:
// to a hundred accounts, as are busy at a time, and to all of as many.
func (g *grown) compareIngest() {
	empty := open(g.T, g.TempDir())
	same := makeAccounts(g.T, empty, g.people)
	for _, n := range []int{min(100, g.people), g.people} {
		for _, senders := range []int{1, 64} {
			var ratios []float64
			for range 5 {
				e, f := ingest(g.T, empty, same[:n], senders, 3*time.Second), ingest(g.T, g.s, g.all[:n], senders, 3*time.Second)
				g.Logf("%d senders to %d accounts: empty %v, full %v, %.2f", senders, n, e, f, f.rate/e.rate)
				ratios = append(ratios, f.rate/e.rate)
			}
			slices.Sort(ratios)
			g.Logf("%d senders to %d accounts: median %.2f of an empty store", senders, n, ratios[len(ratios)/2])
		}
	}
	empty.Close()
}

func (g *grown) reopen() {
	g.s.Close()
	begun := time.Now()
	g.s = open(g.T, g.dir)
	g.took("open", begun)
}

// backUp backs up while mail comes in, again when little has changed, then
// restores and checks.
func (g *grown) backUp(to, data string) {
	os.RemoveAll(data)
	alone := ingest(g.T, g.s, g.all, 64, 3*time.Second).rate
	for range 2 {
		var wal, most int64
		ctx, stop := context.WithCancel(g.Context())
		var wg sync.WaitGroup
		var rate float64
		wg.Go(func() {
			for ctx.Err() == nil {
				rate = ingest(g.T, g.s, g.all, 64, time.Second).rate
			}
		})
		wg.Go(func() {
			for ctx.Err() == nil {
				if info, err := os.Stat(filepath.Join(g.dir, "gomail.db-wal")); err == nil {
					wal = info.Size()
					most = max(most, wal)
				}
				time.Sleep(20 * time.Millisecond)
			}
		})
		begun := time.Now()
		r, err := g.s.Backup(g.Context(), store.BackupOptions{To: to})
		g.took("backup while mail comes in", begun)
		stop()
		wg.Wait()
		if err != nil {
			g.Fatal(err)
		}
		g.Logf("%d MB, %d MB copied, %d files, %q; ingest %.0f/s (alone %.0f/s), log at most %d MB", r.Octets>>20, r.Copied>>20, len(r.Files), r.Problems, rate, alone, most>>20)
	}
	begun := time.Now()
	if _, err := store.Restore(g.Context(), store.RestoreOptions{From: to, To: data}); err != nil {
		g.Fatal(err)
	}
	g.took("restore", begun)
	begun = time.Now()
	restored := open(g.T, data)
	g.took("open what was restored", begun)
	begun = time.Now()
	clean(g.T, restored)
	g.took("check", begun)
}
