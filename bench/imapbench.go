package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// imapServer is a server whose IMAP is measured.
type imapServer interface {
	name() string
	roots() []int
	imapTo(account int) (*imapClient, error)
}

// imapBench has the same things done with large mailboxes on GoMail and on
// Dovecot, by the same client over TLS, in turns.
type imapBench struct {
	options
	gomail  *goMail
	dovecot []*dovecot
	took    map[string][][]chore // by server and round
}

// runIMAP starts the servers, measures and prints.
func runIMAP(ctx context.Context, o options) (err error) {
	b := &imapBench{options: o, took: map[string][][]chore{}}
	defer func() { err = errors.Join(err, b.end()) }()
	if err := b.start(ctx); err != nil {
		return err
	}
	for round := range o.rounds {
		for _, s := range b.servers() {
			fmt.Fprintf(os.Stderr, "round %d of %d: %s\n", round+1, o.rounds, s.name())
			chores, err := b.round(ctx, s, round)
			if err != nil {
				return fmt.Errorf("%s: %w", s.name(), err)
			}
			b.took[s.name()] = append(b.took[s.name()], chores)
		}
	}
	writeMachine(os.Stdout, o.dir)
	b.write(os.Stdout)
	if o.idle > 0 {
		return b.measureIdle(ctx)
	}
	return nil
}

func (b *imapBench) start(ctx context.Context) (err error) {
	if b.binary == "" {
		if b.binary, err = build(ctx, b.dir); err != nil {
			return err
		}
	}
	if b.gomail, err = startGoMail(b.binary, filepath.Join(b.dir, "gomail-data")); err != nil {
		return err
	}
	if err := b.gomail.addAccounts(ctx); err != nil || b.onlyGoMail {
		return err
	}
	for _, location := range []string{maildir, mdbox} {
		format, _, _ := strings.Cut(location, ":")
		d, err := startDovecot("Dovecot, "+format, filepath.Join(b.dir, format), location)
		if err != nil {
			return err
		}
		b.dovecot = append(b.dovecot, d)
	}
	return nil
}

func (b *imapBench) servers() []imapServer {
	all := []imapServer{b.gomail}
	for _, d := range b.dovecot {
		all = append(all, d)
	}
	return all
}

func (b *imapBench) end() error {
	var errs []error
	for _, d := range b.dovecot {
		errs = append(errs, d.end())
	}
	if b.gomail != nil {
		errs = append(errs, b.gomail.end())
	}
	return errors.Join(errs...)
}

// chores collects what was done and how long each thing took, until the first
// error.
type chores struct {
	list []chore
	err  error
}

// do does one thing.
func (c *chores) do(name string, f func() error) {
	if c.err != nil {
		return
	}
	begun := time.Now()
	if err := f(); err != nil {
		c.err = fmt.Errorf("%s: %w", name, err)
	}
	c.add(name, time.Since(begun))
}

// step does something that adds its time itself, or none.
func (c *chores) step(f func() error) {
	if c.err == nil {
		c.err = f()
	}
}

func (c *chores) add(name string, took time.Duration) { c.list = append(c.list, chore{name, took}) }

// round fills a mailbox of its own and does what mail programs do with it.
func (b *imapBench) round(ctx context.Context, s imapServer, round int) ([]chore, error) {
	box := fmt.Sprintf("large-%d", round)
	client, err := s.imapTo(round)
	if err != nil {
		return nil, err
	}
	defer client.conn.Close()
	other, err := s.imapTo(round)
	if err != nil {
		return nil, err
	}
	defer other.conn.Close()
	c := &chores{}
	run := func(name string, commands ...string) {
		c.do(name, func() error { return client.all(ctx, commands...) })
	}
	c.err = client.all(ctx, "CREATE "+box, "CREATE "+box+"-copy", "CREATE "+box+"-moved")
	c.do(fmt.Sprintf("APPEND, %d messages, 100 at a time", b.messages), func() error { return client.fillFast(ctx, box, b.messages) })
	c.do("APPEND, 200 messages, one after the other", func() error { return other.fillSlowly(ctx, box+"-moved", 200) })
	b.readAll(c, run, box)
	c.step(func() error { return resync(ctx, c, s, round, client, other, box) })
	if s == imapServer(b.gomail) { // where inotify is missing, Dovecot looks every 30 seconds
		c.step(func() error { return notify(c, client, other, box) })
	} else {
		c.add(notifyChore, 0)
	}
	run("STORE 1:* +FLAGS.SILENT", `STORE 1:* +FLAGS.SILENT (\Flagged)`)
	run("COPY 1:*", "COPY 1:* "+box+"-copy")
	run("MOVE 1:*", "MOVE 1:* "+box+"-moved")
	run("EXPUNGE of all", "SELECT "+box+"-copy", `STORE 1:* +FLAGS.SILENT (\Deleted)`, "EXPUNGE")
	return c.list, c.err
}

