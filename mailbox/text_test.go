package mailbox_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"

	"gomail/mailbox"
	"gomail/message"
	"gomail/textindex"
)

// appendTexts adds messages with these bodies to the INBOX.
func appendTexts(t *testing.T, a *mailbox.Account, n int, text func(i int) string) {
	t.Helper()
	box, err := a.Lookup(t.Context(), "INBOX")
	if err != nil {
		t.Fatal(err)
	}
	var batch []mailbox.Append
	for i := range n {
		raw := "Subject: x\r\n\r\n" + text(i) + "\r\n"
		var x message.Indexer
		x.Write([]byte(raw))
		body := a.Stage()
		body.Write([]byte(raw))
		defer body.Close()
		batch = append(batch, mailbox.Append{Body: body, Index: x.Finish().Marshal()})
	}
	if _, err := box.Append(t.Context(), batch...); err != nil {
		t.Fatal(err)
	}
}

// left returns which of the INBOX's messages the index does not rule out.
func left(t *testing.T, a *mailbox.Account, text string) (places []int) {
	t.Helper()
	box, err := a.Lookup(t.Context(), "INBOX")
	if err != nil {
		t.Fatal(err)
	}
	snap, err := box.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	matches, err := box.FindText(t.Context(), text)
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range snap.Entries {
		if !matches.RuleOut(e.Message) {
			places = append(places, i)
		}
	}
	return places
}

func TestTextIndexGrowsAndMerges(t *testing.T) {
	a := newAccount(t)
	total := 0
	for round := range 12 { // more than are merged at once
		if n := len(left(t, a, "needle")); round > 0 && n != round {
			t.Fatalf("round %d: %d messages left", round, n)
		}
		appendTexts(t, a, textindex.Smallest, func(i int) string {
			if i == round {
				return "a Needle"
			}
			return fmt.Sprint("hay ", i)
		})
		total += textindex.Smallest
		if err := a.IndexText(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got := left(t, a, "hay 77"); len(got) != 12 || got[1]-got[0] != textindex.Smallest {
		t.Errorf("hay 77 may be in %v", got)
	}
	appendTexts(t, a, 3, func(int) string { return "the end" }) // too few for a segment: they are read
	if err := a.IndexText(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := left(t, a, "nothing"); len(got) != 3 || got[0] != total {
		t.Errorf("nothing may be in %v", got)
	}
}

// What is searched gets its index, by and by.
func TestIndexTextsOfThoseWhoSearch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, a, _ := newService(t)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- s.IndexTexts(ctx, slog.New(slog.DiscardHandler)) }()
		appendTexts(t, a, 200, func(i int) string { return fmt.Sprint("number ", i) })
		if got := left(t, a, "number 77"); len(got) != 200 {
			t.Errorf("before there is an index, number 77 may be in %d", len(got))
		}
		synctest.Wait()
		if got := left(t, a, "number 77"); len(got) != 1 {
			t.Errorf("with the index, number 77 may be in %v", got)
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
