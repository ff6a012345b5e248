package dnswatch

import (
	"hash/fnv"
	"time"
)

// The pace of looks: every minute for the first half hour after a change,
// then every five minutes, then hourly; what has not come right for days is
// looked at more seldom, and never given up.
const (
	soon      = time.Minute
	soonFor   = 30 * time.Minute
	often     = 5 * time.Minute
	oftenFor  = 6 * time.Hour
	hourly    = time.Hour
	hourlyFor = 7 * 24 * time.Hour
	seldom    = 3 * time.Hour
)

// next returns when a domain is looked at again, ready or not, so long after
// something about it last changed.
func next(domain string, now, changed time.Time, ready bool) time.Time {
	quiet := max(now.Sub(changed), 0) // the clock may have been wrong
	wait := hourly
	switch {
	case quiet < soonFor:
		wait = soon
	case ready:
	case quiet < oftenFor:
		wait = often
	case quiet >= hourlyFor:
		wait = seldom
	}
	return now.Add(spread(domain, wait))
}

// spread makes domains that began together drift apart: up to a tenth less,
// the same for a domain every time.
func spread(domain string, wait time.Duration) time.Duration {
	h := fnv.New32a()
	h.Write([]byte(domain))
	return wait - time.Duration(int64(wait)/10*int64(h.Sum32()%1000)/1000)
}
