package store

import (
	"database/sql"
	"errors"
	"slices"

	"gomail"
	"gomail/mailbox"
)

// page is a page of entries in a transaction. It is either packed, when
// entries can be read and appended, or open, when they can be changed.
type page struct {
	first gomail.UID // the row's key
	last  bool       // the mailbox has none after it

	writer pageWriter // packed
	count  int
	span   pageSpan

	open    bool
	entries []entry

	stored  bool // there is a row
	changed bool
}

// pageSpan is what a row says of its entries.
type pageSpan struct {
	modseq          gomail.ModSeq    // the highest
	lowest, highest gomail.MessageID // the messages
}

func (s *pageSpan) add(e *entry) {
	s.modseq = max(s.modseq, e.ModSeq)
	s.highest = max(s.highest, e.Message)
	if s.lowest == 0 || e.Message < s.lowest {
		s.lowest = e.Message
	}
}

// unpack returns the entries, which may then be changed in place.
func (p *page) unpack() ([]entry, error) {
	if p.open {
		return p.entries, nil
	}
	r := pageReader{octets: p.writer.octets[1:], at: entry{Entry: mailbox.Entry{UID: p.first - 1}}}
	p.entries = make([]entry, 0, p.count)
	for r.next() {
		p.entries = append(p.entries, r.at)
	}
	p.open = true
	return p.entries, r.err
}

// full reports whether a further entry should go to a page of its own.
func (p *page) full() bool {
	if p.open {
		return len(p.entries) >= pageSize/16
	}
	return len(p.writer.octets) >= pageSize
}

// add appends an entry.
func (p *page) add(e *entry) {
	p.changed = true
	if p.open {
		p.entries = append(p.entries, *e)
		return
	}
	p.writer.add(e)
	p.span.add(e)
	p.count++
}

func newPage(first gomail.UID) *page {
	p := &page{first: first}
	p.writer.octets = make([]byte, 0, pageSize+64)
	p.writer.begin(first)
	return p
}

// loadPage takes a row of the table.
func loadPage(first gomail.UID, stored []byte) (*page, error) {
	p := &page{first: first, stored: true}
	p.writer.octets = slices.Clone(stored[:max(0, len(stored)-pageSum)])
	r := readPage(first, stored)
	for r.next() {
		p.span.add(&r.at)
		p.count++
	}
	p.writer.last, p.writer.keywords = r.at, r.keywords
	if r.err != nil { // not final for the store: other mailboxes are as good as before
		return nil, gomail.Errorf(gomail.Unavailable, "%w", r.err)
	}
	return p, nil
}

// lastPage returns the page to which a new entry goes; nil when it needs a new
// one, as when the last is damaged: a message has other recipients, too.
func (t *tx) lastPage(a *accountRow, m *mailboxRow) (*page, error) {
	if n := len(m.pages); n > 0 && m.pages[n-1].last {
		return m.pages[n-1], nil
	}
	if m.Total == 0 {
		return nil, nil
	}
	err := t.loadPages(m, "SELECT first, entries FROM entry_page WHERE account_id = ? AND mailbox_id = ? ORDER BY first DESC LIMIT 1", a.id, m.ID)
	if errors.Is(err, errPage) {
		return nil, nil
	}
	if n := len(m.pages); err == nil && n > 0 {
		m.pages[n-1].last = true
		return m.pages[n-1], nil
	}
	return nil, err
}

// loadPages adds the pages that a query returns to those of the mailbox. One
// that is there already is further than its row.
func (t *tx) loadPages(m *mailboxRow, query string, args ...any) error {
	return t.query(func(rows *sql.Rows) error {
		var first gomail.UID
		var stored sql.RawBytes
		if err := rows.Scan(&first, &stored); err != nil {
			return err
		}
		i, there := m.pageAt(first)
		if there {
			return nil
		}
		p, err := loadPage(first, stored)
		if err == nil {
			m.pages = slices.Insert(m.pages, i, p)
		}
		return err
	}, query, args...)
}

// pageAt returns where the page of a key is among those of the mailbox, or
// belongs.
func (m *mailboxRow) pageAt(first gomail.UID) (int, bool) {
	return slices.BinarySearchFunc(m.pages, first, func(p *page, first gomail.UID) int { return int(int64(p.first) - int64(first)) })
}

