package mailbox

import (
	"context"
	"iter"
	"slices"

	"gomail"
	"gomail/textindex"
)

// TextStore keeps text indexes, apart from the mail: what is written to it
// never waits for a delivery, nor a delivery for it, and all of it can be made
// anew from the messages.
type TextStore interface {
	// FindText returns up to which message an account's index reaches, 0 for
	// none, and for each set of grams the messages up to there that have all of
	// them, ascending; some may be gone.
	FindText(ctx context.Context, account gomail.AccountID, needles [][]textindex.Gram) (through gomail.MessageID, found [][]gomail.MessageID, err error)
	// TextSegments returns an account's segments in the order of their messages.
	TextSegments(ctx context.Context, account gomail.AccountID) ([]textindex.Segment, error)
	// TextPostings returns a segment's postings of a stretch, by ascending gram.
	TextPostings(ctx context.Context, account gomail.AccountID, segment int64, stretch textindex.Stretch) ([]textindex.Posting, error)
	// PutTextSegment adds a segment of these messages, none of which another has
	// but those that it replaces, all or nothing. Without messages it only removes.
	PutTextSegment(ctx context.Context, account gomail.AccountID, messages []gomail.MessageID, postings iter.Seq2[textindex.Posting, error], replaced []int64) error
	// DropTextIndex throws an account's index away.
	DropTextIndex(ctx context.Context, account gomail.AccountID) error
	// MessagesFrom returns at most limit of an account's messages from first to
	// last, ascending.
	MessagesFrom(ctx context.Context, account gomail.AccountID, first, last gomail.MessageID, limit int) ([]gomail.MessageID, error)
}

// TextMatches is what the text index knows of a text that is searched.
type TextMatches struct {
	through gomail.MessageID
	found   []gomail.MessageID // ascending
}

// RuleOut reports whether a message surely does not contain the text.
func (m *TextMatches) RuleOut(message gomail.MessageID) bool {
	if message > m.through {
		return false
	}
	_, found := slices.BinarySearch(m.found, message)
	return !found
}

// FindText asks the text index of the mailbox's owner for a text, without
// regard to case and accents. It knows nothing of texts of fewer than three
// letters, and of messages that it does not hold yet; asking is what makes the
// index grow. It takes the right to read.
func (b Box) FindText(ctx context.Context, text string) (*TextMatches, error) {
	if err := b.Need(ctx, Read); err != nil {
		return &TextMatches{}, err
	}
	defer b.a.text.want(b.Owner) // afterwards: what is found does not depend on who is faster
	grams := textindex.Needle(text)
	if len(grams) == 0 {
		return &TextMatches{}, nil
	}
	through, found, err := b.a.store.FindText(ctx, b.Owner, [][]textindex.Gram{grams})
	if err != nil {
		return &TextMatches{}, err
	}
	return &TextMatches{through: through, found: found[0]}, nil
}

// Searching says that messages are read to search them, until done is called:
// the text indexes are made more slowly meanwhile.
func (b Box) Searching() (done func()) {
	b.a.text.searching.Add(1)
	return func() { b.a.text.searching.Add(-1) }
}
