package resolver

import (
	"sync"
	"time"

	"github.com/miekg/dns"
)

const (
	maxTTL         = 24 * time.Hour
	maxNegativeTTL = 15 * time.Minute // RFC 2308 section 5 suggests to stay below hours
	// maxCachedBytes is the largest answer that is kept: with the limit on
	// entries it bounds the cache's memory whatever strangers publish.
	maxCachedBytes = 8 << 10
)

// cache holds answers until they expire. The zero value with a limit is ready.
type cache struct {
	mu      sync.RWMutex
	entries map[question]*Answer
	limit   int
}

func (c *cache) get(q question, clock func() time.Time) (*Answer, bool) {
	c.mu.RLock()
	answer := c.entries[q]
	c.mu.RUnlock()
	if answer == nil || !clock().Before(answer.Expires) {
		return nil, false
	}
	return answer, true
}

func (c *cache) put(q question, answer *Answer, now time.Time) {
	if !now.Before(answer.Expires) || size(answer.Records) > maxCachedBytes {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.entries == nil {
		c.entries = make(map[question]*Answer)
	}
	if _, known := c.entries[q]; !known && len(c.entries) >= c.limit {
		c.evict(now)
	}
	c.entries[q] = answer
}

// drop removes the answer to a question.
func (c *cache) drop(q question) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.entries, q)
}

// evict makes room: of a few entries, which the map picks at random, those
// that are out of date, or else the one that will be first.
func (c *cache) evict(now time.Time) {
	var soonest question
	var expires time.Time
	seen, removed := 0, 0
	for q, answer := range c.entries {
		if !now.Before(answer.Expires) {
			delete(c.entries, q)
			removed++
		} else if expires.IsZero() || answer.Expires.Before(expires) {
			soonest, expires = q, answer.Expires
		}
		if seen++; seen == 16 {
			break
		}
	}
	if removed == 0 {
		delete(c.entries, soonest)
	}
}

func size(records []dns.RR) int {
	n := 0
	for _, rr := range records {
		n += dns.Len(rr)
	}
	return n
}
