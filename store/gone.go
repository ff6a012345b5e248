package store

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"gomail"
	"gomail/mailbox"
)

// The operations of the log of changes.
const (
	opEntriesGone = 1 // entries left a mailbox
	opMailboxGone = 2
	opUnfinished  = 3 // entries left, and messages that are in no other mailbox are still to be removed
)

// goneInRow is how many entries a row of the log names at most.
const goneInRow = 128

// gone is an entry that left its mailbox.
type gone struct {
	uid     gomail.UID
	message gomail.MessageID
	whole   bool // the message left with it: it was in no other mailbox
}

// packGone returns entries as a row of the log has them, whose UID is the
// first's: for each the distance of its UID and of its message to those before,
// the latter with whether the message left, and behind them a CRC-32C: messages
// are removed because a row says so.
func packGone(entries []gone) (packed []byte) {
	last := gone{uid: entries[0].uid}
	for _, e := range entries {
		packed = binary.AppendUvarint(packed, uint64(e.uid-last.uid))
		step := int64(e.message-last.message) << 1
		if e.whole {
			step |= 1
		}
		packed = binary.AppendVarint(packed, step)
		last = e
	}
	return binary.LittleEndian.AppendUint32(packed, pageChecksum(entries[0].uid, packed))
}

// unpackGone reads what packGone wrote into the row of a UID.
func unpackGone(uid gomail.UID, packed []byte) (entries []gone, err error) {
	n := len(packed) - pageSum
	if n < 0 || binary.LittleEndian.Uint32(packed[n:]) != pageChecksum(uid, packed[:n]) {
		return nil, errGone
	}
	packed = packed[:n]
	at := gone{uid: uid}
	for len(packed) > 0 {
		step, n := binary.Uvarint(packed)
		if n <= 0 {
			return nil, errGone
		}
		message, m := binary.Varint(packed[n:])
		if m <= 0 {
			return nil, errGone
		}
		packed = packed[n+m:]
		at.uid += gomail.UID(step)
		at.message += gomail.MessageID(message >> 1)
		at.whole = message&1 != 0
		entries = append(entries, at)
	}
	return entries, nil
}

var errGone = gomail.Errorf(gomail.Corrupt, "the log of changes is damaged: run gomail check, and restore a backup")

// removeEntries takes entries out of a mailbox and logs that they are gone. The
// messages that are then in no mailbox count no longer; their rows are removed
// soon after (removeGone), so that nobody waits for that.
func (t *tx) removeEntries(a *accountRow, m *mailboxRow, entries []mailbox.Entry, seq gomail.ModSeq) error {
	if len(entries) == 0 {
		return nil
	}
	last, err := t.takeExtra(a.id, entries)
	if err != nil {
		return err
	}
	for i, e := range entries {
		if last[i] {
			t.addQuota(a, -e.Size, -1)
			t.gone[a.id] = append(t.gone[a.id], e.Message)
		}
	}
	return t.moveOut(a, m, entries, last, seq)
}

// moveOut takes entries out of a mailbox and logs that they are gone; last
// tells those that were the last of their messages, nil that none was.
func (t *tx) moveOut(a *accountRow, m *mailboxRow, entries []mailbox.Entry, last []bool, seq gomail.ModSeq) error {
	t.touch(a, m, seq)
	if err := t.dropEntries(a, m, entries); err != nil {
		return err
	}
	all := make([]gone, len(entries))
	for i, e := range entries {
		m.count(e, -1)
		all[i] = gone{e.UID, e.Message, last != nil && last[i]}
	}
	return t.logGone(a.id, m.ID, all, seq)
}

func (t *tx) logGone(account gomail.AccountID, id gomail.MailboxID, all []gone, seq gomail.ModSeq) error {
	for part := range slices.Chunk(all, goneInRow) {
		op := opEntriesGone
		if slices.ContainsFunc(part, func(e gone) bool { return e.whole }) {
			op = opUnfinished
		}
		if _, err := t.write("INSERT INTO change (account_id, seq, mailbox_id, uid, op, entries) VALUES (?, ?, ?, ?, ?, ?)",
			account, seq, id, part[0].uid, op, packGone(part)); err != nil {
			return err
		}
	}
	return nil
}

// addExtra counts a further entry of each of the messages.
func (t *tx) addExtra(account gomail.AccountID, entries []mailbox.Entry) error {
	for n := chunk; len(entries) > 0; n /= 2 { // so that there are few different statements
		for ; len(entries) >= n; entries = entries[n:] {
			args := make([]any, 0, 2*n)
			for _, e := range entries[:n] {
				args = append(args, account, e.Message)
			}
			values := strings.TrimSuffix(strings.Repeat("(?, ?, 1), ", n), ", ")
			if _, err := t.write("INSERT INTO extra_entry (account_id, message_id, n) VALUES "+values+" ON CONFLICT (account_id, message_id) DO UPDATE SET n = extra_entry.n + 1", args...); err != nil {
				return err
			}
		}
	}
	return nil
}

