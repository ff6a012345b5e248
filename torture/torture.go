package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"sync/atomic"
)

// torture is a sequence of lives.
type torture struct {
	binary, dir string
	env         []string
	random      *rand.Rand
	rounds      int       // cuts in each life
	survival    []float64 // of what was not synced, for each life in turn; negative: drawn for each cut

	world *world
	now   atomic.Pointer[life]

	lives, cuts, duplicates int
	acknowledged            int64
	packs, backups          int64
}

func (t *torture) open() (err error) {
	if err := os.MkdirAll(t.dir, 0o700); err != nil {
		return err
	}
	t.world, err = newWorld(func() *outbox { return t.now.Load().outbox })
	return err
}

func (t *torture) close() { t.world.close() }

// live has one life, with at most so many cuts in all, and returns what was
// wrong.
func (t *torture) live(ctx context.Context, most int) (problems []string, err error) {
	l := &life{binary: t.binary, dir: t.dir, env: t.env, random: t.random, world: t.world, survival: t.survival[t.lives%len(t.survival)]}
	l.begin()
	t.now.Store(l)
	t.lives++
	defer func() {
		t.acknowledged += l.acks.Load()
		t.duplicates += l.duplicates
		t.packs += l.packs.Load()
		t.backups += l.backups.Load()
	}()
	for range t.rounds {
		if t.cuts == most || ctx.Err() != nil {
			break
		}
		problems, err = l.round(fmt.Sprintf("l%d-c%d", t.lives, t.cuts))
		t.cuts++
		if len(problems) > 0 || err != nil {
			return problems, err
		}
	}
	return l.end()
}
