package store_test

import (
	"math"
	"testing"

	"gomail"
	"gomail/store"
	"gomail/textindex"
)

// whileMerging runs f where a merge reads the parts that it writes together.
func whileMerging(t *testing.T, s *store.Store, account gomail.AccountID, f func() error) error {
	t.Helper()
	return s.PutTextSegment(t.Context(), account, []gomail.MessageID{1 << 30}, func(yield func(textindex.Posting, error) bool) {
		yield(textindex.Posting{}, f())
	}, nil)
}

// Damage that a merge comes upon ends the merge, and the index is made anew.
func TestDamageWhileMerging(t *testing.T) {
	s := open(t, t.TempDir())
	account := newPeople(t, s, 1).accounts[0]
	if err := s.PutTextSegment(t.Context(), account, []gomail.MessageID{1}, func(yield func(textindex.Posting, error) bool) {
		yield(textindex.Posting{Gram: textindex.Any, Stored: []byte{9}}, nil)
	}, nil); err != nil {
		t.Fatal(err)
	}
	err := whileMerging(t, s, account, func() error {
		_, _, err := s.FindText(t.Context(), account, [][]textindex.Gram{{textindex.Any}})
		return err
	})
	if gomail.KindOf(err) != gomail.Unavailable {
		t.Errorf("the merge: %v", err)
	}
	if n := reaches(t, s, account); n != 0 {
		t.Errorf("after it the index reaches %d", n)
	}
	indexOne(t, s, account, 1)
	if n := reaches(t, s, account); n != 1 {
		t.Errorf("the new index reaches %d", n)
	}
}

// A store that is closed while segments are merged ends the merge.
func TestCloseWhileMerging(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	account := newPeople(t, s, 1).accounts[0]
	if err := bringTo(t, s, account); err != nil {
		t.Fatal(err)
	}
	ids, err := s.MessagesFrom(t.Context(), account, 0, math.MaxInt64, 1)
	if err != nil {
		t.Fatal(err)
	}
	indexOne(t, s, account, ids[0])
	closed := make(chan error, 1)
	err = whileMerging(t, s, account, func() error {
		go func() { closed <- s.Close() }()
		for {
			if _, err := s.TextPostings(t.Context(), account, 1, textindex.Stretch{First: 0, End: textindex.Any}); err != nil {
				return err
			}
		}
	})
	if gomail.KindOf(err) != gomail.Closed {
		t.Errorf("the merge: %v", err)
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
	if n := reaches(t, open(t, dir), account); n != ids[0] {
		t.Errorf("afterwards the index reaches %d", n)
	}
}