// pagesOf loads all pages that may hold entries from one UID to another, and
// returns them.
func (t *tx) pagesOf(a *accountRow, m *mailboxRow, from, to gomail.UID) ([]*page, error) {
	err := t.loadPages(m, `SELECT first, entries FROM entry_page WHERE account_id = ? AND mailbox_id = ? AND first <= ?
		AND first >= COALESCE((SELECT MAX(first) FROM entry_page WHERE account_id = ? AND mailbox_id = ? AND first <= ?), 0)`,
		a.id, m.ID, to, a.id, m.ID, from)
	if err != nil {
		return nil, err
	}
	i, exact := m.pageAt(from)
	if !exact && i > 0 {
		i--
	}
	j, exact := m.pageAt(to)
	if exact {
		j++
	}
	return m.pages[i:max(i, j)], nil
}

// farApart is how many UIDs may lie between two for the pages between them to
// be read in one go.
const farApart = 512

// visit calls f with the open entries that have one of the UIDs, nil being
// all, and with the page of each, which f marks when it changes the entry.
// UIDs and entries ascend.
func (t *tx) visit(a *accountRow, m *mailboxRow, uids []gomail.UID, f func(*page, *entry)) error {
	if uids == nil {
		pages, err := t.pagesOf(a, m, 1, ^gomail.UID(0))
		if err != nil {
			return err
		}
		return eachEntry(pages, func(p *page, e *entry) { f(p, e) })
	}
	for len(uids) > 0 {
		n := 1
		for n < len(uids) && uids[n]-uids[n-1] <= farApart {
			n++
		}
		pages, err := t.pagesOf(a, m, uids[0], uids[n-1])
		if err != nil {
			return err
		}
		wanted := uids[:n]
		err = eachEntry(pages, func(p *page, e *entry) {
			for len(wanted) > 0 && wanted[0] < e.UID {
				wanted = wanted[1:]
			}
			if len(wanted) > 0 && wanted[0] == e.UID {
				f(p, e)
			}
		})
		if err != nil {
			return err
		}
		uids = uids[n:]
	}
	return nil
}

func eachEntry(pages []*page, f func(*page, *entry)) error {
	for _, p := range pages {
		entries, err := p.unpack()
		if err != nil {
			return err
		}
		for i := range entries {
			f(p, &entries[i])
		}
	}
	return nil
}

// entriesOf returns those of the UIDs, ascending, that exist; nil means all.
func (t *tx) entriesOf(a *accountRow, m *mailboxRow, uids []gomail.UID) (found []mailbox.Entry, err error) {
	err = t.visit(a, m, uids, func(_ *page, e *entry) { found = append(found, e.Entry) })
	return found, err
}

// firstEntries returns a mailbox's first entries, at most n.
func (t *tx) firstEntries(a *accountRow, m *mailboxRow, n int) (found []mailbox.Entry, err error) {
	from := gomail.UID(1)
	for len(found) < n {
		last, err := t.int64("SELECT COALESCE(MAX(first), 0) FROM (SELECT first FROM entry_page WHERE account_id = ? AND mailbox_id = ? AND first > ? ORDER BY first LIMIT 64)", a.id, m.ID, from)
		if err != nil {
			return nil, err
		}
		if last == 0 { // what there is besides is in memory
			last = int64(^gomail.UID(0))
		}
		pages, err := t.pagesOf(a, m, from, gomail.UID(last))
		if err != nil {
			return nil, err
		}
		err = eachEntry(pages, func(_ *page, e *entry) {
			if e.UID >= from && int64(e.UID) <= last {
				found = append(found, e.Entry)
			}
		})
		if err != nil {
			return nil, err
		}
		if last == int64(^gomail.UID(0)) {
			break
		}
		from = gomail.UID(last) + 1
	}
	return found[:min(len(found), n)], nil
}

// dropEntries removes entries, ascending, from their pages. A page of which little
// is left joins the one before it, so that a mailbox never takes many more rows
// than its entries need.
func (t *tx) dropEntries(a *accountRow, m *mailboxRow, gone []mailbox.Entry) error {
	uids := make([]gomail.UID, len(gone))
	for i, e := range gone {
		uids[i] = e.UID
	}
	var touched []*page
	err := t.visit(a, m, uids, func(p *page, _ *entry) {
		if n := len(touched); n == 0 || touched[n-1] != p {
			touched = append(touched, p)
		}
	})
	if err != nil {
		return err
	}
	for _, p := range touched {
		p.changed = true
		p.entries = slices.DeleteFunc(p.entries, func(e entry) bool {
			for len(uids) > 0 && uids[0] < e.UID {
				uids = uids[1:]
			}
			return len(uids) > 0 && uids[0] == e.UID
		})
		if err := t.join(a, m, p); err != nil {
			return err
		}
	}
	return nil
}

