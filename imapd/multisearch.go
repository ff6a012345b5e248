package imapd

import (
	"slices"

	"gomail"
	"gomail/mailbox"
)

// multisearch answers ESEARCH, RFC 7377: a search in several mailboxes, which
// leaves the one that is open as it is.
func (s *session) multisearch(r *request) error {
	s.badCharset = false
	s.beginWork()
	r.uid = true
	s.dec.Space()
	filters := s.readSources()
	q := s.readSearchProgram()
	q.all = q.all || !q.extended
	q.extended, q.correlated = true, true
	if err := s.dec.End(); err != nil {
		return err
	}
	if err := s.checkSources(filters, q); err != nil {
		return err
	}
	if q.modSeq {
		s.enableCondstore()
	}
	if len(filters) == 1 && filters[0].selects() {
		return s.searchView(r, q)
	}
	return s.searchSources(r, q, filters)
}

// readSources reads IN (filters); without it the open mailbox is meant.
func (s *session) readSources() (filters []mailboxFilter) {
	if !s.dec.TryWord("IN") {
		return []mailboxFilter{{kind: "SELECTED"}}
	}
	s.dec.Space()
	s.dec.List(func() {
		f := s.readMailboxFilter()
		if f.kind == "SELECTED-DELAYED" {
			s.dec.Fail("A search takes SELECTED, not SELECTED-DELAYED")
		}
		if filters = append(filters, f); len(filters) > maxFilterPaths {
			s.dec.Fail("Too many specifiers of mailboxes")
		}
	})
	if len(filters) == 0 {
		s.dec.Fail("Expected specifiers of mailboxes")
	}
	s.dec.Space()
	return filters
}

// checkSources refuses what RFC 7377 section 2.2 has refused.
func (s *session) checkSources(filters []mailboxFilter, q searchQuery) error {
	selected := slices.ContainsFunc(filters, mailboxFilter.selects)
	switch {
	case s.badCharset:
		return errBadCharset()
	case selected && s.view == nil:
		return syntaxError("Please select a mailbox first")
	case q.save && !(selected && len(filters) == 1):
		return syntaxError("SAVE takes the selected mailbox alone")
	case q.update && s.view == nil:
		return syntaxError("UPDATE needs a selected mailbox")
	case q.update:
		return s.checkContext()
	}
	return nil
}

// searchSources searches one mailbox after another. What a client was told of
// the open one is what is searched there; the others are as they are now.
func (s *session) searchSources(r *request, q searchQuery, filters []mailboxFilter) error {
	boxes, err := s.user.List(s.ctx)
	if err != nil {
		return err
	}
	selected := slices.ContainsFunc(filters, mailboxFilter.selects)
	s.work.rounds++ // nobody knows how many messages it will be
	for _, box := range boxes {
		open := s.view != nil && s.view.box.ID == box.ID && s.view.box.Owner == box.Owner
		switch {
		case !box.Rights.Has(mailbox.Read): // as if it were not there
		case open && (selected || coveredBy(filters, box)):
			err = s.searchView(r, q)
		case !open && coveredBy(filters, box):
			err = s.searchOther(r, q, box)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// searchOther searches a mailbox that is not open. One that was deleted
// meanwhile has nothing to be found.
func (s *session) searchOther(r *request, q searchQuery, box mailbox.Box) error {
	snap, err := box.Snapshot(s.ctx)
	if kind := gomail.KindOf(err); kind == gomail.NotFound || kind == gomail.Forbidden {
		return nil
	}
	if err != nil {
		return err
	}
	open := s.view
	defer func() { s.view = open }()
	s.view = newView(box, snap, true)
	found, err := s.find(q)
	if err == nil && len(found) > 0 {
		s.writeExtendedResult(r, q, found)
	}
	return err
}

// searchView searches the open mailbox and answers.
func (s *session) searchView(r *request, q searchQuery) error {
	found, err := s.find(q)
	if err != nil {
		if q.save {
			s.view.saved = nil
		}
		return err
	}
	if q.save {
		s.view.saved = s.view.uids(q.saved(found))
	}
	switch {
	case q.correlated && len(found) == 0:
	case q.extended || s.rev2:
		s.writeExtendedResult(r, q, found)
	default:
		s.writeResult(r, q, found)
	}
	if q.update {
		s.addContext(r, q, found, nil)
	}
	return nil
}
