package store

import (
	"testing"

	"gomail"
	"gomail/mailbox"
)

// The cache is bounded, keeps what is asked for, and forgets what is gone.
func TestItemCache(t *testing.T) {
	var c itemCache
	item := func(id gomail.MessageID) mailbox.Item {
		return mailbox.Item{Message: id, Size: int64(id), Index: make([]byte, 1<<10)}
	}
	has := func(account gomail.AccountID, id gomail.MessageID) bool {
		items := make([]mailbox.Item, 1)
		missing := c.get(account, []gomail.MessageID{id}, items)
		return len(missing) == 0 && items[0].Size == int64(id)
	}
	c.put(1, []mailbox.Item{item(1), {}, item(2)})
	if !has(1, 1) || !has(1, 2) || has(2, 1) || has(1, 0) || has(1, 3) {
		t.Error("it knows what it should not, or does not what it should")
	}
	const many = 3 * maxGeneration / (1<<10 + itemOverhead)
	for id := gomail.MessageID(100); id < 100+many; id++ {
		c.put(1, []mailbox.Item{item(id)})
		if !has(1, 1) {
			t.Fatalf("after %d more, it forgot what is asked for", id-100)
		}
	}
	if has(1, 2) || len(c.young)+len(c.old) > many {
		t.Errorf("it remembers %d of %d", len(c.young)+len(c.old), many)
	}
	c.forget(1, []gomail.MessageID{1, 99})
	if has(1, 1) {
		t.Error("it remembers what is gone")
	}
}
