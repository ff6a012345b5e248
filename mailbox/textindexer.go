package mailbox

import (
	"context"
	"iter"
	"log/slog"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"gomail"
	"gomail/message"
	"gomail/textindex"
)

// textIndexer keeps the text indexes of the accounts that search. An account
// gets its index when it searches for the first time, and what came since is
// added when it searches again: mail that nobody searches costs nothing.
type textIndexer struct {
	store     Store
	searching atomic.Int64 // how many searches read messages at the moment

	mu     sync.Mutex
	wanted map[gomail.AccountID]struct{}
	wake   chan struct{}
}

func newTextIndexer(store Store) *textIndexer {
	return &textIndexer{store: store, wanted: map[gomail.AccountID]struct{}{}, wake: make(chan struct{}, 1)}
}

// want asks for an account's index to be brought up to date.
func (x *textIndexer) want(account gomail.AccountID) {
	x.mu.Lock()
	x.wanted[account] = struct{}{}
	x.mu.Unlock()
	select {
	case x.wake <- struct{}{}:
	default:
	}
}

// next returns an account that wants its index, false when there is none.
func (x *textIndexer) next() (gomail.AccountID, bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for account := range x.wanted {
		delete(x.wanted, account)
		return account, true
	}
	return 0, false
}

// IndexTexts makes and keeps the text indexes of those who search, until ctx
// ends. It does so at leisure: it rests as long as it has worked.
func (s *Service) IndexTexts(ctx context.Context, log *slog.Logger) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.text.wake:
		}
		for account, ok := s.text.next(); ok && ctx.Err() == nil; account, ok = s.text.next() {
			begun := time.Now()
			err := s.text.update(ctx, account, &pace{rest: s.text.atLeisure})
			switch {
			case ctx.Err() != nil:
			case gomail.KindOf(err) == gomail.NotFound: // the account is gone
			case err != nil:
				log.Warn("the text index was not brought up to date, searches read the messages", slog.Int64("account", int64(account)), slog.Any("error", err))
			default:
				log.Debug("text index brought up to date", slog.Int64("account", int64(account)), slog.Duration("took", time.Since(begun)))
			}
		}
	}
}

// IndexText brings the account's text index up to date at once.
func (a *Account) IndexText(ctx context.Context) error {
	return a.text.update(ctx, a.id, &pace{rest: func(context.Context, time.Duration) {}})
}

// searchPatience is how many times as long as it has worked the indexer rests at
// most while somebody searches: it takes a processor from those who wait for an
// answer, but must come to its end where there is always one.
const searchPatience = 10

// atLeisure rests as long as the last piece of work took, or while somebody
// searches.
func (x *textIndexer) atLeisure(ctx context.Context, took time.Duration) {
	for range searchPatience {
		timer := time.NewTimer(took)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
		if x.searching.Load() == 0 {
			return
		}
	}
}

// pace is how the indexer works: in small pieces, with a rest after each.
type pace struct {
	rest  func(ctx context.Context, took time.Duration)
	begun time.Time
}

// begin begins a piece of work.
func (p *pace) begin() { p.begun = time.Now() }

// pause ends a piece of work and begins the next.
func (p *pace) pause(ctx context.Context) {
	p.rest(ctx, time.Since(p.begun))
	p.begin()
}

// update adds to an account's index what came since, and merges what has
// become many small segments.
func (x *textIndexer) update(ctx context.Context, account gomail.AccountID, p *pace) error {
	p.begin()
	for ctx.Err() == nil {
		more, err := x.step(ctx, account, p)
		if err != nil || !more {
			return err
		}
		p.pause(ctx)
	}
	return ctx.Err()
}

// step adds one segment or merges some, and reports whether there may be more
// to do.
func (x *textIndexer) step(ctx context.Context, account gomail.AccountID, p *pace) (more bool, err error) {
	segments, err := x.store.TextSegments(ctx, account)
	if err != nil {
		return false, err
	}
	if parts := textindex.ToMerge(segments); parts != nil {
		return true, x.merge(ctx, account, parts)
	}
	after := gomail.MessageID(0)
	if n := len(segments); n > 0 {
		after = segments[n-1].Through()
	}
	ids, err := x.store.MessagesFrom(ctx, account, after+1, math.MaxInt64, textindex.MaxSegment)
	if err != nil || len(ids) < textindex.Smallest {
		return false, err
	}
	return true, x.add(ctx, account, ids, p)
}

// add indexes the first of these messages, as many as a segment takes.
func (x *textIndexer) add(ctx context.Context, account gomail.AccountID, ids []gomail.MessageID, p *pace) error {
	var b textindex.Builder
	var text textindex.Text
	for part := range slices.Chunk(ids, 100) {
		if b.Full() || ctx.Err() != nil {
			break
		}
		err := x.store.Items(ctx, account, part, WithContent, func(item Item) error {
			if b.Full() { // a few large messages do that
				return nil
			}
			grams, err := gramsOf(ctx, item, &text)
			if err == nil {
				b.Add(item.Message, grams)
			}
			return err
		})
		if err != nil {
			return err
		}
		p.pause(ctx)
	}
	if ctx.Err() != nil || len(b.Messages()) == 0 {
		return ctx.Err()
	}
	return x.store.PutTextSegment(ctx, account, b.Messages(), b.Postings(), nil)
}

// gramsOf returns the grams of a message. One that cannot be read may contain
// anything: a search says what is wrong with it.
func gramsOf(ctx context.Context, item Item, text *textindex.Text) ([]textindex.Gram, error) {
	text.Reset()
	index, err := message.UnmarshalIndex(item.Index)
	if err != nil {
		return []textindex.Gram{textindex.Any}, nil
	}
	content, err := item.Open(ctx)
	if err != nil {
		return []textindex.Gram{textindex.Any}, ctx.Err()
	}
	defer content.Close()
	if err := index.EachText(content, item.Shift, text.Read); err != nil {
		return []textindex.Gram{textindex.Any}, ctx.Err()
	}
	return text.Grams(), nil
}

// merge makes one segment of several, without the messages that are gone.
func (x *textIndexer) merge(ctx context.Context, account gomail.AccountID, parts []textindex.Segment) error {
	var replaced []int64
	for _, part := range parts {
		replaced = append(replaced, part.ID)
	}
	existing, err := x.store.MessagesFrom(ctx, account, parts[0].Messages[0], parts[len(parts)-1].Through(), math.MaxInt32)
	if err != nil {
		return err
	}
	m := textindex.NewMerge(parts, existing)
	return x.store.PutTextSegment(ctx, account, m.Messages, x.mergedPostings(ctx, account, m, replaced), replaced)
}

// mergedPostings reads the parts' postings a stretch at a time.
func (x *textIndexer) mergedPostings(ctx context.Context, account gomail.AccountID, m *textindex.Merge, parts []int64) iter.Seq2[textindex.Posting, error] {
	return func(yield func(textindex.Posting, error) bool) {
		for _, stretch := range textindex.Stretches() {
			postings := make([][]textindex.Posting, len(parts))
			for i, part := range parts {
				var err error
				if postings[i], err = x.store.TextPostings(ctx, account, part, stretch); err != nil {
					yield(textindex.Posting{}, err)
					return
				}
			}
			for p, err := range m.Postings(postings) {
				if !yield(p, err) {
					return
				}
			}
		}
	}
}
