package main

import (
	"crypto/tls"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
)

// signIn opens an IMAP session.
func signIn(s *server, account string) (*imapclient.Client, error) {
	conn, err := tls.Dial("tcp", s.imaps, insecure)
	if err != nil {
		return nil, err
	}
	conn.SetDeadline(time.Now().Add(s.longest()))
	c := imapclient.New(conn, nil)
	if err := c.Login(account, password).Wait(); err != nil {
		c.Close()
		return nil, fmt.Errorf("sign in as %s: %w", account, err)
	}
	return c, nil
}

var everything = imap.UIDSet{imap.UIDRange{Start: 1, Stop: 0}}

// list reads a whole mailbox.
func list(c *imapclient.Client, mailbox string) (l listing, err error) {
	selected, err := c.Select(mailbox, &imap.SelectOptions{ReadOnly: true}).Wait()
	if err != nil {
		return l, fmt.Errorf("open %s: %w", mailbox, err)
	}
	l.validity, l.next = selected.UIDValidity, selected.UIDNext
	section := &imap.FetchItemBodySection{Peek: true}
	cmd := c.Fetch(everything, &imap.FetchOptions{UID: true, Flags: true, BodySection: []*imap.FetchItemBodySection{section}})
	for m := cmd.Next(); m != nil; m = cmd.Next() {
		data, err := m.Collect()
		if err != nil {
			cmd.Close()
			return l, fmt.Errorf("read %s: %w", mailbox, err)
		}
		name, whole := nameOf(data.FindBodySection(section))
		l.messages = append(l.messages, stored{uid: data.UID, flags: flags(data.Flags), name: name, whole: whole})
	}
	if err := cmd.Close(); err != nil {
		return l, fmt.Errorf("read %s: %w", mailbox, err)
	}
	return l, nil
}

// flags writes flags in one way, without \Recent, which is not kept.
func flags(list []imap.Flag) string {
	var kept []string
	for _, f := range list {
		if f != `\Recent` {
			kept = append(kept, string(f))
		}
	}
	slices.Sort(kept)
	return strings.Join(kept, " ")
}

// reap expunges the older part of an inbox, so that there is something to
// collect: until the server is gone, or once.
func (l *life) reap(s *server, box *inbox, once bool) {
	c, err := signIn(s, box.account)
	if err != nil {
		return
	}
	defer c.Close()
	for {
		if !reapOnce(c, box) {
			return
		}
		l.acks.Add(1)
		if once {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func reapOnce(c *imapclient.Client, box *inbox) bool {
	if _, err := c.Select("INBOX", nil).Wait(); err != nil {
		return false
	}
	messages, err := c.Fetch(everything, &imap.FetchOptions{UID: true, Envelope: true}).Collect()
	if err != nil {
		return false
	}
	const keep = 150
	if len(messages) <= keep {
		return true
	}
	var uids imap.UIDSet
	var names []string
	for _, m := range messages[:len(messages)-keep] {
		uids.AddNum(m.UID)
		names = append(names, m.Envelope.Subject)
	}
	if c.Store(uids, &imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: []imap.Flag{imap.FlagDeleted}}, nil).Close() != nil {
		return false
	}
	box.note(leaving, names...)
	if c.UIDExpunge(uids).Close() != nil {
		return false
	}
	box.note(gone, names...)
	return true
}
