package store

import (
	"slices"
	"testing"

	"gomail"
)

func TestKeptRowsAreBounded(t *testing.T) {
	k := keptRows{}
	for batch := range gomail.AccountID(300) {
		accounts := map[gomail.AccountID]*accountRow{}
		for n := range gomail.AccountID(500) {
			id := batch*500 + n
			accounts[id] = &accountRow{id: id, mailboxes: []gomail.MailboxID{1}, rows: slices.Repeat([]*mailboxRow{{}}, int(n%20))}
		}
		k.put(accounts)
		if len(k) > maxKept {
			t.Fatalf("%d accounts are kept", len(k))
		}
	}
	if len(k) != maxKept {
		t.Errorf("only %d accounts are kept", len(k))
	}
	a := k.take(300*500 - 1)
	if a == nil || a.mailboxes != nil || a.rows != nil {
		t.Errorf("the last account was kept as %+v", a)
	}
	if k.take(300*500-1) != nil {
		t.Error("an account is taken twice")
	}
}
