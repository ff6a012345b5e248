package store

import (
	"sync"

	"gomail"
	"gomail/mailbox"
)

// itemCache remembers what was read of messages with their indexes, which
// never changes: programs and webmail ask for the same mailbox again and again,
// to list, sort, thread and search it. It is two generations of at most
// maxGeneration octets. When the young one is full the old one goes, but for what
// was asked for since it became old: of that half a generation lives on. A
// mailbox that both hold together is asked for time and again without losing any
// of it.
type itemCache struct {
	mu         sync.Mutex
	young, old map[itemKey]*keptItem
	octets     int // of the young
}

// keptItem is what is remembered of a message.
type keptItem struct {
	mailbox.Item
	asked bool // for, since it is old
}

type itemKey struct {
	account gomail.AccountID
	message gomail.MessageID
}

const (
	maxGeneration = 8 << 20
	itemOverhead  = 200 // octets of an entry, about
)

// get fills in what it knows and returns the places of what it does not.
func (c *itemCache) get(account gomail.AccountID, messages []gomail.MessageID, items []mailbox.Item) (missing []int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, id := range messages {
		key := itemKey{account, id}
		item, ok := c.young[key]
		if !ok {
			if item, ok = c.old[key]; !ok {
				missing = append(missing, i)
				continue
			}
			item.asked = true
		}
		items[i] = item.Item
	}
	return missing
}

// put remembers items.
func (c *itemCache) put(account gomail.AccountID, items []mailbox.Item) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, item := range items {
		if item.Message != 0 {
			c.add(itemKey{account, item.Message}, item)
		}
	}
}

func (c *itemCache) add(key itemKey, item mailbox.Item) {
	if c.young == nil || c.octets > maxGeneration {
		c.age()
	}
	c.young[key] = &keptItem{Item: item}
	c.octets += weightOf(&item)
}

// age makes the young old.
func (c *itemCache) age() {
	goes := c.old
	c.young, c.old, c.octets = map[itemKey]*keptItem{}, c.young, 0
	for key, item := range goes {
		if c.octets > maxGeneration/2 {
			break
		}
		if _, again := c.old[key]; item.asked && !again {
			item.asked = false
			c.young[key] = item
			c.octets += weightOf(&item.Item)
		}
	}
}

// weightOf is how many octets of memory an item takes, about.
func weightOf(item *mailbox.Item) int { return len(item.Index) + len(item.Own) + itemOverhead }

// forget drops messages that are gone.
func (c *itemCache) forget(account gomail.AccountID, messages []gomail.MessageID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, id := range messages {
		delete(c.young, itemKey{account, id})
		delete(c.old, itemKey{account, id})
	}
}
