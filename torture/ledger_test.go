package main

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
)

func inboxOf(names ...string) (l listing) {
	l.validity, l.next = 7, imap.UID(len(names)+1)
	for i, name := range names {
		l.messages = append(l.messages, stored{uid: imap.UID(i + 1), name: name, whole: true})
	}
	return l
}

func expect(t *testing.T, wrong []string, part string) {
	t.Helper()
	if part == "" && len(wrong) > 0 || part != "" && !strings.Contains(strings.Join(wrong, "\n"), part) {
		t.Errorf("found %q, want %q", wrong, part)
	}
}

func TestInbox(t *testing.T) {
	fresh := func() *inbox {
		i := newInbox(anna)
		i.note(there, "a")
		i.note(unsure, "u")
		i.note(leaving, "l")
		i.note(gone, "g")
		return i
	}
	expect(t, fresh().verify(inboxOf("a", "u", "l")), "")
	expect(t, fresh().verify(inboxOf("a")), "")
	expect(t, fresh().verify(inboxOf("u")), "a was acknowledged and is lost")
	expect(t, fresh().verify(inboxOf("a", "u", "u")), "u is there 2 times")
	expect(t, fresh().verify(inboxOf("a", "g")), "g was expunged and is back")
	expect(t, fresh().verify(inboxOf("a", "x")), "nobody sent")
	no := fresh()
	no.note(refused, "r")
	expect(t, no.verify(inboxOf("a")), "")
	no.note(refused, "r")
	expect(t, no.verify(inboxOf("a", "r")), "r was refused and is there")
	i := fresh()
	expect(t, i.verify(inboxOf("a", "u")), "")
	expect(t, i.verify(inboxOf("u", "a")), "UID 1 was a and is u")
	again := inboxOf("a", "u")
	again.validity = 8
	expect(t, i.verify(again), "UIDVALIDITY was 7 and is 8")
	again = inboxOf("a")
	expect(t, i.verify(again), "u was acknowledged and is lost")
	expect(t, i.verify(again), "UID 2 was given, and the next is 2")
	half := inboxOf("a")
	half.messages[0].whole = false
	expect(t, fresh().verify(half), "is not whole")
}

// After a cut mailboxes are as before the command that was under way, or as
// after it, never in between.
func TestFolders(t *testing.T) {
	boxes := func(a, b listing) map[string]listing { return map[string]listing{"a": a, "b": b} }
	moving := func() *folders {
		f := newFolders(bert, "a", "b")
		f.begin(func(c contents) { c["a"]["1"], c["a"]["2"] = entry{}, entry{} })
		f.acknowledged("a", map[string]imap.UID{"1": 1, "2": 2})
		f.begin(func(c contents) {
			for _, name := range []string{"1", "2"} {
				delete(c["a"], name)
				c["b"][name] = entry{}
			}
		})
		return f
	}
	empty := listing{validity: 7, next: 3}
	expect(t, moving().verify(boxes(inboxOf("1", "2"), listing{validity: 7, next: 1})), "")
	expect(t, moving().verify(boxes(empty, inboxOf("1", "2"))), "")
	expect(t, moving().verify(boxes(inboxOf("1"), inboxOf("2"))), "2 was acknowledged and is lost")
	expect(t, moving().verify(boxes(empty, listing{validity: 7, next: 1})), "lost")
	f := moving()
	f.refused()
	expect(t, f.verify(boxes(empty, inboxOf("1", "2"))), "should not be there")
}

func TestMessages(t *testing.T) {
	message := text("l1-c2-in3-4", anna)
	if name, whole := nameOf(message); name != "l1-c2-in3-4" || !whole {
		t.Errorf("%q, %v", name, whole)
	}
	message[len(message)-3]++
	if _, whole := nameOf(message); whole {
		t.Error("a changed octet was not seen")
	}
}

func TestSlope(t *testing.T) {
	var all []stretch
	for _, level := range []float64{100, 900} { // a restart is no growth
		var s stretch
		for i := range 600 {
			at := time.Duration(i) * time.Second
			s = append(s, reading{at, sample{memory: int64(level*1000 + 3600*at.Hours()*10 + float64(i%3))}})
		}
		all = append(all, s)
	}
	perHour, noise := slope(all, time.Minute, func(r reading) float64 { return float64(r.memory) })
	if math.Abs(perHour-36000) > 3*noise+10 || noise > 100 {
		t.Errorf("%.0f ± %.0f an hour", perHour, noise)
	}
}