// takeExtra takes an entry off the messages, and returns for each entry whether
// it was its message's last.
func (t *tx) takeExtra(account gomail.AccountID, entries []mailbox.Entry) (last []bool, err error) {
	extra, err := t.extraOf(account, entries)
	if err != nil {
		return nil, err
	}
	last = make([]bool, len(entries))
	for i, e := range entries {
		if last[i] = extra[e.Message] == 0; !last[i] {
			extra[e.Message]--
		}
	}
	return last, t.noteExtra(account, extra)
}

// noteExtra writes in how many entries beyond one messages are now.
func (t *tx) noteExtra(account gomail.AccountID, extra map[gomail.MessageID]int64) error {
	var one []gomail.MessageID
	for id, n := range extra {
		if n == 0 {
			one = append(one, id)
			continue
		}
		if _, err := t.write("UPDATE extra_entry SET n = ? WHERE account_id = ? AND message_id = ?", n, account, id); err != nil {
			return err
		}
	}
	slices.Sort(one)
	for part := range slices.Chunk(one, chunk) {
		list, args := in(part)
		if _, err := t.write("DELETE FROM extra_entry WHERE account_id = ? AND message_id IN "+list, append([]any{account}, args...)...); err != nil {
			return err
		}
	}
	return nil
}

// extraOf returns in how many entries beyond one the messages are that are in
// more than one.
func (t *tx) extraOf(account gomail.AccountID, entries []mailbox.Entry) (extra map[gomail.MessageID]int64, err error) {
	lowest, highest := entries[0].Message, entries[0].Message
	for _, e := range entries {
		lowest, highest = min(lowest, e.Message), max(highest, e.Message)
	}
	found, err := t.int64("SELECT EXISTS (SELECT 1 FROM extra_entry WHERE account_id = ? AND message_id BETWEEN ? AND ?)", account, lowest, highest)
	if err != nil || found == 0 { // mostly
		return nil, err
	}
	extra = map[gomail.MessageID]int64{}
	for part := range slices.Chunk(entries, chunk) {
		list, args := in(messagesOf(part))
		err := t.query(func(rows *sql.Rows) error {
			var id gomail.MessageID
			var n int64
			err := rows.Scan(&id, &n)
			extra[id] = n
			return err
		}, "SELECT message_id, n FROM extra_entry WHERE account_id = ? AND message_id IN "+list, append([]any{account}, args...)...)
		if err != nil {
			return nil, err
		}
	}
	return extra, nil
}

func messagesOf(entries []mailbox.Entry) []gomail.MessageID {
	ids := make([]gomail.MessageID, len(entries))
	for i, e := range entries {
		ids[i] = e.Message
	}
	return ids
}

// unfinished is the messages that are in no mailbox any more and have their
// rows still. Nobody reads them.
type unfinished struct {
	mu       sync.RWMutex
	messages map[gomail.AccountID]map[gomail.MessageID]bool
	wake     chan struct{} // of one: there are more
}

func newUnfinished() *unfinished {
	return &unfinished{messages: map[gomail.AccountID]map[gomail.MessageID]bool{}, wake: make(chan struct{}, 1)}
}

func (u *unfinished) add(account gomail.AccountID, ids []gomail.MessageID) {
	u.mu.Lock()
	if u.messages[account] == nil {
		u.messages[account] = map[gomail.MessageID]bool{}
	}
	for _, id := range ids {
		u.messages[account][id] = true
	}
	u.mu.Unlock()
	select {
	case u.wake <- struct{}{}:
	default:
	}
}

func (u *unfinished) has(account gomail.AccountID, id gomail.MessageID) bool {
	u.mu.RLock()
	defer u.mu.RUnlock()
	return u.messages[account][id]
}

// without returns the messages that are not among these. It is to be called
// before they are read: afterwards they may be forgotten again, and what was
// read is from before.
func (u *unfinished) without(account gomail.AccountID, ids []gomail.MessageID) []gomail.MessageID {
	u.mu.RLock()
	defer u.mu.RUnlock()
	if gone := u.messages[account]; len(gone) > 0 {
		return slices.DeleteFunc(slices.Clone(ids), func(id gomail.MessageID) bool { return gone[id] })
	}
	return ids
}

func (u *unfinished) any(account gomail.AccountID) bool {
	u.mu.RLock()
	defer u.mu.RUnlock()
	return len(u.messages[account]) > 0
}

// forget forgets an account, which has been removed.
func (u *unfinished) forget(account gomail.AccountID) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.messages, account)
}

// finished forgets messages whose rows are gone.
func (u *unfinished) finished(account gomail.AccountID, ids []gomail.MessageID) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, id := range ids {
		delete(u.messages[account], id)
	}
	if len(u.messages[account]) == 0 {
		delete(u.messages, account)
	}
}

func (u *unfinished) accounts() []gomail.AccountID {
	u.mu.RLock()
	defer u.mu.RUnlock()
	return slices.Sorted(maps.Keys(u.messages))
}

