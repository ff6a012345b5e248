package main

import (
	"context"
	"fmt"
	"math/rand/v2"

	"gomail/internal/disk"
)

// mostRounds is within how many cuts a missing sync has to be noticed.
const mostRounds = 24

// hunt leaves each of the syncs out in turn, in a binary built for that, and looks
// whether the cuts show it. It returns the points that nobody missed.
func hunt(ctx context.Context, binary, dir string, seed uint64, points []disk.Point, log func(string, ...any)) (unnoticed []disk.Point, err error) {
	if _, problem, err := huntOne(ctx, binary, dir, seed, "", 4); err != nil || problem != "" {
		return nil, fmt.Errorf("with all syncs in place: %s (%w)", problem, err)
	}
	for _, point := range points {
		cuts, problem, err := huntOne(ctx, binary, dir, seed, point, mostRounds)
		if err != nil {
			return unnoticed, fmt.Errorf("without %s: %w", point, err)
		}
		if problem == "" {
			unnoticed = append(unnoticed, point)
			log("without %-12s nothing was noticed in %d cuts", point, cuts)
			continue
		}
		log("without %-12s noticed after %d cuts: %.150s", point, cuts, problem)
	}
	return unnoticed, nil
}

func huntOne(ctx context.Context, binary, dir string, seed uint64, point disk.Point, most int) (cuts int, problem string, err error) {
	t := &torture{binary: binary, dir: dir, env: []string{"MUTANT_WITHOUT_SYNC=" + string(point)}, random: rand.New(rand.NewPCG(seed, 7)), rounds: 2, survival: []float64{0, 0.5}}
	if err := t.open(); err != nil {
		return 0, "", err
	}
	defer t.close()
	for t.cuts < most && ctx.Err() == nil {
		problems, err := t.live(ctx, most)
		if err != nil {
			return t.cuts, "", err
		}
		if len(problems) > 0 {
			return t.cuts, problems[0], nil
		}
	}
	return t.cuts, "", ctx.Err()
}
