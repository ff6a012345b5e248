package inbound_test

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"gomail"
	"gomail/filter"
	"gomail/inbound"
)

// blockList is a DNS in which one list lists everybody.
type blockList struct{ zone }

func (b blockList) LookupIPAddr(ctx context.Context, host string) ([]net.IPAddr, error) {
	if strings.HasSuffix(host, ".bl.test") {
		return []net.IPAddr{{IP: net.IPv4(127, 0, 0, 2)}}, nil
	}
	return b.zone.LookupIPAddr(ctx, host)
}

// gated is a fixture whose senders are looked at.
func gated(t *testing.T, change func(*inbound.Config), lists ...string) (f fixture, clock *time.Time) {
	f = newFixture(t, inbound.Reject)
	at := time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)
	f.config.Gate = filter.New(filter.Config{Store: f.store, Resolver: blockList{world()}, BlockLists: lists, Clock: func() time.Time { return at }})
	change(&f.config)
	f.Service = inbound.New(f.config)
	return f, &at
}

// A sender that nobody knows comes back and is let in; whoever of its
// recipients' domains does not want that is not made to wait.
func TestGreylisted(t *testing.T) {
	f, at := gated(t, func(c *inbound.Config) { c.Greylist = filter.GreylistAll })
	stranger := mail{"mx.nowhere.test", "x@nowhere.test", []string{"anna@example.com"}, from("nowhere.test")}
	_, err := f.receive(stranger)
	if gomail.KindOf(err) != gomail.Throttled || !strings.Contains(err.Error(), "5 minutes") {
		t.Errorf("at first: %v", err)
	}
	*at = at.Add(6 * time.Minute)
	if _, err := f.receive(stranger); err != nil {
		t.Errorf("at the second try: %v", err)
	}
	if got := f.read(f.anna, gomail.RoleInbox); len(got) != 1 {
		t.Errorf("%d messages came in", len(got))
	}
	d, err := f.config.Domains.Get(t.Context(), "example.com")
	if err != nil {
		t.Fatal(err)
	}
	d.Settings.Greylist = "off"
	if err := f.config.Domains.Update(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	stranger.from = "other@nowhere.test"
	if _, err := f.receive(stranger); err != nil {
		t.Errorf("with greylisting off for the domain: %v", err)
	}
}

// Mail of those who are listed is refused, but for who hears complaints, or
// goes to Junk.
func TestBlocked(t *testing.T) {
	f, _ := gated(t, func(*inbound.Config) {}, "bl.test")
	listed := mail{"mx.good.test", "x@good.test", []string{"anna@example.com"}, signed(t)}
	if _, err := f.receiveFrom("9.9.9.7", listed); gomail.KindOf(err) != gomail.Refused || !strings.Contains(err.Error(), "bl.test") {
		t.Errorf("a listed client: %v", err)
	}
	if _, err := f.receive(listed); err != nil { // from an address that nobody lists
		t.Error(err)
	}
	listed.to = []string{"postmaster@example.com"}
	if _, err := f.receiveFrom("9.9.9.7", listed); gomail.KindOf(err) != gomail.Unavailable { // there is no administrator yet
		t.Errorf("to postmaster: %v", err)
	}

	f, _ = gated(t, func(c *inbound.Config) { c.BlockAction = inbound.BlockJunk }, "bl.test")
	listed.to = []string{"anna@example.com"}
	if _, err := f.receiveFrom("9.9.9.7", listed); err != nil {
		t.Error(err)
	}
	if got := f.read(f.anna, gomail.RoleJunk); len(got) != 1 {
		t.Errorf("%d messages went to Junk", len(got))
	}
}