// fewEntries is up to how many entries of two pages become one.
const fewEntries = pageSize / 16 / 2

// join moves what is left of a page to the one before it, if both hold little.
func (t *tx) join(a *accountRow, m *mailboxRow, p *page) error {
	if len(p.entries) == 0 || len(p.entries) > fewEntries/2 || p.first == 1 {
		return nil
	}
	before, err := t.pagesOf(a, m, p.first-1, p.first-1)
	if errors.Is(err, errPage) { // it stays beside one that is damaged
		return nil
	}
	if err != nil || len(before) == 0 {
		return err
	}
	into := before[0]
	entries, err := into.unpack()
	if err != nil || len(entries)+len(p.entries) > fewEntries {
		return err
	}
	into.entries = append(entries, p.entries...)
	into.last, into.changed = p.last, true
	// At once, because who looks for the entries now looks for their page.
	m.pages = slices.DeleteFunc(m.pages, func(q *page) bool { return q == p })
	return t.deletePage(a.id, m.ID, p)
}

func (t *tx) deletePage(account gomail.AccountID, id gomail.MailboxID, p *page) error {
	if !p.stored {
		return nil
	}
	_, err := t.write("DELETE FROM entry_page WHERE account_id = ? AND mailbox_id = ? AND first = ?", account, id, p.first)
	return err
}

// flushPages writes the pages that have changed.
func (t *tx) flushPages(account gomail.AccountID, m *mailboxRow) error {
	pages := make([]*page, 0, len(m.pages))
	for _, p := range m.pages {
		parts := []*page{p}
		if p.changed {
			if parts = p.pack(); parts == nil {
				if err := t.deletePage(account, m.ID, p); err != nil {
					return err
				}
			}
		}
		for _, part := range parts {
			if err := t.writePage(account, m.ID, part); err != nil {
				return err
			}
		}
		pages = append(pages, parts...)
	}
	m.pages = pages
	return nil
}

// pack returns what becomes of a page: nothing when it is empty, two or more
// when it has grown too large.
func (p *page) pack() []*page {
	if !p.open {
		return []*page{p}
	}
	if len(p.entries) == 0 {
		return nil
	}
	packed := newPage(p.first)
	for i := range p.entries {
		packed.add(&p.entries[i])
	}
	packed.stored, packed.last = p.stored, p.last
	if len(packed.writer.octets) <= maxPage || len(p.entries) == 1 {
		return []*page{packed}
	}
	half := len(p.entries) / 2
	low := &page{first: p.first, open: true, entries: p.entries[:half], stored: p.stored}
	high := &page{first: p.entries[half].UID, open: true, entries: p.entries[half:], last: p.last}
	return append(low.pack(), high.pack()...)
}

func (t *tx) writePage(account gomail.AccountID, id gomail.MailboxID, p *page) (err error) {
	if !p.changed {
		return nil
	}
	s := &p.span
	if p.stored {
		_, err = t.exec("UPDATE entry_page SET modseq = ?, lowest = ?, highest = ?, entries = ? WHERE account_id = ? AND mailbox_id = ? AND first = ?",
			s.modseq, s.lowest, s.highest, p.writer.sealed(p.first), account, id, p.first)
	} else {
		_, err = t.exec("INSERT INTO entry_page (account_id, mailbox_id, first, modseq, lowest, highest, entries) VALUES (?, ?, ?, ?, ?, ?, ?)",
			account, id, p.first, s.modseq, s.lowest, s.highest, p.writer.sealed(p.first))
	}
	p.stored, p.changed = true, false
	return err
}

// keepLast keeps of a mailbox's pages only the one to which entries are added.
func (m *mailboxRow) keepLast() {
	n := len(m.pages)
	if n == 0 {
		return
	}
	last := m.pages[n-1]
	m.pages = nil
	if last.last && !last.open {
		m.pages = []*page{last}
	}
}
