package store

import (
	"fmt"
	"maps"
	"slices"

	"gomail"
	"gomail/store/blob"
)

// tx is one transaction of the writer. Rows that many writes of a batch touch
// (accounts, mailboxes, packs) are read once, changed in memory, and written
// once at its end. Those of accounts and their mailboxes are then kept for the
// next.
type tx struct {
	*conn
	store *Store
	dirty bool // the current write has changed something

	directory bool // accounts or addresses have changed

	accounts map[gomail.AccountID]*accountRow
	packs    map[int64]*packUse
	gone     map[gomail.AccountID][]gomail.MessageID
}

// accountRow is what every write of an account needs of its row (C1).
type accountRow struct {
	id        gomail.AccountID
	seq       gomail.ModSeq
	floor     uint32 // the highest UIDVALIDITY given out
	quotaUsed int64
	quotaMax  int64

	messagesUsed int64
	messagesMax  int64
	changed      bool
	mailboxes    []gomail.MailboxID // changed ones, for the event
	rows         []*mailboxRow      // those that were taken
}

type mailboxRow struct {
	gomail.Mailbox
	crc     int64
	changed bool
	pages   []*page // those that were read or made, ascending
}

type packUse struct{ end, live int64 }

func newTx(s *Store, c *conn) *tx {
	return &tx{
		conn: c, store: s,
		accounts: map[gomail.AccountID]*accountRow{},
		packs:    map[int64]*packUse{},
		gone:     map[gomail.AccountID][]gomail.MessageID{},
	}
}

// run applies one write.
func (t *tx) run(w *write) error {
	for _, f := range w.frames {
		if err := t.insertFrame(f, w.holders); err != nil {
			return err
		}
	}
	return w.apply(t)
}

// write runs a statement that changes something.
func (t *tx) write(text string, args ...any) (int64, error) {
	t.dirty = true
	return t.exec(text, args...)
}

// account takes an account's row. NotFound when there is none.
func (t *tx) account(id gomail.AccountID) (*accountRow, error) {
	if a := t.accounts[id]; a != nil {
		return a, nil
	}
	if a := t.store.kept.take(id); a != nil {
		t.accounts[id] = a
		return a, nil
	}
	a := &accountRow{id: id}
	ok, err := t.row([]any{&a.seq, &a.floor, &a.quotaUsed, &a.quotaMax, &a.messagesUsed, &a.messagesMax},
		"SELECT seq, uidvalidity_floor, quota_used, quota_max, quota_messages_used, quota_messages_max FROM account WHERE id = ?", id)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, gomail.Errorf(gomail.NotFound, "there is no account %d", id)
	}
	t.accounts[id] = a
	return a, nil
}

// next returns the account's next sequence value.
func (t *tx) next(a *accountRow) gomail.ModSeq {
	t.dirty = true
	a.changed = true
	a.seq++
	return a.seq
}

// nextUIDValidity returns a UIDVALIDITY that no mailbox of the account has
// had: the time in seconds, or one more than the last.
func (t *tx) nextUIDValidity(a *accountRow) uint32 {
	t.dirty = true
	a.changed = true
	a.floor = max(a.floor+1, uint32(t.store.options.Clock().Unix()))
	return a.floor
}

// addQuota changes what the account uses.
func (t *tx) addQuota(a *accountRow, bytes, messages int64) {
	t.dirty = true
	a.changed = true
	a.quotaUsed += bytes
	a.messagesUsed += messages
}

const mailboxColumns = "id, parent, name, role, uidvalidity, uidnext, modseq, total, unseen, deleted, bytes, subscribed"

func mailboxDest(m *gomail.Mailbox) []any {
	return []any{&m.ID, &m.Parent, &m.Path, &m.Role, &m.UIDValidity, &m.UIDNext, &m.HighestModSeq, &m.Total, &m.Unseen, &m.Deleted, &m.Bytes, &m.Subscribed}
}

// mailbox takes a mailbox's row. NotFound when there is none.
func (t *tx) mailbox(a *accountRow, id gomail.MailboxID) (*mailboxRow, error) {
	for _, m := range a.rows {
		if m.ID == id {
			return m, nil
		}
	}
	m, err := t.takeMailbox(a, "id = ?", id)
	if err == nil && m == nil {
		err = gomail.Errorf(gomail.NotFound, "the mailbox is gone")
	}
	return m, err
}

// takeMailbox reads the row of a mailbox that was not taken before; nil when
// there is none.
func (t *tx) takeMailbox(a *accountRow, condition string, arg any) (*mailboxRow, error) {
	m := &mailboxRow{}
	ok, err := t.row(append(mailboxDest(&m.Mailbox), &m.crc), "SELECT "+mailboxColumns+", crc FROM mailbox WHERE account_id = ? AND "+condition, a.id, arg)
	if err != nil || !ok {
		return nil, err
	}
	a.rows = append(a.rows, m)
	return m, nil
}

