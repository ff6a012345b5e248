package ladder

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"gomail/dnsplan"
)

// Loss is a source whose mail a rung treats as forged.
type Loss struct {
	Source    string     `json:"source"` // its ID
	Name      string     `json:"name"`   // for people: "SendGrid", "servers of 192.0.2.0/24"
	Kind      SourceKind `json:"kind" enum:"service,own_name,ours,forwarder,stranger"`
	Addresses []string   `json:"addresses"`
	Messages  int        `json:"messages"` // all that it sent in the time that counts
	Lost      int        `json:"lost"`     // those that the rung treats as forged
	Disowned  bool       `json:"disowned"` // the owner said: this is not mine
	Blocks    bool       `json:"blocks"`   // the step waits until it is authorised or disowned

	How     []string            `json:"how"`     // sentences: what to do
	Include string              `json:"include"` // what to add to SPF; empty: nothing that helps
	DKIM    []dnsplan.SenderKey `json:"dkim"`    // what to publish, as far as it is known
	Docs    string              `json:"docs"`    // where the service says it; empty: not known
}

// SourceKind is what a source looks like.
type SourceKind string

// The kinds.
const (
	Service   SourceKind = "service"   // one of the catalogue
	OwnName   SourceKind = "own_name"  // it authenticates as a domain of its own: a service, a mailing list, or a stranger
	Ours      SourceKind = "ours"      // some of its mail passes as the domain's
	Forwarder SourceKind = "forwarder" // it passes on mail that this server signed
	Stranger  SourceKind = "stranger"  // nothing vouches for it
)

// tally is what a ladder counts.
type tally struct {
	passed, failed         int // of all sources but those disowned
	oursPassed, oursFailed int // of sources that look like the owner's
	losses                 []Loss
}

// oursFailing reports whether more of the owner's mail fails than may.
func (t tally) oursFailing() bool {
	return t.oursFailed > 0 && int64(t.oursPassed)*100 < int64(t.oursPassed+t.oursFailed)*NeedPercent
}

// tallyDMARC counts messages that pass DMARC.
func (in Input) tallyDMARC(w window) tally {
	var t tally
	for _, s := range in.Evidence.Sources {
		c := w.sum(s)
		t.count(s, in.kind(s), c.Aligned, c.Messages-c.Aligned)
		if lost := c.Messages - c.Aligned; lost > 0 {
			t.losses = append(t.losses, in.loss(DMARC, s, c, lost))
		}
	}
	sortLosses(t.losses)
	return t
}

// tallySPF counts messages with the domain's return address by whether the
// record lists the server. Unsigned ones of strangers are what the record is
// there to refuse, and forwarders cannot be listed: neither counts.
func (in Input) tallySPF(w window) tally {
	var t tally
	for _, s := range in.Evidence.Sources {
		c := w.sum(s)
		kind := in.kind(s)
		lost := c.Unlisted + c.Bare
		switch kind {
		case Forwarder:
			t.count(s, kind, c.SPF, 0)
		case Stranger, OwnName:
			t.count(s, kind, c.SPF, c.Unlisted)
		default:
			t.count(s, kind, c.SPF, lost)
		}
		if lost > 0 {
			l := in.loss(SPF, s, c, lost)
			l.Blocks = !s.Disowned && (kind == Service || kind == Ours)
			t.losses = append(t.losses, l)
		}
	}
	sortLosses(t.losses)
	return t
}

func (t *tally) count(s Source, kind SourceKind, passed, failed int) {
	if s.Disowned {
		return
	}
	t.passed += passed
	t.failed += failed
	if kind == Service || kind == Ours {
		t.oursPassed += passed
		t.oursFailed += failed
	}
}

// kind says what a source looks like. Whether it passes counts over all that
// is known of it, not only over the days of the window: a server that passed
// last month is the owner's.
func (in Input) kind(s Source) SourceKind {
	var all Count
	for _, c := range s.Days {
		all.Add(c)
	}
	_, known := in.sender(s)
	switch {
	case s.ID == Others:
		return Stranger
	// Mailbox providers forward too: then all of it was signed here.
	case known && (all.Aligned < all.Messages || all.SPF > 0 || !in.ourSignatures(s)):
		return Service
	case all.Aligned > 0 && all.SPF == 0 && in.ourSignatures(s):
		return Forwarder
	case all.Aligned > 0:
		return Ours
	case s.Service != "":
		return OwnName
	}
	return Stranger
}

