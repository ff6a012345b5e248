package main

import (
	"context"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"
)

var (
	uidValidity = regexp.MustCompile(`UIDVALIDITY (\d+)`)
	modSeq      = regexp.MustCompile(`HIGHESTMODSEQ (\d+)`)
)

// resync opens the mailbox again as a program does that knows it as it was
// before ten changes (RFC 7162).
func resync(ctx context.Context, c *chores, s imapServer, account int, client, other *imapClient, box string) error {
	answer, err := client.command("SELECT " + box + " (CONDSTORE)")
	if err != nil {
		return err
	}
	validity, seq := uidValidity.FindStringSubmatch(answer), modSeq.FindStringSubmatch(answer)
	if validity == nil || seq == nil {
		return fmt.Errorf("SELECT answered %.200q", answer)
	}
	if err := client.all(ctx, "UNSELECT"); err != nil {
		return err
	}
	if err := other.all(ctx, "SELECT "+box, `STORE 10:18 +FLAGS.SILENT (\Answered)`, `STORE 1 +FLAGS.SILENT (\Deleted)`, "EXPUNGE", "UNSELECT"); err != nil {
		return err
	}
	again, err := s.imapTo(account)
	if err != nil {
		return err
	}
	defer again.conn.Close()
	if err := again.all(ctx, "ENABLE QRESYNC"); err != nil {
		return err
	}
	c.do("SELECT (QRESYNC) after 10 changes", func() error {
		return again.all(ctx, fmt.Sprintf("SELECT %s (QRESYNC (%s %s))", box, validity[1], seq[1]))
	})
	return client.all(ctx, "SELECT "+box)
}

const notifyChore = "IDLE: told after the APPEND's answer, p99 of 200"

// notify measures from the answer to an APPEND to the moment at which an idle
// connection was told of the message: the 99th percentile of 200.
func notify(c *chores, client, other *imapClient, box string) error {
	client.conn.SetDeadline(time.Now().Add(5 * patience))
	if _, err := io.WriteString(client.conn, "a IDLE\r\n"); err != nil {
		return err
	}
	if line, err := client.r.ReadString('\n'); err != nil || !strings.HasPrefix(line, "+") {
		return fmt.Errorf("IDLE: %q, %w", line, err)
	}
	told := make(chan time.Time, 1)
	failed := make(chan error, 1)
	go func() {
		for {
			line, err := client.r.ReadString('\n')
			switch {
			case err != nil:
				failed <- err
				return
			case strings.HasPrefix(line, "a "):
				failed <- nil
				return
			case strings.Contains(line, "EXISTS"):
				told <- time.Now()
			}
		}
	}()
	var late []time.Duration
	for i := range 200 {
		if err := other.append(box, numberedMessage(i)); err != nil {
			return err
		}
		answered := time.Now()
		select {
		case at := <-told:
			late = append(late, max(at.Sub(answered), 0))
		case err := <-failed:
			return fmt.Errorf("IDLE ended: %w", err)
		case <-time.After(patience):
			return fmt.Errorf("nothing was told of message %d", i)
		}
	}
	slices.Sort(late)
	c.add(notifyChore, late[len(late)*99/100])
	if _, err := io.WriteString(client.conn, "DONE\r\n"); err != nil {
		return err
	}
	return <-failed
}