// mailboxWithRole takes the account's mailbox with a role, and INBOX where it
// has none.
func (t *tx) mailboxWithRole(a *accountRow, role gomail.MailboxRole) (*mailboxRow, error) {
	for _, m := range a.rows {
		if m.Role == role {
			return m, nil
		}
	}
	m, err := t.takeMailbox(a, "role = ?", role)
	switch {
	case err != nil || m != nil:
		return m, err
	case role == gomail.RoleInbox:
		return nil, gomail.Errorf(gomail.NotFound, "account %d has no INBOX", a.id)
	}
	return t.mailboxWithRole(a, gomail.RoleInbox)
}

// touch notes that a mailbox changed at a sequence.
func (t *tx) touch(a *accountRow, m *mailboxRow, seq gomail.ModSeq) {
	t.dirty = true
	m.changed = true
	m.HighestModSeq = seq
	if !slices.Contains(a.mailboxes, m.ID) {
		a.mailboxes = append(a.mailboxes, m.ID)
	}
}

// useFrame counts a frame into its pack.
func (t *tx) usePack(l blob.Location) {
	p := t.packs[l.Pack]
	if p == nil {
		p = &packUse{}
		t.packs[l.Pack] = p
	}
	p.end = max(p.end, l.Offset+l.Stored)
	p.live += l.Stored
}

// end writes the shared rows and commits, once the bodies that the rows name
// are on disk.
func (t *tx) end(bodies func() error) error {
	err := t.flush()
	if err == nil {
		err = bodies()
	}
	if err != nil {
		t.rollback()
		return err
	}
	if _, err := t.exec("COMMIT"); err != nil {
		t.rollback()
		return err
	}
	return nil
}

func (t *tx) rollback() {
	// It fails when the engine has rolled back already, as on a full disk.
	t.exec("ROLLBACK")
}

// flush writes the shared rows that changed, in the order of their keys. When
// it fails, rows count as written that are not: nothing of the transaction may
// be committed then.
func (t *tx) flush() error {
	t.dirty = true
	for _, id := range slices.Sorted(maps.Keys(t.accounts)) {
		if err := t.flushAccount(t.accounts[id]); err != nil {
			return err
		}
	}
	for id, p := range t.packs {
		_, err := t.exec("INSERT INTO pack (id, bytes, live) VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET bytes = CASE WHEN excluded.bytes > pack.bytes THEN excluded.bytes ELSE pack.bytes END, live = pack.live + excluded.live",
			id, p.end, p.live)
		if err != nil {
			return err
		}
	}
	clear(t.packs)
	return nil
}

func (t *tx) flushAccount(a *accountRow) error {
	for _, m := range a.rows {
		if err := t.flushMailbox(a.id, m); err != nil {
			return err
		}
	}
	if !a.changed {
		return nil
	}
	a.changed = false
	n, err := t.exec("UPDATE account SET seq = ?, uidvalidity_floor = ?, quota_used = ?, quota_messages_used = ? WHERE id = ?", a.seq, a.floor, a.quotaUsed, a.messagesUsed, a.id)
	if err == nil && n != 1 {
		err = fmt.Errorf("account %d is gone", a.id)
	}
	return err
}

func (t *tx) flushMailbox(account gomail.AccountID, m *mailboxRow) error {
	if !m.changed {
		return nil
	}
	m.changed = false
	if err := t.flushPages(account, m); err != nil {
		return err
	}
	n, err := t.exec("UPDATE mailbox SET uidnext = ?, modseq = ?, total = ?, unseen = ?, deleted = ?, bytes = ?, crc = ? WHERE account_id = ? AND id = ?",
		m.UIDNext, m.HighestModSeq, m.Total, m.Unseen, m.Deleted, m.Bytes, m.crc, account, m.ID)
	if err == nil && n != 1 {
		err = fmt.Errorf("mailbox %d of account %d is gone", m.ID, account)
	}
	return err
}

// forget drops a mailbox that was deleted from the shared rows.
func (a *accountRow) forget(id gomail.MailboxID) {
	a.rows = slices.DeleteFunc(a.rows, func(m *mailboxRow) bool { return m.ID == id })
}

// publish tells of the accounts that changed.
func (t *tx) publish() {
	t.store.directory.committed(t)
	for account, messages := range t.gone {
		t.store.unfinished.add(account, messages)
		t.store.items.forget(account, messages)
	}
	for id, a := range t.accounts {
		if len(a.mailboxes) > 0 {
			t.store.options.Publish(gomail.Event{Account: id, Seq: a.seq, Mailbox: a.mailboxes})
		}
	}
}
