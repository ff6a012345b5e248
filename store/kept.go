package store

import "gomail"

// Bounds of the rows that are kept: about 25 MB.
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
		for _, m := range a.rows {
			m.keepLast()
		}
		k[id] = a
	}
}
