package store

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gomail"
	"gomail/mailbox"
)

// randomEntries returns entries such as mailboxes hold, and odd ones.
func randomEntries(r *rand.Rand, n int) []entry {
	var all []entry
	e := entry{Entry: mailbox.Entry{UID: gomail.UID(2 + r.IntN(5)), Message: gomail.MessageID(r.IntN(1000)), Received: 1_700_000_000_000_000}}
	for range n {
		e.UID += 1 + gomail.UID(r.IntN(3))
		e.Message += gomail.MessageID(r.IntN(2000) - 300)
		e.Flags = gomail.Flags(r.IntN(32))
		e.Keywords = strings.Repeat("work $Forwarded"[:r.IntN(15)+1], r.IntN(8)/6*(1+r.IntN(9)))
		e.ModSeq = gomail.ModSeq(r.Int64N(1 << (1 + r.IntN(62))))
		e.Size = r.Int64N(1 << (1 + r.IntN(40)))
		e.Received += r.Int64N(1<<40) - 1<<38
		e.saved = e.Received + r.Int64N(1<<30)
		if r.IntN(10) == 0 {
			e.saved = 0
		}
		all = append(all, e)
	}
	return all
}

func readAllOf(first gomail.UID, stored []byte) (all []entry, err error) {
	r := readPage(first, stored)
	for r.next() {
		all = append(all, r.at)
	}
	return all, r.err
}

func TestPageKeepsEntries(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		all := randomEntries(r, 1+r.IntN(120))
		p := newPage(all[0].UID)
		for i := range all {
			p.add(&all[i])
			if r.IntN(40) == 0 { // it is read again and goes on as it was
				loaded, err := loadPage(p.first, p.writer.sealed(p.first))
				if err != nil || loaded.span != p.span || loaded.count != p.count {
					t.Fatalf("loaded as %+v, %v: want %+v", loaded, err, p)
				}
				p = loaded
			}
		}
		got, err := readAllOf(p.first, p.writer.sealed(p.first))
		if err != nil || !slices.Equal(got, all) {
			t.Fatalf("%v: got %+v, want %+v", err, got, all)
		}
	}
}

// A page that is changed is divided where it became too large, and holds the
// same as before.
func TestPageIsDivided(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		all := randomEntries(r, 1+r.IntN(400))
		p := &page{first: all[0].UID - gomail.UID(r.IntN(3)), open: true, entries: slices.Clone(all), stored: true, last: true}
		parts := p.pack()
		var got []entry
		for i, part := range parts {
			if n := len(part.writer.octets); n > maxPage && part.count > 1 {
				t.Errorf("a part has %d octets", n)
			}
			if part.stored != (i == 0) || part.last != (i == len(parts)-1) || !part.changed {
				t.Errorf("part %d of %d: stored %v, last %v, changed %v", i, len(parts), part.stored, part.last, part.changed)
			}
			entries, err := readAllOf(part.first, part.writer.sealed(part.first))
			if err != nil || part.first > entries[0].UID {
				t.Fatalf("from %d: %v", part.first, err)
			}
			got = append(got, entries...)
		}
		if !slices.Equal(got, all) {
			t.Fatalf("got %+v, want %+v", got, all)
		}
	}
}

func TestDamagedPageIsFound(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 2000 {
		all := randomEntries(r, 1+r.IntN(60))
		p := newPage(all[0].UID)
		for i := range all {
			p.add(&all[i])
		}
		stored := p.writer.sealed(p.first)
		stored[r.IntN(len(stored))] ^= 1 << r.IntN(8)
		if _, err := readAllOf(p.first, stored); gomail.KindOf(err) != gomail.Corrupt {
			t.Fatalf("a flipped bit: %v", err)
		}
		if _, err := loadPage(p.first, stored[:r.IntN(len(stored))]); err == nil {
			t.Fatal("a page that is cut short is loaded")
		}
	}
}

// FuzzPage reads octets that match their checksum and are no page.
func FuzzPage(f *testing.F) {
	for _, e := range randomEntries(rand.New(rand.NewPCG(7, 8)), 30) {
		p := newPage(e.UID)
		p.add(&e)
		f.Add(uint32(p.first), p.writer.octets)
	}
	f.Fuzz(func(t *testing.T, first uint32, octets []byte) {
		w := pageWriter{octets: octets}
		all, err := readAllOf(gomail.UID(first), w.sealed(gomail.UID(first)))
		if len(all) > len(octets) {
			t.Errorf("%d entries in %d octets", len(all), len(octets))
		}
		if err != nil && gomail.KindOf(err) != gomail.Corrupt {
			t.Errorf("refused with %v", err)
		}
		unpackGone(gomail.UID(first), octets)
	})
}

func TestGoneKeepsEntries(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	for range 500 {
		var all []gone
		e := gone{uid: gomail.UID(1 + r.IntN(1000))}
		for range 1 + r.IntN(goneInRow) {
			e.uid += 1 + gomail.UID(r.IntN(100))
			e.message = gomail.MessageID(r.Int64N(1 << (1 + r.IntN(60))))
			e.whole = r.IntN(2) == 0
			all = append(all, e)
		}
		got, err := unpackGone(all[0].uid, packGone(all))
		if err != nil || !slices.Equal(got, all) {
			t.Fatalf("%v: got %+v, want %+v", err, got, all)
		}
	}
}
