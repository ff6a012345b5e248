package store

import (
	"context"
	"database/sql/driver"
	"slices"

	"gomail"
	"gomail/mailbox"
	"gomail/message"
	"gomail/store/blob"
)

// Items calls yield for those of the messages that exist, in their order.
func (s *Store) Items(ctx context.Context, account gomail.AccountID, messages []gomail.MessageID, depth mailbox.Depth, yield func(mailbox.Item) error) error {
	for part := range slices.Chunk(messages, chunk) {
		if part = s.unfinished.without(account, part); len(part) == 0 {
			continue
		}
		items, err := s.readItems(ctx, account, part, depth)
		if err != nil {
			return err
		}
		for i := range items {
			if items[i].Message == 0 {
				continue // it does not exist
			}
			if err := yield(items[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// readItems reads a chunk whole, so that no connection is held while a slow
// client takes its time over it. What does not exist is left empty.
func (s *Store) readItems(ctx context.Context, account gomail.AccountID, messages []gomail.MessageID, depth mailbox.Depth) ([]mailbox.Item, error) {
	if depth == mailbox.WithIndex {
		return s.knownItems(ctx, account, messages)
	}
	return s.selectItems(ctx, account, messages, depth)
}

// knownItems reads those items that are not remembered.
func (s *Store) knownItems(ctx context.Context, account gomail.AccountID, messages []gomail.MessageID) ([]mailbox.Item, error) {
	items := make([]mailbox.Item, len(messages))
	missing := s.items.get(account, messages, items)
	if len(missing) == 0 {
		return items, nil
	}
	ids := make([]gomail.MessageID, len(missing))
	for n, i := range missing {
		ids[n] = messages[i]
	}
	read, err := s.selectItems(ctx, account, ids, mailbox.WithIndex)
	if err != nil {
		return nil, err
	}
	for n, i := range missing {
		items[i] = read[n]
	}
	s.items.put(account, read)
	return items, nil
}

func (s *Store) selectItems(ctx context.Context, account gomail.AccountID, messages []gomail.MessageID, depth mailbox.Depth) ([]mailbox.Item, error) {
	items := make([]mailbox.Item, len(messages))
	order := ascending(messages)
	where, args := whereMessages(account, messages, order)
	var bodies neighbours
	err := s.read(ctx, func(c *conn) error {
		next := 0
		return c.scan(func(row []driver.Value) error {
			id := intOf[gomail.MessageID](row[0])
			for next < len(order) && messages[order[next]] < id {
				next++
			}
			for ; next < len(order) && messages[order[next]] == id; next++ {
				items[order[next]] = s.itemOf(account, row, depth, &bodies)
			}
			return nil
		}, itemSelects[depth]+where, args...)
	})
	bodies.Ahead = s.bodies.Ahead(bodies.frames)
	return items, err
}

// neighbours are the bodies of messages that were asked for together, which
// likely stand beside one another.
type neighbours struct {
	frames []blob.Location
	*blob.Ahead
}

// ascending returns the positions of messages by ascending identity.
func ascending(messages []gomail.MessageID) []int {
	order := make([]int, len(messages))
	for i := range order {
		order[i] = i
	}
	if !slices.IsSorted(messages) {
		slices.SortFunc(order, func(a, b int) int { return int(messages[a] - messages[b]) })
	}
	return order
}

// whereMessages restricts a statement to the messages. When they lie close
// together it names the stretch in which they are, which reads some rows too
// many but is several times as fast as a list.
func whereMessages(account gomail.AccountID, messages []gomail.MessageID, order []int) (where string, args []int64) {
	first, last := messages[order[0]], messages[order[len(order)-1]]
	if int64(last-first) < 2*int64(len(messages)) {
		return " WHERE m.account_id = ? AND m.id BETWEEN ? AND ? ORDER BY m.id", []int64{int64(account), int64(first), int64(last)}
	}
	list, values := in(messages)
	args = append(args, int64(account))
	for _, v := range values {
		args = append(args, int64(v.(gomail.MessageID)))
	}
	return " WHERE m.account_id = ? AND m.id IN " + list + " ORDER BY m.id", args
}

// itemSelects read a message by depth.
var itemSelects = [...]string{
	mailbox.WithIndex: "SELECT m.id, m.size, m.received, m.env, m.prefix FROM message m",
	mailbox.WithContent: "SELECT m.id, m.size, m.received, m.env, m.prefix, f.id, f.loc_kind, f.pack_id, f.off, f.clen, f.rlen, f.codec, f.sha256" +
		" FROM message m LEFT JOIN frame f ON f.id = m.frame_id",
}

func (s *Store) itemOf(account gomail.AccountID, row []driver.Value, depth mailbox.Depth, bodies *neighbours) mailbox.Item {
	prefix := bytesOf(row[4])
	item := mailbox.Item{Message: intOf[gomail.MessageID](row[0]), Size: intOf[int64](row[1]), Received: fromMicro(intOf[int64](row[2])), Index: bytesOf(row[3]), Shift: int64(len(prefix))}
	if len(prefix) > 0 {
		item.Own = message.OwnFields(prefix)
	}
	if depth >= mailbox.WithContent {
		item.Open = s.opener(account, item.Message, prefix, row[5:], bodies)
	}
	return item
}

// opener returns what opens the content at the location that the columns
// name. Where that fails, the body may have gone to another pack meanwhile: it
// is looked for again, and what comes of that counts.
func (s *Store) opener(account gomail.AccountID, id gomail.MessageID, prefix []byte, columns []driver.Value, bodies *neighbours) func(context.Context) (gomail.Content, error) {
	frame := intOf[int64](columns[0])
	l := blob.Location{
		Kind: intOf[blob.Kind](columns[1]), Pack: intOf[int64](columns[2]), Offset: intOf[int64](columns[3]),
		Stored: intOf[int64](columns[4]), Size: intOf[int64](columns[5]), Codec: intOf[blob.Codec](columns[6]),
	}
	copy(l.SHA256[:], bytesOf(columns[7]))
	bodies.frames = append(bodies.frames, l)
	return func(ctx context.Context) (gomail.Content, error) {
		content, err := bodies.Open(frame, l)
		if err != nil {
			return s.Content(ctx, account, id)
		}
		if len(prefix) == 0 {
			return content, nil
		}
		return &prefixed{prefix: prefix, Content: content}, nil
	}
}
