package storetest

import (
	"errors"
	"math"
	"slices"

	"gomail"
	"gomail/textindex"
)

// testTextIndex holds the text indexes to what mailbox.TextStore says.
func testTextIndex(f *fixture) {
	a, _ := f.account("anna")
	b, _ := f.account("bert")
	put := func(account gomail.AccountID, replaced []int64, texts map[gomail.MessageID]string) {
		f.Helper()
		f.ok(putText(f, account, replaced, texts))
	}
	expect := func(account gomail.AccountID, through gomail.MessageID, needle string, want ...gomail.MessageID) {
		f.Helper()
		reached, found, err := f.store.FindText(f.ctx, account, [][]textindex.Gram{textindex.Needle(needle), textindex.Needle("common")})
		f.ok(err)
		if reached != through || len(found) != 2 || !slices.Equal(found[0], want) {
			f.Errorf("%q: %v up to %d, want %v up to %d", needle, found, reached, want, through)
		}
	}
	expect(a, 0, "alpha")
	put(a, nil, map[gomail.MessageID]string{3: "alpha common", 7: "beta common"})
	put(a, nil, map[gomail.MessageID]string{9: "alpha", 1 << 40: "gamma alphabet"})
	put(b, nil, map[gomail.MessageID]string{5: "alpha"})
	expect(a, 1<<40, "alpha", 3, 9, 1<<40)
	expect(a, 1<<40, "delta")
	expect(b, 5, "alpha", 5)

	segments, err := f.store.TextSegments(f.ctx, a)
	f.ok(err)
	if len(segments) != 2 || !slices.Equal(segments[1].Messages, []gomail.MessageID{9, 1 << 40}) {
		f.Fatalf("the segments are %v", segments)
	}
	postings, err := f.store.TextPostings(f.ctx, a, segments[0].ID, textindex.Stretch{First: 0, End: textindex.Any + 1})
	f.ok(err)
	if !slices.IsSortedFunc(postings, func(a, b textindex.Posting) int { return int(a.Gram) - int(b.Gram) }) || len(postings) < 10 {
		f.Errorf("%d postings", len(postings))
	}

	f.kind(f.store.PutTextSegment(f.ctx, a, []gomail.MessageID{3, 9}, failing, []int64{segments[0].ID, segments[1].ID}), gomail.Unavailable)
	expect(a, 1<<40, "alpha", 3, 9, 1<<40)
	put(a, []int64{segments[0].ID, segments[1].ID}, map[gomail.MessageID]string{3: "alpha common", 9: "alpha", 1 << 40: "gamma"})
	expect(a, 1<<40, "alpha", 3, 9)
	f.ok(f.store.PutTextSegment(f.ctx, a, []gomail.MessageID{1<<40 + 1}, anything, nil))
	expect(a, 1<<40+1, "alpha", 3, 9, 1<<40+1)
	f.ok(f.store.DropTextIndex(f.ctx, a))
	expect(a, 0, "alpha")
	expect(b, 5, "alpha", 5)

	f.ok(f.store.RemoveAccount(f.ctx, b))
	expect(b, 0, "alpha")
}

// putText adds a segment of messages with these texts.
func putText(f *fixture, account gomail.AccountID, replaced []int64, texts map[gomail.MessageID]string) error {
	var builder textindex.Builder
	var text textindex.Text
	var ids []gomail.MessageID
	for id := range texts {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		text.Reset()
		text.Add(texts[id])
		builder.Add(id, text.Grams())
	}
	return f.store.PutTextSegment(f.ctx, account, builder.Messages(), builder.Postings(), replaced)
}

// failing are postings that end with an error.
func failing(yield func(textindex.Posting, error) bool) {
	yield(textindex.Posting{}, gomail.Errorf(gomail.Unavailable, "no more: %w", errors.ErrUnsupported))
}

// anything is the posting of one message of which nothing is known.
func anything(yield func(textindex.Posting, error) bool) {
	yield(textindex.Posting{Gram: textindex.Any, Stored: []byte{0, 0}}, nil)
}

func testMessagesFrom(f *fixture) {
	a, inbox := f.account("anna")
	b, other := f.account("bert")
	var want []gomail.MessageID
	for range 5 {
		f.fill(a, inbox, 1)
		f.fill(b, other, 1)
	}
	for _, e := range f.snapshot(a, inbox).Entries {
		want = append(want, e.Message)
	}
	get := func(first, last gomail.MessageID, limit int) []gomail.MessageID {
		f.Helper()
		ids, err := f.store.MessagesFrom(f.ctx, a, first, last, limit)
		f.ok(err)
		return ids
	}
	if got := get(0, math.MaxInt64, 100); !slices.Equal(got, want) {
		f.Errorf("all are %v, want %v", got, want)
	}
	if got := get(want[1], want[3], 2); !slices.Equal(got, want[1:3]) {
		f.Errorf("two of three are %v, want %v", got, want[1:3])
	}
}
