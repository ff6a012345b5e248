package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// tally counts by name.
type tally struct {
	mu     sync.Mutex
	counts map[string]int
}

func (t *tally) add(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.counts == nil {
		t.counts = map[string]int{}
	}
	t.counts[name]++
}

// all returns the counts so far.
func (t *tally) all() map[string]int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return maps.Clone(t.counts)
}

func (t *tally) clear() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.counts = nil
}

func (t *tally) String() string {
	counts := t.all()
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("%dx %s", counts[name], name))
	}
	return strings.Join(parts, ", ")
}

// timings are how long things took.
type timings struct {
	mu  sync.Mutex
	all []time.Duration
}

func (t *timings) add(d time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.all = append(t.all, d)
}

// percentile returns what p of all took at most, 0 <= p <= 1.
func (t *timings) percentile(p float64) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.all) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(t.all))
	return sorted[int(p*float64(len(sorted)-1))]
}

// count returns how many there are.
func (t *timings) count() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.all)
}

// reset forgets everything.
func (t *timings) reset() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.all = nil
}
