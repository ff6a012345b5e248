package store

import "gomail"

// Bounds of the rows that are kept: about 45 MB, most
// of which is a page of each account's entries.
const (
	maxKept          = 1 << 15 // accounts
	maxKeptMailboxes = 8       // of each
)

// keptRows are rows of accounts and their mailboxes as of the last commit, so
// that a delivery need not read them again. The writer alone uses them, and is
// the only one who writes those rows.
//
// A transaction takes a row out and puts it back after its commit. So one that
// is rolled back leaves none of what it changed behind, and what it removed is
// not put back.
type keptRows map[gomail.AccountID]*accountRow

// take returns an account's rows and keeps them no longer; nil when they are
// not there.
func (k keptRows) take(id gomail.AccountID) *accountRow {
	a := k[id]
	delete(k, id)
	return a
}

// put keeps what a transaction has committed. Any others make room for it.
func (k keptRows) put(accounts map[gomail.AccountID]*accountRow) {
	for id := range k {
		if len(k)+len(accounts) <= maxKept {
			break
		}
		delete(k, id)
	}
	for id, a := range accounts {
		a.mailboxes = nil
		if len(a.rows) > maxKeptMailboxes {
			a.rows = nil
		}
		a.keepPage()
		k[id] = a
	}
}

// keepPage keeps of the account's pages only the one to which entries are added
// in the mailbox that changed last.
func (a *accountRow) keepPage() {
	var latest *mailboxRow
	for _, m := range a.rows {
		if latest == nil || m.HighestModSeq > latest.HighestModSeq {
			latest = m
		}
	}
	for _, m := range a.rows {
		if m == latest {
			m.keepLast()
		} else {
			m.pages = nil
		}
	}
}
