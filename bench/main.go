package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

// options are the command line.
type options struct {
	rounds     int
	duration   time.Duration // of sending, per run
	rest       time.Duration // before idle memory is read
	storeSize  int64         // for the start, octets; 0: no memory, no start
	onlyGoMail bool
	queue      bool // measure the queue instead
	imap       bool // measure IMAP instead
	idle       int  // connections
	messages   int  // in the queue or the mailbox
	dir        string
	binary     string // of GoMail
	json       string // a file for all figures
}

// bench is one run of the benchmark.
type bench struct {
	options
	gomail  *goMail
	postfix *postfix // nil with onlyGoMail
	small   []byte   // signed messages
	large   []byte
	limits  []limit // of the disk, by round
	reading readings
}

func main() {
	var o options
	flag.IntVar(&o.rounds, "rounds", 3, "how often both systems take their turn; 0: only memory and start are measured")
	flag.DurationVar(&o.duration, "duration", 8*time.Second, "how long each run sends")
	flag.DurationVar(&o.rest, "rest", 30*time.Second, "how long a server is left alone before its idle memory is read")
	flag.Int64Var(&o.storeSize, "store", 1<<30, "how large the store is made, in octets, before memory and start are measured; 0: they are not")
	flag.BoolVar(&o.onlyGoMail, "only-gomail", false, "measure without Postfix and Dovecot, and so without root")
	flag.BoolVar(&o.queue, "queue", false, "measure how fast a queue is emptied, beside Postfix and chasquid, instead of deliveries")
	flag.BoolVar(&o.imap, "imap", false, "measure IMAP with large mailboxes, beside Dovecot with maildir and mdbox, instead of deliveries")
	flag.IntVar(&o.idle, "idle", 5000, "how many idle connections are opened in the end, with -imap")
	flag.IntVar(&o.messages, "messages", 10_000, "how many messages are queued, with -queue, or in the mailbox, with -imap")
	flag.StringVar(&o.binary, "binary", "", "the gomail to measure; default: build it from this tree")
	flag.StringVar(&o.json, "json", "", "a file to write all figures to, as JSON")
	flag.StringVar(&o.dir, "dir", "", "where to work; default: a temporary directory that goes away")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run builds, starts, measures and prints.
func run(ctx context.Context, o options) (err error) {
	if o.dir == "" {
		if o.dir, err = os.MkdirTemp("", "gomail-bench-"); err != nil {
			return err
		}
		defer os.RemoveAll(o.dir)
	}
	if err := os.Chmod(o.dir, 0o755); err != nil { // Postfix's users have to pass
		return err
	}
	if o.imap {
		return runIMAP(ctx, o)
	}
	if o.queue {
		return runQueue(ctx, o)
	}
	b := &bench{options: o}
	defer func() { err = errors.Join(err, b.end()) }()
	if err := b.start(ctx); err != nil {
		return err
	}
	table, err := b.compare(ctx)
	if err != nil {
		return err
	}
	writeMachine(os.Stdout, o.dir)
	if o.rounds > 0 {
		writeLoads(os.Stdout, table)
		writeLimits(os.Stdout, table, b.limits)
		writeReadings(os.Stdout, b.reading)
	}
	var m memory
	if o.storeSize > 0 {
		if m, err = b.measureMemory(ctx, o.storeSize); err != nil {
			return err
		}
		writeMemory(os.Stdout, m)
	}
	return writeJSON(o.json, table, b.limits, b.reading, m)
}

// start brings both systems up and has the messages signed.
func (b *bench) start(ctx context.Context) (err error) {
	if b.binary == "" {
		if b.binary, err = build(ctx, b.dir); err != nil {
			return err
		}
	}
	if b.gomail, err = startGoMail(b.binary, filepath.Join(b.dir, "gomail-data")); err != nil {
		return err
	}
	if err := b.gomail.addAccounts(ctx); err != nil {
		return err
	}
	if b.small, err = b.gomail.signed(4000); err != nil {
		return err
	}
	if b.large, err = b.gomail.signed(1 << 20); err != nil {
		return err
	}
	if !b.onlyGoMail {
		b.postfix, err = startPostfix(ctx, filepath.Join(b.dir, "postfix"))
	}
	return err
}

// end stops what runs.
func (b *bench) end() error {
	var errs []error
	if b.postfix != nil {
		errs = append(errs, b.postfix.end())
	}
	if b.gomail != nil && b.gomail.cmd.ProcessState == nil {
		errs = append(errs, b.gomail.end())
	}
	return errors.Join(errs...)
}

// measured is a load with what each round found.
type measured struct {
	load
	gomail, postfix []result // by round; postfix is empty with onlyGoMail
}

// compare runs every load in every round on both systems, in turns.
func (b *bench) compare(ctx context.Context) ([]measured, error) {
	table := []measured{
		{load: load{Name: "4 KB", Connections: 1, Size: 4000}},
		{load: load{Name: "4 KB", Connections: 10, Size: 4000}},
		{load: load{Name: "4 KB", Connections: 64, Size: 4000}},
		{load: load{Name: "4 KB, unsigned", Connections: 64, Size: 4000, Unsigned: true}},
		{load: load{Name: "1 MB", Connections: 10, Size: 1 << 20}},
	}
	for round := range b.rounds {
		l, err := measureLimit(b.dir)
		if err != nil {
			return nil, err
		}
		b.limits = append(b.limits, l)
		for i := range table {
			table[i].Duration = b.duration
			fmt.Fprintf(os.Stderr, "round %d of %d: %s, %s\n", round+1, b.rounds, table[i].Name, connections(table[i].Connections))
			if err := b.turn(ctx, &table[i]); err != nil {
				return nil, err
			}
		}
		fmt.Fprintf(os.Stderr, "round %d of %d: reading\n", round+1, b.rounds)
		if err := b.readBoth(ctx); err != nil {
			return nil, err
		}
	}
	return table, b.checkAuthenticated()
}

// readBoth has a mailbox read on one system after the other.
func (b *bench) readBoth(ctx context.Context) error {
	chores, err := readMailbox(ctx, b.gomail)
	if err != nil {
		return err
	}
	b.reading.GoMail = append(b.reading.GoMail, chores)
	if b.postfix == nil {
		return nil
	}
	if chores, err = readMailbox(ctx, b.postfix); err != nil {
		return err
	}
	b.reading.Postfix = append(b.reading.Postfix, chores)
	return nil
}

// turn runs one load on one system after the other.
func (b *bench) turn(ctx context.Context, m *measured) error {
	message := b.small
	switch {
	case m.Unsigned:
		message = newMessage(m.Size)
	case m.Size > 1<<16:
		message = b.large
	}
	r, err := m.run(ctx, b.gomail, message)
	if err != nil {
		return err
	}
	m.gomail = append(m.gomail, r)
	if b.postfix == nil {
		return nil
	}
	if r, err = m.run(ctx, b.postfix, message); err != nil {
		return err
	}
	m.postfix = append(m.postfix, r)
	return nil
}

// checkAuthenticated holds the generator's own messages to what the sample
// passed: signature, SPF and DMARC in order.
func (b *bench) checkAuthenticated() error {
	if b.rounds == 0 {
		return nil
	}
	text, err := b.gomail.newest(1)
	if err == nil {
		_, err = asSent(text)
	}
	return err
}
