package store_test

import (
	"math"
	"os"
	"path/filepath"
	"testing"

	"gomail"
	"gomail/store"
	"gomail/textindex"
)

// indexOne gives an account an index of one message.
func indexOne(t *testing.T, s *store.Store, account gomail.AccountID, id gomail.MessageID) {
	t.Helper()
	var b textindex.Builder
	var text textindex.Text
	text.Add("alpha")
	b.Add(id, text.Grams())
	if err := s.PutTextSegment(t.Context(), account, b.Messages(), b.Postings(), nil); err != nil {
		t.Fatal(err)
	}
}

func reaches(t *testing.T, s *store.Store, account gomail.AccountID) gomail.MessageID {
	t.Helper()
	through, _, err := s.FindText(t.Context(), account, [][]textindex.Gram{textindex.Needle("alpha")})
	if err != nil {
		t.Fatal(err)
	}
	return through
}

// A damaged text index is thrown away, when the store is opened and when it is
// read; the mail is untouched.
func TestDamagedTextIndex(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	p := newPeople(t, s, 1)
	account := p.accounts[0]
	if reaches(t, s, account); exists(filepath.Join(dir, store.TextName)) {
		t.Error("a look made an index")
	}
	indexOne(t, s, account, 1)
	s.Close()

	if err := os.WriteFile(filepath.Join(dir, store.TextName), []byte("this is no database, and longer than its header would be, which has one hundred octets at the very least"), 0o600); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	if n := reaches(t, s, account); n != 0 {
		t.Errorf("after the damage the index reaches %d", n)
	}
	if err := bringTo(t, s, account); err != nil {
		t.Fatal(err)
	}
	ids, err := s.MessagesFrom(t.Context(), account, 0, math.MaxInt64, 1)
	if err != nil || len(ids) != 1 {
		t.Fatal(ids, err)
	}
	indexOne(t, s, account, ids[0])
	bad := func(yield func(textindex.Posting, error) bool) {
		for _, g := range textindex.Needle("alpha") {
			if !yield(textindex.Posting{Gram: g, Stored: []byte{9}}, nil) {
				return
			}
		}
	}
	if err := s.PutTextSegment(t.Context(), account, []gomail.MessageID{ids[0] + 1}, bad, nil); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.FindText(t.Context(), account, [][]textindex.Gram{textindex.Needle("alpha")}); gomail.KindOf(err) != gomail.Unavailable {
		t.Errorf("a damaged posting: %v", err)
	}
	if n := reaches(t, s, account); n != 0 {
		t.Errorf("after it the index reaches %d", n)
	}
}

// An index that reaches further than the account's messages belongs to a
// newer state of the store.
func TestTextIndexOfANewerStore(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	p := newPeople(t, s, 2)
	for _, account := range p.accounts {
		if err := bringTo(t, s, account); err != nil {
			t.Fatal(err)
		}
	}
	ids, err := s.MessagesFrom(t.Context(), p.accounts[0], 0, math.MaxInt64, 1)
	if err != nil {
		t.Fatal(err)
	}
	indexOne(t, s, p.accounts[0], ids[0])
	indexOne(t, s, p.accounts[1], 1<<40)
	s.Close()
	s = open(t, dir)
	if a, b := reaches(t, s, p.accounts[0]), reaches(t, s, p.accounts[1]); a != ids[0] || b != 0 {
		t.Errorf("the indexes reach %d and %d, want %d and 0", a, b, ids[0])
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
