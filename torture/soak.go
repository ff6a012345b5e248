package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"time"
)

// What a soak allows. It is enforced from an hour on: before that a database
// fills its cache and tells nothing.
const (
	mostGrowth   = 1 << 20          // octets of memory an hour, beyond noise
	mostWarmUp   = 15 * time.Minute // of a stretch, in which caches fill: not counted
	soakEnforced = time.Hour
)

// soak is a long life at a moderate load, in which things go wrong all the
// time.
type soak struct {
	*trial
	samples []stretch
	warmUp  time.Duration // of each
}

// stretch is the samples between two starts.
type stretch []reading

type reading struct {
	at time.Duration // since the start
	sample
}

// soakIt lives for o.last and demands that nothing is lost and nothing grows.
func (o options) soakIt(ctx context.Context, dir string) error {
	l := &life{binary: o.binary, dir: dir, random: rand.New(rand.NewPCG(o.seed, 0)), survival: -1, pace: 40 * time.Millisecond}
	l.begin()
	w, err := newWorld(func() *outbox { return l.outbox })
	if err != nil {
		return err
	}
	defer w.close()
	l.world = w
	s := &soak{trial: &trial{life: l, scenario: scenario{senders: 8}}}
	each := min(max(o.last/2, 3*time.Minute), time.Hour)
	s.warmUp = min(each/3, mostWarmUp)
	for until := time.Now().Add(o.last); time.Now().Before(until) && ctx.Err() == nil; {
		problems, err := s.stretch(ctx, min(each, time.Until(until)))
		if len(problems) > 0 || err != nil {
			return errors.Join(err, errors.New(strings.Join(problems[:min(len(problems), 20)], "\n")))
		}
	}
	problems, err := l.end()
	if len(problems) > 0 || err != nil {
		return errors.Join(err, errors.New(strings.Join(problems[:min(len(problems), 20)], "\n")))
	}
	return s.report(o.last)
}

// stretch starts the server, verifies, and works until the process is killed
// or the power is cut.
func (s *soak) stretch(ctx context.Context, last time.Duration) (problems []string, err error) {
	s.trial.prefix = fmt.Sprintf("s%d-", len(s.samples))
	err = s.mounted(func(config, data string) error {
		srv, err := launch([]string{s.binary}, config, data)
		if err != nil {
			return err
		}
		defer srv.kill()
		srv.patient = true
		if problems = s.resume(srv); len(problems) > 0 {
			return nil
		}
		s.enough.Store(false)
		s.work(srv)
		s.workers.Go(func() { s.keepTidy(srv) })
		s.observe(ctx, srv, last)
		if !srv.running() {
			problems = append(problems, "the process ended: "+tail(srv.log.String()))
		}
		if len(s.samples)%2 == 0 {
			s.cut(srv)
		}
		srv.kill()
		s.enough.Store(true)
		s.workers.Wait()
		return nil
	})
	return problems, err
}

func tail(text string) string { return text[max(0, len(text)-2000):] }

// keepTidy expunges and collects, so that the store does not grow.
func (s *soak) keepTidy(srv *server) {
	for !s.enough.Load() && srv.running() {
		for _, box := range []*inbox{s.anna, s.bert} {
			s.reap(srv, box, true)
		}
		if packs, err := srv.collect(); err == nil {
			s.packs.Add(packs)
		}
		time.Sleep(3 * time.Second)
	}
}

// observe samples, while the disk fills and empties and the resolver goes and
// comes.
func (s *soak) observe(ctx context.Context, srv *server, last time.Duration) {
	began := time.Now()
	var readings stretch
	for n := 0; time.Since(began) < last && ctx.Err() == nil && srv.running(); n++ {
		switch n % 40 {
		case 15:
			fillDisk(s.trial)
		case 20:
			makeRoom(s.trial)
		case 30:
			silence(s.trial)
		case 36:
			speak(s.trial)
		}
		if now, err := srv.sample(); err == nil {
			readings = append(readings, reading{time.Since(began), now})
		}
		rest(ctx, time.Second)
	}
	makeRoom(s.trial)
	speak(s.trial)
	s.samples = append(s.samples, readings)
	if n := len(readings); n > 0 {
		r := readings[n-1]
		say("stretch %d: %d acknowledged so far; after %v %d MB, %d goroutines, %d files; refused: %v", len(s.samples), s.acks.Load(),
			r.at.Round(time.Second), r.memory>>20, r.goroutines, r.files, &s.answers)
	}
}

// report prints what grew and fails when it did.
func (s *soak) report(last time.Duration) error {
	memory, memoryNoise := slope(s.samples, s.warmUp, func(r reading) float64 { return float64(r.memory) })
	routines, routinesNoise := slope(s.samples, s.warmUp, func(r reading) float64 { return float64(r.goroutines) })
	files, filesNoise := slope(s.samples, s.warmUp, func(r reading) float64 { return float64(r.files) })
	say("%d acknowledged, %d sent twice, nothing lost; in an hour: memory %+.1f ± %.1f MB, goroutines %+.1f ± %.1f, files %+.1f ± %.1f",
		s.acks.Load(), s.duplicates, memory/(1<<20), memoryNoise/(1<<20), routines, routinesNoise, files, filesNoise)
	if last < soakEnforced {
		return nil
	}
	if memory-2*memoryNoise > mostGrowth || routines-2*routinesNoise > 1 || files-2*filesNoise > 1 {
		return errors.New("the server grows")
	}
	return nil
}

// slope fits one slope, an hour, through all stretches, each with a level of its
// own, and returns it with its standard error. The warm-up is left out.
func slope(all []stretch, warmUp time.Duration, of func(reading) float64) (perHour, noise float64) {
	var xx, xy, yy, n float64
	for _, s := range all {
		var x, y []float64
		for _, r := range s {
			if r.at >= warmUp {
				x, y = append(x, r.at.Hours()), append(y, of(r))
			}
		}
		mx, my := mean(x), mean(y)
		for i := range x {
			xx += (x[i] - mx) * (x[i] - mx)
			xy += (x[i] - mx) * (y[i] - my)
			yy += (y[i] - my) * (y[i] - my)
			n++
		}
	}
	if xx == 0 || n <= float64(len(all)+1) {
		return 0, 0
	}
	perHour = xy / xx
	return perHour, math.Sqrt(max(yy-perHour*xy, 0) / (n - float64(len(all)) - 1) / xx)
}

func mean(of []float64) (m float64) {
	for _, v := range of {
		m += v / float64(len(of))
	}
	return m
}
