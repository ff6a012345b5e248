package store

import (
	"context"
	"database/sql"
	"encoding/binary"
	"iter"
	"slices"

	"gomail"
	"gomail/textindex"
)

// FindText returns up to which message an account's index reaches, 0 for none,
// and for each set of grams the messages up to there that have all of them,
// ascending; some may be gone.
func (s *Store) FindText(ctx context.Context, account gomail.AccountID, needles [][]textindex.Gram) (through gomail.MessageID, found [][]gomail.MessageID, err error) {
	found = make([][]gomail.MessageID, len(needles))
	err = s.text.read(ctx, func(c *conn) error {
		segments, err := textSegments(c, account)
		if err != nil {
			return err
		}
		for _, segment := range segments {
			for i, needle := range needles {
				if found[i], err = findInSegment(c, account, segment, needle, found[i]); err != nil {
					return err
				}
			}
			through = segment.Through()
		}
		return nil
	})
	return through, found, err
}

// findInSegment appends the messages of a segment that have all of the grams,
// or of which nothing is known.
func findInSegment(c *conn, account gomail.AccountID, segment textindex.Segment, needle []textindex.Gram, found []gomail.MessageID) ([]gomail.MessageID, error) {
	unknown, err := numbersOf(c, account, segment, []textindex.Gram{textindex.Any})
	if err != nil {
		return nil, err
	}
	numbers, err := numbersOf(c, account, segment, needle)
	if err != nil {
		return nil, err
	}
	if len(unknown) > 0 {
		numbers = append(numbers, unknown...)
		slices.Sort(numbers)
		numbers = slices.Compact(numbers)
	}
	for _, n := range numbers {
		found = append(found, segment.Messages[n])
	}
	return found, nil
}

// numbersOf returns the numbers of the messages that have all of the grams.
func numbersOf(c *conn, account gomail.AccountID, segment textindex.Segment, grams []textindex.Gram) ([]uint32, error) {
	postings := make([][]byte, len(grams))
	for i, gram := range grams {
		ok, err := c.row([]any{&postings[i]}, "SELECT messages FROM posting WHERE account_id = ? AND segment = ? AND gram = ?", account, segment.ID, gram)
		if err != nil || !ok {
			return nil, err
		}
	}
	numbers, ok := textindex.Intersect(postings, len(segment.Messages))
	if !ok {
		return nil, gomail.Errorf(gomail.Corrupt, "a posting of segment %d of account %d cannot be read", segment.ID, account)
	}
	return numbers, nil
}

// TextSegments returns an account's segments in the order of their messages.
func (s *Store) TextSegments(ctx context.Context, account gomail.AccountID) (segments []textindex.Segment, err error) {
	err = s.text.read(ctx, func(c *conn) error {
		segments, err = textSegments(c, account)
		return err
	})
	return segments, err
}

func textSegments(c *conn, account gomail.AccountID) (segments []textindex.Segment, err error) {
	err = c.query(func(rows *sql.Rows) error {
		var id int64
		var stored []byte
		if err := rows.Scan(&id, &stored); err != nil {
			return err
		}
		messages, ok := unpackIDs(stored)
		if !ok {
			return gomail.Errorf(gomail.Corrupt, "segment %d of account %d cannot be read", id, account)
		}
		segments = append(segments, textindex.Segment{ID: id, Messages: messages})
		return nil
	}, "SELECT id, messages FROM segment WHERE account_id = ? ORDER BY through", account)
	return segments, err
}

// packIDs returns the stored form of ascending message ids: the distances in
// varints.
func packIDs(ids []gomail.MessageID) (out []byte) {
	last := gomail.MessageID(0)
	for _, id := range ids {
		out = binary.AppendUvarint(out, uint64(id-last))
		last = id
	}
	return out
}

func unpackIDs(stored []byte) (ids []gomail.MessageID, ok bool) {
	last := gomail.MessageID(0)
	for len(stored) > 0 {
		gap, n := binary.Uvarint(stored)
		if n <= 0 || gap == 0 || gap >= 1<<62 {
			return nil, false
		}
		last += gomail.MessageID(gap)
		ids = append(ids, last)
		stored = stored[n:]
	}
	return ids, len(ids) > 0
}

