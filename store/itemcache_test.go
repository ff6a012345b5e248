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

// A mailbox that fits is remembered whole, however often it is read from its
// beginning; of one that does not, more is not held than may be; and what is
// asked for stays while others are read.
func TestItemCacheHoldsWhatFits(t *testing.T) {
	const weight = 1000
	read := func(c *itemCache, first, n int) (missing int) {
		ids := make([]gomail.MessageID, n)
		for i := range ids {
			ids[i] = gomail.MessageID(first + i)
		}
		items := make([]mailbox.Item, n)
		for _, i := range c.get(1, ids, items) {
			c.put(1, []mailbox.Item{{Message: ids[i], Index: make([]byte, weight-itemOverhead)}})
			missing++
		}
		return missing
	}
	var c itemCache
	fits := 2*maxGeneration/weight - 10
	if n := read(&c, 1, fits); n != fits {
		t.Fatalf("%d of %d were not known at first", n, fits)
	}
	for range 3 {
		if n := read(&c, 1, fits); n != 0 {
			t.Errorf("%d of %d that fit were forgotten", n, fits)
		}
	}
	c = itemCache{}
	for round := range 50 {
		if n := read(&c, 1, 100); n != 0 && round > 0 {
			t.Errorf("round %d: %d of those that are asked for all the time were forgotten", round, n)
		}
		read(&c, 1000+round*5000, 5000)
		if held := (len(c.young) + len(c.old)) * weight; held > 2*maxGeneration+2*weight {
			t.Fatalf("%d octets are held", held)
		}
	}
}