// readAll reads the mailbox in many ways; where a server keeps what it found
// out, twice.
func (b *imapBench) readAll(c *chores, run func(string, ...string), box string) {
	some := "1:" + strconv.Itoa(min(b.messages, 1000))
	run("SELECT", "SELECT "+box)
	run("FETCH 1:* (UID FLAGS RFC822.SIZE)", "FETCH 1:* (UID FLAGS RFC822.SIZE)")
	for _, again := range []string{"", ", again"} {
		run("FETCH 1:* (ENVELOPE BODYSTRUCTURE)"+again, "FETCH 1:* (ENVELOPE BODYSTRUCTURE)")
	}
	run("FETCH "+some+" BODY.PEEK[]", "FETCH "+some+" BODY.PEEK[]")
	run("FETCH "+some+" BODY.PEEK[HEADER.FIELDS (FROM SUBJECT DATE)]", "FETCH "+some+" BODY.PEEK[HEADER.FIELDS (FROM SUBJECT DATE)]")
	run("SEARCH HEADER SUBJECT", "SEARCH HEADER SUBJECT number-777")
	run("SEARCH TEXT, for the first time", "SEARCH TEXT regardsmeeting")
	c.step(func() error { time.Sleep(b.rest); return nil }) // GoMail makes its index meanwhile
	run("SEARCH TEXT, again", "SEARCH TEXT schedulemeeting")
	run("SEARCH HEADER SUBJECT, again", "SEARCH HEADER SUBJECT number-778")
	run("SEARCH SINCE and LARGER", "SEARCH SINCE 1-Jan-2020 LARGER 3000")
	run("SORT (DATE)", "SORT (DATE) UTF-8 ALL")
	run("SORT (SUBJECT)", "SORT (SUBJECT) UTF-8 ALL")
	run("THREAD REFERENCES", "THREAD REFERENCES UTF-8 ALL")
}

// write prints a row for each chore: medians over the rounds, and how many
// times as fast as the best of the others GoMail was.
func (b *imapBench) write(w io.Writer) {
	servers := b.servers()
	fmt.Fprintf(w, "| %d messages of 4 KB |", b.messages)
	for _, s := range servers {
		fmt.Fprintf(w, " %s ms |", s.name())
	}
	fmt.Fprintln(w, " times as fast |\n|---|"+strings.Repeat("---|", len(servers)+1))
	for i, c := range b.took["GoMail"][0] {
		fmt.Fprintf(w, "| %s |", c.Name)
		best := time.Duration(0)
		for _, s := range servers {
			took := middle(b.took[s.name()], i)
			if took == 0 {
				fmt.Fprint(w, " |")
				continue
			}
			fmt.Fprintf(w, " %s |", milliseconds(took))
			if s != imapServer(b.gomail) && (best == 0 || took < best) {
				best = took
			}
		}
		if best == 0 {
			fmt.Fprintln(w, " |")
			continue
		}
		fmt.Fprintf(w, " %.1f |\n", float64(best)/float64(max(middle(b.took["GoMail"], i), 1)))
	}
	fmt.Fprintln(w)
}

// all sends commands one after the other.
func (c *imapClient) all(ctx context.Context, commands ...string) error {
	for _, command := range commands {
		if err := cmp.Or(ctx.Err(), c.discard(command)); err != nil {
			return err
		}
	}
	return nil
}

// discard sends a command and reads past what comes before its OK.
func (c *imapClient) discard(text string) error {
	c.conn.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(c.conn, "a "+text+"\r\n"); err != nil {
		return err
	}
	return c.untilOK(text)
}

func (c *imapClient) untilOK(command string) error {
	for {
		line, err := c.r.ReadString('\n')
		switch {
		case err != nil:
			return err
		case strings.HasPrefix(line, "a OK"):
			return nil
		case strings.HasPrefix(line, "a "):
			return fmt.Errorf("%.40s: %s", command, strings.TrimSpace(line))
		}
		if n := literal(line); n > 0 {
			if _, err := c.r.Discard(int(n)); err != nil {
				return err
			}
		}
	}
}

// fillFast appends messages, 100 with each command (RFC 3502), without waiting
// before each literal (RFC 7888).
func (c *imapClient) fillFast(ctx context.Context, box string, n int) error {
	for from := 0; from < n && ctx.Err() == nil; from += 100 {
		command := []byte("a APPEND " + box)
		for i := from; i < min(from+100, n); i++ {
			message := numberedMessage(i)
			command = append(fmt.Appendf(command, " {%d+}\r\n", len(message)), message...)
		}
		c.conn.SetDeadline(time.Now().Add(patience))
		if _, err := c.conn.Write(append(command, "\r\n"...)); err != nil {
			return err
		}
		if err := c.untilOK("APPEND"); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func (c *imapClient) fillSlowly(ctx context.Context, box string, n int) error {
	for i := range n {
		if err := cmp.Or(ctx.Err(), c.append(box, numberedMessage(i))); err != nil {
			return err
		}
	}
	return nil
}

// measureIdle prints what an idle connection takes of GoMail's memory.
func (b *imapBench) measureIdle(ctx context.Context) error {
	before, err := rssAfter(ctx, b.gomail, b.rest)
	if err != nil {
		return err
	}
	clients := make([]*imapClient, b.idle)
	var all errgroup.Group
	all.SetLimit(8)
	for i := range clients {
		all.Go(func() (err error) {
			if clients[i], err = b.gomail.imap(50 + i%50); err == nil {
				err = clients[i].idle()
			}
			return err
		})
	}
	err = all.Wait()
	defer func() {
		for _, c := range clients {
			if c != nil {
				c.conn.Close()
			}
		}
	}()
	if err != nil {
		return fmt.Errorf("idle connections: %w", err)
	}
	after, err := rssAfter(ctx, b.gomail, b.rest)
	if err != nil {
		return err
	}
	fmt.Printf("%d IMAP connections (TLS, signed in, in IDLE): %d MB more, %.1f KB each\n", b.idle, (after-before)/1e6, float64(after-before)/1e3/float64(b.idle))
	return nil
}

func rssAfter(ctx context.Context, g *goMail, rest time.Duration) (int64, error) {
	select {
	case <-time.After(rest):
		return rssOf(g.pid())
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}
