package e2e

import (
	"crypto/tls"
	"strings"
	"testing"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
)

// dialIMAP signs in over TLS.
func dialIMAP(t testing.TB, address string, config *tls.Config, a account) *imapclient.Client {
	t.Helper()
	c, err := imapclient.DialTLS(address, &imapclient.Options{TLSConfig: config})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.Login(a.Address, a.Password).Wait(); err != nil {
		t.Fatalf("IMAP sign-in as %s: %v", a.Address, err)
	}
	return c
}

// messagesIn returns every message of a mailbox, whole.
func messagesIn(t testing.TB, c *imapclient.Client, box string) []string {
	t.Helper()
	selected, err := c.Select(box, &imap.SelectOptions{ReadOnly: true}).Wait()
	if err != nil {
		t.Fatalf("select %s: %v", box, err)
	}
	if selected.NumMessages == 0 {
		return nil
	}
	var all imap.SeqSet
	all.AddRange(1, selected.NumMessages)
	whole := &imap.FetchItemBodySection{Peek: true}
	found, err := c.Fetch(all, &imap.FetchOptions{BodySection: []*imap.FetchItemBodySection{whole}}).Collect()
	if err != nil {
		t.Fatalf("fetch: %v", err)
	}
	var texts []string
	for _, m := range found {
		texts = append(texts, string(m.FindBodySection(whole)))
	}
	return texts
}

// mailbox signs in to the demo and returns every message of a mailbox.
func (d *demo) mailbox(a account, box string) []string {
	d.t.Helper()
	c := dialIMAP(d.t, d.IMAPS, d.tls(), a)
	defer c.Close()
	return messagesIn(d.t, c, box)
}

// received waits for the message that holds a text, and returns it.
func (d *demo) received(a account, box, text string) (message string) {
	d.t.Helper()
	eventually(d.t, "a message with "+text+" in "+a.Address+"'s "+box, func() bool {
		found := holding(d.mailbox(a, box), text)
		if len(found) > 0 {
			message = found[0]
		}
		return len(found) > 0
	})
	return message
}

// holding returns the messages that hold a text.
func holding(messages []string, text string) []string {
	var found []string
	for _, m := range messages {
		if strings.Contains(m, text) {
			found = append(found, m)
		}
	}
	return found
}

// removeSecond expunges the second message of INBOX.
func removeSecond(t testing.TB, c *imapclient.Client) {
	t.Helper()
	if _, err := c.Select("INBOX", nil).Wait(); err != nil {
		t.Fatal(err)
	}
	if err := c.Store(imap.SeqSetNum(2), &imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{imap.FlagDeleted}}, nil).Close(); err != nil {
		t.Fatal(err)
	}
	if err := c.Expunge().Close(); err != nil {
		t.Fatal(err)
	}
}

// unseen returns how many messages of a mailbox are unread.
func unseen(t testing.TB, c *imapclient.Client, box string) uint32 {
	t.Helper()
	s, err := c.Status(box, &imap.StatusOptions{NumUnseen: true}).Wait()
	if err != nil {
		t.Fatal(err)
	}
	return *s.NumUnseen
}

// star marks a message of the selected mailbox.
func star(t testing.TB, c *imapclient.Client, seq uint32) {
	t.Helper()
	flag := &imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{imap.FlagFlagged}}
	if err := c.Store(imap.SeqSetNum(seq), flag, nil).Close(); err != nil {
		t.Fatal(err)
	}
}
