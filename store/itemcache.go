package store

import (
	"sync"

	"gomail"
	"gomail/mailbox"
)

// itemCache remembers what was read of messages with their indexes, which
// never changes: programs and webmail ask for the same mailbox again and again,
// to list, sort, thread and search it. It is two generations of at most
// maxGeneration octets; what is asked for again lives on when the older one
// goes.
type itemCache struct {
	mu         sync.Mutex
	young, old map[itemKey]mailbox.Item
	octets     int // of the young
}

type itemKey struct {
	account gomail.AccountID
	message gomail.MessageID
}

const (
	maxGeneration = 8 << 20
	itemOverhead  = 200 // octets of a map's entry, about
)

// get fills in what it knows and returns the places of what it does not.
func (c *itemCache) get(account gomail.AccountID, messages []gomail.MessageID, items []mailbox.Item) (missing []int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, id := range messages {
		key := itemKey{account, id}
		item, ok := c.young[key]
		if !ok {
			if item, ok = c.old[key]; ok {
				c.add(key, item)
			}
		}
		if !ok {
			missing = append(missing, i)
			continue
		}
		items[i] = item
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
		c.young, c.old, c.octets = map[itemKey]mailbox.Item{}, c.young, 0
	}
	c.young[key] = item
	c.octets += len(item.Index) + len(item.Own) + itemOverhead
}

// forget drops messages that are gone.
func (c *itemCache) forget(account gomail.AccountID, messages []gomail.MessageID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, id := range messages {
		delete(c.young, itemKey{account, id})
		delete(c.old, itemKey{account, id})
	}
}