// sender looks a source up in the catalogue.
func (in Input) sender(s Source) (dnsplan.Sender, bool) {
	if s.Service == "" {
		return dnsplan.Sender{}, false
	}
	return dnsplan.SenderByDomain(s.Service)
}

// ourSignatures reports whether all signatures that count as the domain's
// were made with this server's keys, so that the mail began its way here.
func (in Input) ourSignatures(s Source) bool {
	return len(s.Selectors) > 0 && !slices.ContainsFunc(s.Selectors, func(x string) bool {
		return !slices.ContainsFunc(in.Selectors, func(y string) bool { return strings.EqualFold(x, y) })
	})
}

func (in Input) loss(ladder Kind, s Source, c Count, lost int) Loss {
	l := Loss{
		Source: s.ID, Name: s.ID, Kind: in.kind(s), Addresses: append([]string{}, s.Addresses...), Messages: c.Messages, Lost: lost,
		Disowned: s.Disowned, How: []string{}, DKIM: []dnsplan.SenderKey{},
	}
	switch {
	case s.ID == Others:
		l.Name = "many other servers"
	case s.Service == "":
		l.Name = "servers of " + s.ID
	}
	if s.Disowned {
		l.How = []string{"You said that it is not yours: it will be refused, as it should."}
		return l
	}
	switch l.Kind {
	case Service:
		in.authorise(&l, ladder, s)
	case OwnName:
		l.How = []string{fmt.Sprintf("It names itself %s: if it is a service of yours, ask it how to sign as %s (DKIM); if it is a mailing list, its mail is its own matter; if it is not yours, it will be refused, as it should.", s.Service, in.Domain)}
	case Ours:
		l.How = []string{fmt.Sprintf("Some of its mail passes, so it is likely yours: let it send through this server, or sign as %s.", in.Domain), in.listed(s)}
	case Forwarder:
		l.How = []string{"It passes on mail that this server signed, for people who have their mail forwarded: SPF cannot follow it, the signature does, and nothing is to be done."}
	case Stranger:
		l.How = []string{"If it is not yours, it will be refused, as it should.", "If it is, let it send through this server.", in.listed(s)}
	}
	return l
}

// authorise says how a service of the catalogue is let in.
func (in Input) authorise(l *Loss, ladder Kind, s Source) {
	sender, _ := in.sender(s)
	l.Name, l.Docs, l.How = sender.Name, sender.Docs, []string{sender.How}
	for _, k := range sender.DKIM {
		l.DKIM = append(l.DKIM, k.For(in.Domain))
	}
	if sender.Include != "" && (sender.SPFAligns || ladder == SPF) {
		l.Include = "include:" + sender.Include
	}
	l.How = append(l.How, "If you do not use "+sender.Name+", it is not yours: it will be refused, as it should.")
}

// listed says how addresses get into the SPF record.
func (in Input) listed(s Source) string {
	var terms []string
	for _, a := range s.Addresses {
		if strings.Contains(a, ":") {
			terms = append(terms, "ip6:"+a)
		} else {
			terms = append(terms, "ip4:"+a)
		}
	}
	if len(terms) == 0 {
		return "Add its addresses to SPF in the domain's settings."
	}
	return "Add its addresses to SPF in the domain's settings (" + strings.Join(terms, " ") + ")."
}

// sortLosses puts what weighs most first; those disowned last.
func sortLosses(all []Loss) {
	slices.SortStableFunc(all, func(a, b Loss) int {
		if a.Disowned != b.Disowned {
			if a.Disowned {
				return 1
			}
			return -1
		}
		return cmp.Or(cmp.Compare(b.Lost, a.Lost), strings.Compare(a.Source, b.Source))
	})
}