// findUnfinished reads what was left when the store was last closed. A row that
// is damaged is no reason not to serve the others.
func (s *Store) findUnfinished() error {
	return s.read(context.Background(), func(c *conn) error {
		return c.query(func(rows *sql.Rows) error {
			var account gomail.AccountID
			var uid gomail.UID
			var packed sql.RawBytes
			if err := rows.Scan(&account, &uid, &packed); err != nil {
				return err
			}
			entries, err := unpackGone(uid, packed)
			if err != nil {
				s.options.Logger.Error("messages that are gone cannot be removed", slog.Int64("account", int64(account)), slog.Any("error", err))
			}
			s.unfinished.add(account, wholeOf(entries))
			return nil
		}, "SELECT account_id, uid, entries FROM change WHERE op = 3")
	})
}

// wholeOf returns the messages that left with their entries.
func wholeOf(entries []gone) (ids []gomail.MessageID) {
	for _, e := range entries {
		if e.whole {
			ids = append(ids, e.message)
		}
	}
	return ids
}

// gatherGone is how long messages that are gone wait for others: who removes one
// after the other would wait for two commits each time.
const gatherGone = 200 * time.Millisecond

// finishRemovals removes the rows of messages that left their last mailbox.
func (s *Store) finishRemovals() {
	defer s.wg.Done()
	for {
		select {
		case <-s.closing:
			return
		case <-s.unfinished.wake:
		}
		s.yield(context.Background(), gatherGone)
		if err := s.removeAllGone(context.Background()); err != nil && gomail.KindOf(err) != gomail.Closed {
			s.options.Logger.Error("messages that are gone could not be removed; it is tried again with the next", slog.Any("error", err))
		}
	}
}

// removeAllGone does it for all accounts. One for which it fails stops none of
// the others.
func (s *Store) removeAllGone(ctx context.Context) error {
	var failed error
	for _, account := range s.unfinished.accounts() {
		failed = errors.Join(failed, s.removeGone(ctx, account))
	}
	return failed
}

// removeGone removes the rows of an account's messages that are in no mailbox
// any more, and leaves their bodies to the collector. It takes about half of the
// store's time, so that mail comes in meanwhile.
func (s *Store) removeGone(ctx context.Context, account gomail.AccountID) error {
	for more := s.unfinished.any(account); more; {
		if err := ctx.Err(); err != nil {
			return err
		}
		began := time.Now()
		var ids []gomail.MessageID
		err := s.update(ctx, func(t *tx) (err error) {
			ids, more, err = t.removeGone(account)
			return err
		})
		if err != nil {
			return err
		}
		s.items.forget(account, ids) // who read them before they went may have remembered them since
		s.unfinished.finished(account, ids)
		if more {
			s.yield(ctx, time.Since(began))
		}
	}
	return nil
}

// removeGone does what some rows of the log have left to do. It returns the
// messages that this was about, and whether there may be more.
func (t *tx) removeGone(account gomail.AccountID) (ids []gomail.MessageID, more bool, err error) {
	rows, ids, more, err := t.readUnfinished(account)
	if err != nil {
		return nil, false, err
	}
	for _, r := range rows {
		if _, err := t.write("UPDATE change SET op = ? WHERE account_id = ? AND seq = ? AND mailbox_id = ? AND uid = ?", opEntriesGone, account, r.seq, r.box, r.uid); err != nil {
			return nil, false, err
		}
	}
	return ids, more, t.removeMessages(account, ids)
}

// changeKey names a row of an account's log.
type changeKey struct {
	seq gomail.ModSeq
	box gomail.MailboxID
	uid gomail.UID
}

// readUnfinished returns some rows of the log that have something left to do,
// and the messages that they are about, at most a chunk. Of a row that cannot be
// read nobody knows which messages it means: they stay where they are, and gomail
// check finds both.
func (t *tx) readUnfinished(account gomail.AccountID) (keys []changeKey, ids []gomail.MessageID, more bool, err error) {
	err = t.query(func(rows *sql.Rows) error {
		var key changeKey
		var packed sql.RawBytes
		if err := rows.Scan(&key.seq, &key.box, &key.uid, &packed); err != nil {
			return err
		}
		if more = more || len(ids) > chunk-goneInRow; more {
			return nil
		}
		keys = append(keys, key)
		entries, _ := unpackGone(key.uid, packed)
		ids = append(ids, wholeOf(entries)...)
		return nil
	}, "SELECT seq, mailbox_id, uid, entries FROM change WHERE account_id = ? AND op = 3 ORDER BY seq LIMIT ?", account, chunk)
	return keys, ids, more || len(keys) == chunk, err
}

func (t *tx) removeMessages(account gomail.AccountID, ids []gomail.MessageID) error {
	if len(ids) == 0 {
		return nil
	}
	if err := t.leaveThreads(account, ids); err != nil {
		return err
	}
	list, args := in(ids)
	return t.putAside("message", "account_id = ? AND id IN "+list, append([]any{account}, args...)...)
}
