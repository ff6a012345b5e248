package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"
)

// readingMessages is how many messages the mailbox holds that is read.
const readingMessages = 2000

// imapSystem is a system whose mailboxes can be read.
type imapSystem interface {
	system
	imapTo(account int) (*imapClient, error)
}

// chore is something that mail programs do, and how long it took.
type chore struct {
	Name string        `json:"name"`
	Took time.Duration `json:"took_ns"`
}

// readMailbox does what mail programs do with a mailbox of its own, on one
// connection, and times each thing.
func readMailbox(ctx context.Context, s imapSystem) (chores []chore, err error) {
	c, err := s.imapTo(mailboxes - 1)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.name(), err)
	}
	defer c.conn.Close()
	box := fmt.Sprintf("read-%d", time.Now().UnixNano())
	do := func(name string, f func() error) {
		if err != nil || ctx.Err() != nil {
			return
		}
		start := time.Now()
		if err = f(); err != nil {
			err = fmt.Errorf("%s: %s: %w", s.name(), name, err)
		}
		if name != "" {
			chores = append(chores, chore{name, time.Since(start)})
		}
	}
	run := func(commands ...string) func() error {
		return func() error {
			for _, command := range commands {
				if _, err := c.command(command); err != nil {
					return err
				}
			}
			return nil
		}
	}
	do("", run("CREATE "+box, "CREATE "+box+"-copy"))
	do(fmt.Sprintf("APPEND, %d of 4 KB one after the other", readingMessages), func() error { return c.fill(box, readingMessages) })
	do("SELECT", run("SELECT "+box))
	do("FETCH 1:* (UID FLAGS RFC822.SIZE)", run("FETCH 1:* (UID FLAGS RFC822.SIZE)"))
	do("FETCH 1:* (ENVELOPE BODYSTRUCTURE)", run("FETCH 1:* (ENVELOPE BODYSTRUCTURE)"))
	do("FETCH 1:1000 BODY.PEEK[]", run("FETCH 1:1000 BODY.PEEK[]"))
	do("SEARCH HEADER SUBJECT", run("SEARCH HEADER SUBJECT number-777"))
	do("SEARCH TEXT", run("SEARCH TEXT attachedattached"))
	do("STORE 1:* +FLAGS.SILENT", run(`STORE 1:* +FLAGS.SILENT (\Flagged)`))
	do("COPY 1:*", run("COPY 1:* "+box+"-copy"))
	do("STORE and EXPUNGE of all", run(`STORE 1:* +FLAGS.SILENT (\Deleted)`, "EXPUNGE"))
	return chores, err
}

// fill appends messages, each when the one before has been acknowledged.
func (c *imapClient) fill(box string, n int) error {
	text := newMessage(4000)
	for i := range n {
		message := append(fmt.Appendf(nil, "X-Number: %d\r\n", i), text...)
		message = []byte(strings.Replace(string(message), "Subject: about", fmt.Sprintf("Subject: number-%d about", i), 1))
		if err := c.append(box, message); err != nil {
			return err
		}
	}
	return nil
}

// append adds one message, RFC 9051 section 6.3.12.
func (c *imapClient) append(box string, message []byte) error {
	c.conn.SetDeadline(time.Now().Add(patience))
	if _, err := fmt.Fprintf(c.conn, "a APPEND %s {%d}\r\n", box, len(message)); err != nil {
		return err
	}
	line, err := c.r.ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "+") {
		return fmt.Errorf("APPEND: %q, %w", strings.TrimSpace(line), err)
	}
	if _, err := c.conn.Write(append(message, "\r\n"...)); err != nil {
		return err
	}
	for {
		line, err := c.r.ReadString('\n')
		switch {
		case err != nil:
			return err
		case strings.HasPrefix(line, "a OK"):
			return nil
		case strings.HasPrefix(line, "a "):
			return fmt.Errorf("APPEND: %s", strings.TrimSpace(line))
		}
	}
}

// readings are the chores of both systems, by round.
type readings struct {
	GoMail  [][]chore `json:"gomail"`
	Postfix [][]chore `json:"postfix_dovecot"`
}

// writeReadings prints a row for each chore: medians over the rounds, and how
// many times as fast GoMail was.
func writeReadings(w io.Writer, r readings) {
	if len(r.GoMail) == 0 {
		return
	}
	fmt.Fprintln(w, "| reading, one connection | GoMail ms | Dovecot ms | times as fast |\n|---|---|---|---|")
	for i, c := range r.GoMail[0] {
		ours := middle(r.GoMail, i)
		if len(r.Postfix) == 0 {
			fmt.Fprintf(w, "| %s | %s | | |\n", c.Name, milliseconds(ours))
			continue
		}
		theirs := middle(r.Postfix, i)
		fmt.Fprintf(w, "| %s | %s | %s | %.1f |\n", c.Name, milliseconds(ours), milliseconds(theirs), float64(theirs)/float64(ours))
	}
	fmt.Fprintln(w)
}

// middle returns the median of the i-th chore over the rounds.
func middle(rounds [][]chore, i int) time.Duration {
	var all []result
	for _, r := range rounds {
		all = append(all, result{Whole: r[i].Took})
	}
	return median(all, func(r result) time.Duration { return r.Whole })
}
