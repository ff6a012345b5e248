package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"gomail/internal/disk"
)

type options struct {
	cuts     int
	last     time.Duration
	seed     uint64
	totals   string
	binary   string
	mutants  bool
	faults   bool
	overload bool
	soak     bool
	only     string
}

func main() {
	var o options
	flag.IntVar(&o.cuts, "cuts", 0, "how many cuts; 0: until interrupted")
	flag.DurationVar(&o.last, "for", 0, "how long; 0: until the cuts are made")
	flag.Uint64Var(&o.seed, "seed", uint64(time.Now().UnixNano()), "of what is drawn; the timing of a run is not repeated")
	flag.StringVar(&o.totals, "totals", "docs/torture.jsonl", "the file in which runs add up; empty: none")
	flag.StringVar(&o.binary, "binary", "", "the gomail to torture; empty: build one")
	flag.BoolVar(&o.mutants, "mutants", false, "leave each sync out in turn instead, and see that it is noticed")
	flag.BoolVar(&o.faults, "faults", false, "let one thing after the other go wrong instead, and see that nothing is lost")
	flag.BoolVar(&o.overload, "overload", false, "bring more than the server can take instead, and see that honest clients are served")
	flag.BoolVar(&o.soak, "soak", false, "work for as long as -for says instead, while things go wrong, and see that nothing grows")
	flag.StringVar(&o.only, "only", "", "the faults, syncs or overloads whose name holds this")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := o.run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "torture:", err)
		os.Exit(1)
	}
}

func (o options) run(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "gomail-torture-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if o.binary == "" {
		if o.binary, err = build(ctx, dir, o.mutants); err != nil {
			return err
		}
	}
	if o.last > 0 && !o.soak && !o.overload {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.last)
		defer cancel()
	}
	if o.mutants {
		return o.hunt(ctx, dir)
	}
	if o.soak {
		return o.soakIt(ctx, dir)
	}
	if o.overload {
		return o.overwhelm(ctx, dir)
	}
	if o.faults {
		return o.tryFaults(ctx, dir)
	}
	return o.torture(ctx, dir)
}

// build makes the binary that is tortured.
func build(ctx context.Context, dir string, mutants bool) (string, error) {
	binary := filepath.Join(dir, "gomail")
	args := []string{"build", "-trimpath", "-o", binary}
	if mutants {
		args = append(args, "-tags", "mutant")
	}
	c := exec.CommandContext(ctx, "go", append(args, "gomail/cmd/gomail")...)
	c.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := c.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build gomail: %w\n%s", err, out)
	}
	return binary, nil
}

// torture cuts the power until told otherwise and adds the run to the totals.
func (o options) torture(ctx context.Context, dir string) error {
	r := newRun(o.seed)
	t := &torture{binary: o.binary, dir: dir, random: rand.New(rand.NewPCG(o.seed, 0)), rounds: 8, survival: []float64{-1}}
	if err := t.open(); err != nil {
		return err
	}
	defer t.close()
	most := o.cuts
	if most == 0 {
		most = -1
	}
	var failed error
	for ctx.Err() == nil && t.cuts != most && failed == nil {
		problems, err := t.live(ctx, most)
		r.Problems += len(problems)
		failed = err
		if len(problems) > 0 {
			failed = errors.New(strings.Join(problems[:min(len(problems), 20)], "\n"))
		}
		say("%d cuts, %d acknowledgements", t.cuts, t.acknowledged)
	}
	r.Cuts, r.Acknowledged, r.Packs, r.Backups, r.SentTwice = t.cuts, t.acknowledged, t.packs, t.backups, t.duplicates
	say("this run (commit %s, seed %d): %v", r.Commit, r.Seed, r)
	if o.totals == "" {
		return failed
	}
	total, runs, err := record(o.totals, r)
	say("in %d runs: %v", runs, total)
	return errors.Join(failed, err)
}

// hunt demands that every missing sync is noticed.
func (o options) hunt(ctx context.Context, dir string) error {
	points := slices.DeleteFunc(disk.Points(), func(p disk.Point) bool { return !strings.Contains(string(p), o.only) })
	unnoticed, err := hunt(ctx, o.binary, dir, o.seed, points, say)
	if err == nil && len(unnoticed) > 0 {
		err = fmt.Errorf("nobody missed these syncs: %v", unnoticed)
	}
	return err
}

func say(format string, args ...any) { fmt.Printf(format+"\n", args...) }