// TextPostings returns the postings of a stretch of grams of a segment, by
// ascending gram.
func (s *Store) TextPostings(ctx context.Context, account gomail.AccountID, segment int64, stretch textindex.Stretch) (postings []textindex.Posting, err error) {
	err = s.text.read(ctx, func(c *conn) error {
		return c.query(func(rows *sql.Rows) error {
			var p textindex.Posting
			err := rows.Scan(&p.Gram, &p.Stored)
			postings = append(postings, p)
			return err
		}, "SELECT gram, messages FROM posting WHERE account_id = ? AND segment = ? AND gram >= ? AND gram < ? ORDER BY gram", account, segment, stretch.First, stretch.End)
	})
	return postings, err
}

// PutTextSegment adds a segment of these messages, none of which an older
// segment has but those that it replaces, all or nothing. Without messages it
// only removes.
func (s *Store) PutTextSegment(ctx context.Context, account gomail.AccountID, messages []gomail.MessageID, postings iter.Seq2[textindex.Posting, error], replaced []int64) error {
	return s.text.write(ctx, func(c *conn) error {
		id, err := c.int64("SELECT COALESCE(MAX(id), 0) + 1 FROM segment WHERE account_id = ?", account)
		if err != nil {
			return err
		}
		for _, old := range replaced {
			if err := dropSegment(c, account, old); err != nil {
				return err
			}
		}
		if len(messages) == 0 {
			return nil
		}
		if _, err := c.exec("INSERT INTO segment (account_id, id, through, messages) VALUES (?, ?, ?, ?)", account, id, messages[len(messages)-1], packIDs(messages)); err != nil {
			return err
		}
		for p, err := range postings {
			if err != nil {
				return err
			}
			if _, err := c.exec("INSERT INTO posting (account_id, segment, gram, messages) VALUES (?, ?, ?, ?)", account, id, p.Gram, p.Stored); err != nil {
				return err
			}
		}
		return nil
	})
}

func dropSegment(c *conn, account gomail.AccountID, id int64) error {
	_, err := c.exec("DELETE FROM posting WHERE account_id = ? AND segment = ?", account, id)
	if err == nil {
		_, err = c.exec("DELETE FROM segment WHERE account_id = ? AND id = ?", account, id)
	}
	return err
}

// DropTextIndex throws an account's index away.
func (s *Store) DropTextIndex(ctx context.Context, account gomail.AccountID) error {
	if ok, err := s.text.exists(ctx); !ok {
		return err
	}
	return s.text.write(ctx, func(c *conn) error {
		_, err := c.exec("DELETE FROM posting WHERE account_id = ?", account)
		if err == nil {
			_, err = c.exec("DELETE FROM segment WHERE account_id = ?", account)
		}
		return err
	})
}

// TextAccounts returns up to which message each index reaches.
func (s *Store) TextAccounts(ctx context.Context) (through map[gomail.AccountID]gomail.MessageID, err error) {
	through = map[gomail.AccountID]gomail.MessageID{}
	err = s.text.read(ctx, func(c *conn) error {
		return c.query(func(rows *sql.Rows) error {
			var account gomail.AccountID
			var last gomail.MessageID
			err := rows.Scan(&account, &last)
			through[account] = last
			return err
		}, "SELECT account_id, MAX(through) FROM segment GROUP BY account_id")
	})
	return through, err
}

// MessagesFrom returns at most limit of an account's messages from first to
// last, ascending.
func (s *Store) MessagesFrom(ctx context.Context, account gomail.AccountID, first, last gomail.MessageID, limit int) (ids []gomail.MessageID, err error) {
	err = s.read(ctx, func(c *conn) error {
		return c.query(func(rows *sql.Rows) error {
			var id gomail.MessageID
			err := rows.Scan(&id)
			ids = append(ids, id)
			return err
		}, "SELECT id FROM message WHERE account_id = ? AND id BETWEEN ? AND ? ORDER BY id LIMIT ?", account, first, last, limit)
	})
	return ids, err
}

// dropStaleText throws the index of an account away that reaches further than
// the account's messages: the store was put back to an older state beside it,
// and ids are given out again.
func (s *Store) dropStaleText(ctx context.Context) error {
	through, err := s.TextAccounts(ctx)
	if err != nil {
		return err
	}
	for account, last := range through {
		var seq gomail.MessageID
		found, err := s.readOne(ctx, []any{&seq}, "SELECT seq FROM account WHERE id = ?", account)
		if err == nil && (!found || seq < last) {
			err = s.DropTextIndex(ctx, account)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
