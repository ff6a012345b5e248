package store

import (
	"context"

	"golang.org/x/sys/unix"

	"gomail"
	"gomail/inbound"
	"gomail/outbound"
	"gomail/queue"
	"gomail/store/blob"
)

// Deliver makes a delivery durable: the body, every recipient's message and
// the queue rows in one commit.
func (s *Store) Deliver(ctx context.Context, d inbound.Delivery) error {
	frame, err := seal(d.Body)
	if err != nil {
		return err
	}
	holders := len(d.Messages)
	if len(d.Queue) > 0 {
		holders++
	}
	return s.commit(ctx, []*blob.Frame{frame}, holders, func(t *tx) error {
		if err := t.noteDistribution(d.Distribution); err != nil {
			return err
		}
		for _, m := range d.Messages {
			if err := t.deliver(frame, d, m); err != nil {
				return err
			}
		}
		for _, k := range d.Senders {
			if err := t.keepSender(k); err != nil {
				return err
			}
		}
		if len(d.Queue) > 0 {
			queued, err := t.enqueue(frame, d.Queue, d.Body.Size())
			copy(d.Queue, queued)
			return err
		}
		return nil
	})
}

// deliver adds the message to one account. Quota was checked when the
// recipient was accepted; a message that has come this far is not refused for
// it, because its other recipients cannot be told apart any more.
func (t *tx) deliver(frame *blob.Frame, d inbound.Delivery, m inbound.Incoming) error {
	a, err := t.account(m.Account)
	if err != nil {
		return err
	}
	box, err := t.mailboxWithRole(a, m.Role)
	if err != nil {
		return err
	}
	_, err = t.addMessage(a, box, incoming{
		frame: frame.ID, prefix: m.Prefix, index: d.Index, received: toMicro(m.Received), flags: m.Flags,
		size: int64(len(m.Prefix)) + d.Body.Size(),
	})
	return err
}

// Enqueue makes a message to be sent durable: the body and the rows of all
// parts in one commit, in which what its account sends is counted too.
func (s *Store) Enqueue(ctx context.Context, body gomail.Body, parts []queue.Message, allow func(outbound.Sending) error) (queued []queue.Message, err error) {
	frame, err := seal(body)
	if err != nil {
		return nil, err
	}
	err = s.commit(ctx, []*blob.Frame{frame}, 1, func(t *tx) error {
		if err := t.countSent(parts, allow); err != nil {
			return err
		}
		queued, err = t.enqueue(frame, parts, body.Size())
		return err
	})
	return queued, err
}

// enqueue writes the parts of one message. They share one blob of the account
// that submitted it. Parts in different slots share its body's identity too;
// further ones in a slot, as the copies that a mailing list makes, have their
// own.
func (t *tx) enqueue(frame *blob.Frame, parts []queue.Message, bodySize int64) ([]queue.Message, error) {
	a, err := t.account(parts[0].Account)
	if err != nil {
		return nil, err
	}
	blobID := int64(t.next(a))
	if err := t.insertBlob(a.id, blobID, frame, len(parts)); err != nil {
		return nil, err
	}
	queued := make([]queue.Message, len(parts))
	used := map[int]bool{}
	for i, m := range parts {
		m.ID, m.Size = frame.ID, int64(len(m.Prefix))+bodySize
		if used[m.Slot] {
			m.ID = t.store.bodies.NextID()
		}
		used[m.Slot] = true
		queued[i] = m
		if err := t.insertQueued(m, blobID); err != nil {
			return nil, err
		}
	}
	return queued, nil
}

func (t *tx) insertQueued(m queue.Message, blobID int64) error {
	e := m.Envelope
	if _, err := t.write("INSERT INTO qmsg (slot, id, account_id, blob_id, prefix, sender, smtputf8, eightbit, ret, envid, received, expires, size, release_at, deliver_by, by_return, by_trace, tls) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		m.Slot, m.ID, m.Account, blobID, notNil(m.Prefix), e.From.String(), e.SMTPUTF8, e.EightBit, e.Return, e.EnvelopeID,
		toMicro(m.Received), toMicro(m.Expires), m.Size, toMicro(e.Release), toMicro(e.DeliverBy.Deadline), e.DeliverBy.Return, e.DeliverBy.Trace, e.TLS); err != nil {
		return err
	}
	for _, r := range m.Rcpts {
		if _, err := t.write("INSERT INTO qrcpt (slot, msg_id, n, rcpt, site, notify, orcpt, due, attempts, status, delayed, last_error) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, ?, 0, ?)",
			m.Slot, m.ID, r.N, r.Address.String(), r.Site, r.Notify, r.Original, toMicro(r.Due), r.Status, r.LastError); err != nil {
			return err
		}
	}
	return nil
}

// Reserve of disk space that mail may not take: the database needs room to
// commit and to checkpoint.
const (
	minReserve = 4 << 20
	maxReserve = 256 << 20
)

// Room returns NoSpace when the disk cannot take so many octets more, or has
// hardly any file left to make.
func (s *Store) Room(size int64) error {
	var fs unix.Statfs_t
	if err := unix.Statfs(s.options.Dir, &fs); err != nil {
		return gomail.Errorf(gomail.Unavailable, "the disk's free space cannot be read: %w", err)
	}
	block := int64(fs.Bsize)
	reserve := min(max(int64(fs.Blocks)*block/50, minReserve), maxReserve)
	if int64(fs.Bavail)*block < size+reserve {
		return gomail.Errorf(gomail.NoSpace, "the disk is full: try again later")
	}
	if fs.Files > 0 && fs.Ffree < 16 {
		return gomail.Errorf(gomail.NoSpace, "the disk has no room for more files: try again later")
	}
	return nil
}
