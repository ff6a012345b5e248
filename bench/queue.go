package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"
)

// queueSystem is a mail server whose queue is emptied.
type queueSystem interface {
	name() string
	// fill puts messages with the marks 0 to n-1 into its queue, spread over
	// the first so many destinations, while the sink answers nothing. It may
	// leave that the server does not run.
	fill(ctx context.Context, n, destinations int) error
	// begin lets the server go to work, after the sink was released.
	begin(ctx context.Context) error
	// finish returns when the server's queue is empty.
	finish(ctx context.Context) error
	cpu() time.Duration
	end() error
}

// queueLoad is one kind of queue.
type queueLoad struct {
	Messages     int `json:"messages"`
	Destinations int `json:"destinations"`
}

// drained is what emptying a queue once took.
type drained struct {
	Seconds       float64 `json:"seconds"`        // from the release to the last message's arrival
	PerSecond     float64 `json:"per_second"`     // messages
	CPUPerMessage float64 `json:"cpu_ms_message"` // of the server
	Connections   int     `json:"connections"`    // made to the sink
	Twice         int     `json:"twice"`          // messages that came more than once
}

// queueRow is what all rounds of one load found, by system.
type queueRow struct {
	Load    queueLoad            `json:"load"`
	Systems []string             `json:"systems"`
	Rounds  []map[string]drained `json:"rounds"`
	Ratios  []float64            `json:"ratios"` // of each round: GoMail to the best of the others
}

// runQueue measures how fast queues are emptied and prints it.
func runQueue(ctx context.Context, o options) (err error) {
	if os.Getuid() != 0 {
		return errors.New("the queue's benchmark needs ports 25 and 53 of loopback addresses: run it as root")
	}
	q := &queueBench{options: o}
	defer func() { err = errors.Join(err, q.end()) }()
	if err := q.start(ctx); err != nil {
		return err
	}
	rows := []queueRow{{Load: queueLoad{o.messages, 1}}, {Load: queueLoad{o.messages, destinations}}}
	for round := range o.rounds {
		for i := range rows {
			fmt.Fprintf(os.Stderr, "round %d of %d: %d messages to %s\n", round+1, o.rounds, o.messages, plural(rows[i].Load.Destinations, "destination"))
			if err := q.round(ctx, &rows[i]); err != nil {
				return err
			}
		}
	}
	writeMachine(os.Stdout, o.dir)
	return writeQueue(os.Stdout, rows)
}

// queueBench is one run of the queue's benchmark.
type queueBench struct {
	options
	dns     *nameServer
	sink    *sink
	systems []queueSystem
}

func (q *queueBench) start(ctx context.Context) (err error) {
	if q.binary == "" {
		if q.binary, err = build(ctx, q.dir); err != nil {
			return err
		}
	}
	var addresses []string
	for n := range destinations {
		_, address := destination(n)
		addresses = append(addresses, net.JoinHostPort(address, "25"))
	}
	if q.sink, err = newSink(addresses); err != nil {
		return err
	}
	if q.dns, err = startNameServer(); err != nil {
		return err
	}
	return q.startSystems(ctx)
}

// startSystems starts GoMail and whom it is compared with.
func (q *queueBench) startSystems(ctx context.Context) error {
	g, err := startQueueGoMail(ctx, q.binary, filepath.Join(q.dir, "gomail-queue"))
	if err != nil {
		return err
	}
	q.systems = append(q.systems, g)
	if q.onlyGoMail {
		return nil
	}
	conf, err := writeResolverConf(q.dir)
	if err != nil {
		return err
	}
	for _, concurrency := range []int{20, 100} {
		p, err := startQueuePostfix(ctx, filepath.Join(q.dir, fmt.Sprintf("postfix-%d", concurrency)), conf, concurrency)
		if err != nil {
			return err
		}
		q.systems = append(q.systems, p)
	}
	if _, err := exec.LookPath("chasquid"); err != nil {
		fmt.Fprintln(os.Stderr, "chasquid is not installed, so it is not measured: apt-get install chasquid")
		return nil
	}
	c, err := newChasquid(filepath.Join(q.dir, "chasquid"), conf)
	if err == nil {
		q.systems = append(q.systems, c)
	}
	return err
}

func (q *queueBench) end() error {
	var errs []error
	for _, s := range q.systems {
		errs = append(errs, s.end())
	}
	if q.sink != nil {
		errs = append(errs, q.sink.close())
	}
	if q.dns != nil {
		q.dns.close()
	}
	return errors.Join(errs...)
}

// round gives every system its turn at a load. Who begins changes, so that no
// one always comes first.
func (q *queueBench) round(ctx context.Context, row *queueRow) error {
	results := map[string]drained{}
	first := len(row.Rounds) % len(q.systems)
	row.Systems = nil
	for _, s := range q.systems {
		row.Systems = append(row.Systems, s.name())
	}
	for _, s := range append(slices.Clone(q.systems[first:]), q.systems[:first]...) {
		d, err := q.drain(ctx, s, row.Load)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name(), err)
		}
		fmt.Fprintf(os.Stderr, "  %s: %.0f/s\n", s.name(), d.PerSecond)
		results[s.name()] = d
	}
	row.Rounds = append(row.Rounds, results)
	if best := bestOther(results, q.systems[0].name()); best > 0 {
		row.Ratios = append(row.Ratios, results[q.systems[0].name()].PerSecond/best)
	}
	return nil
}

// bestOther returns the highest rate of all but one system.
func bestOther(results map[string]drained, but string) (best float64) {
	for name, d := range results {
		if name != but {
			best = max(best, d.PerSecond)
		}
	}
	return best
}

// drain fills a system's queue and measures how it is emptied.
func (q *queueBench) drain(ctx context.Context, s queueSystem, l queueLoad) (d drained, err error) {
	q.sink.hold()
	defer q.sink.release()
	all := q.sink.expect(l.Messages)
	if err := s.fill(ctx, l.Messages, l.Destinations); err != nil {
		return d, fmt.Errorf("fill its queue: %w", err)
	}
	before, begun := s.cpu(), time.Now()
	q.sink.release()
	if err := s.begin(ctx); err != nil {
		return d, err
	}
	select {
	case <-all:
	case <-ctx.Done():
		return d, ctx.Err()
	case <-time.After(5 * time.Minute):
		return d, fmt.Errorf("%d messages did not arrive within five minutes", q.sink.missing())
	}
	took := time.Since(begun)
	if err := s.finish(ctx); err != nil {
		return d, err
	}
	return drained{
		Seconds: took.Seconds(), PerSecond: float64(l.Messages) / took.Seconds(),
		CPUPerMessage: float64((s.cpu()-before)/time.Duration(l.Messages)) / float64(time.Millisecond),
		Connections:   q.sink.connections(), Twice: q.sink.twice(),
	}, nil
}
