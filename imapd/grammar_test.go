package imapd

import (
	"io"
	"strings"
	"testing"

	"gomail"
	"gomail/imapd/imapwire"
	"gomail/mailbox"
)

// parsing returns a session that reads a command's arguments from text.
func parsing(text string) *session {
	blocks := &imapwire.Blocks{}
	s := &session{cfg: &Config{}}
	*s.cfg = s.cfg.withDefaults()
	s.in = imapwire.Input{Source: strings.NewReader(text + "\r\n"), Wait: func(bool) error { return nil }, Blocks: blocks}
	s.out = imapwire.Output{Target: io.Discard, Ready: func() error { return nil }, Blocks: blocks}
	s.dec = imapwire.Decoder{In: &s.in, Continue: func() {}, Limits: imapwire.Limits{Command: signedInCommand, Literal: signedInCommand, Discard: signedInCommand}}
	s.dec.Begin()
	return s
}

// FuzzNotify: what is taken for groups of events keeps to RFC 5465 section 5.
func FuzzNotify(f *testing.F) {
	for _, seed := range []string{
		"status (selected (MessageNew (uid body.peek[header.fields (from to subject)]) MessageExpunge)) (subtree Lists (MessageNew MessageExpunge))",
		"(selected-delayed NONE) (mailboxes (INBOX \"a b\" {3+}\r\nabc) (FlagChange MessageExpunge MessageNew))",
		"(personal (MailboxName SubscriptionChange)) (inboxes (ServerMetadataChange)) (subscribed (MailboxMetadataChange))", "(selected (AnnotationChange))",
	} {
		f.Add(" " + seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s := parsing(text)
		q := s.readNotify()
		if s.dec.End() != nil || q.unknown {
			return
		}
		if len(q.others) > maxEventGroups || q.selected.events&^messageEvents != 0 || len(q.selected.fetch.items) > maxFetchItems {
			t.Fatalf("%q is %+v", text, q)
		}
		for _, g := range append(q.others, q.selected) {
			if e := g.events & messageEvents; e != 0 && !e.has(messageNew|messageExpunge) || len(g.filter.paths) > maxFilterPaths {
				t.Fatalf("%q has the group %+v", text, g)
			}
			for _, path := range g.filter.paths {
				if !g.filter.covers(mailbox.Box{Mailbox: gomail.Mailbox{Path: path}}) {
					t.Fatalf("%+v does not cover %q", g.filter, path)
				}
			}
		}
	})
}

// FuzzSearchProgram: what is taken for a search has at most so many keys, and
// nothing that excludes another.
func FuzzSearchProgram(f *testing.F) {
	for _, seed := range []string{
		"RETURN (UPDATE (UID BODY[HEADER.FIELDS (TO FROM SUBJECT)]) COUNT CONTEXT) FROM \"boss\"", "IN (mailboxes \"folder1\" subtree-one \"folder2\") RETURN (PARTIAL -1:-5 MIN) SAVEDSINCE 1-Apr-2026",
		"CHARSET UTF-8 OR NOT 1:* (UID 3 THREADID T1 SAVEDATESUPPORTED) SENTBEFORE 1-Jan-2026", "IN (selected personal) $",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s := parsing(text)
		filters := s.readSources()
		q := s.readSearchProgram()
		if s.dec.End() != nil {
			return
		}
		if len(filters) == 0 || len(q.keys) == 0 || len(q.keys) > maxSearchKeys || q.partial != nil && q.all || len(q.updateFetch.items) > maxFetchItems {
			t.Fatalf("%q is %+v of %+v", text, q, filters)
		}
	})
}

// FuzzMetadataEntries: options may stand before the entries, and there is always
// one.
func FuzzMetadataEntries(f *testing.F) {
	for _, seed := range []string{"/shared/comment", "(/private/a \"/shared/b\")", "(MAXSIZE 10 DEPTH infinity) (DEPTH 1) /a", "()", "((", "(/a MAXSIZE 1)"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s := parsing(text)
		q := metadataQuery{maxSize: -1}
		s.readEntries(&q)
		if s.dec.End() == nil && (len(q.entries) == 0 || len(q.entries) > maxMetadataEntries || q.depth < 0 || q.depth > 2) {
			t.Fatalf("%q is %+v", text, q)
		}
	})
}
