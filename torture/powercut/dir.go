package powercut

import (
	"maps"
	"math/rand/v2"
	"time"
)

// node is a *file or a *dir.
type node interface{ number() uint64 }

func (f *file) number() uint64 { return f.ino }
func (d *dir) number() uint64  { return d.ino }

// change is one operation on a directory: names that came and, with nil, went.
type change map[string]node

// dir is a directory.
type dir struct {
	ino      uint64
	modified time.Time

	entries map[string]node // as the running system sees it
	synced  map[string]node // as of the last sync
	changes []change        // since
}

func newDir(ino uint64) *dir {
	return &dir{ino: ino, modified: time.Now(), entries: map[string]node{}, synced: map[string]node{}}
}

// apply makes a change that the next sync makes durable.
func (d *dir) apply(c change) {
	c.to(d.entries)
	d.changes = append(d.changes, c)
	d.modified = time.Now()
}

func (c change) to(entries map[string]node) {
	for name, n := range c {
		if n == nil {
			delete(entries, name)
		} else {
			entries[name] = n
		}
	}
}

func (d *dir) sync() {
	for _, c := range d.changes {
		c.to(d.synced)
	}
	d.changes = nil
}

// survivor is the directory after a cut, with all that is below it. Each
// change since the last sync happened with probability p.
func (d *dir) survivor(p float64, random *rand.Rand) *dir {
	s := newDir(d.ino)
	kept := maps.Clone(d.synced)
	for _, c := range d.changes {
		if random.Float64() < p {
			c.to(kept)
		}
	}
	for _, name := range sortedNames(kept) {
		switch n := kept[name].(type) {
		case *file:
			s.synced[name] = n.survivor(p, random)
		case *dir:
			s.synced[name] = n.survivor(p, random)
		}
	}
	s.entries = maps.Clone(s.synced)
	return s
}
