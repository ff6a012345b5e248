package imapd

import (
	"reflect"
	"slices"

	"gomail"
	"gomail/imapd/imapwire"
)

// Limits on the results that one session has kept up to date.
const (
	maxContexts       = 10
	maxContextMembers = 1 << 18 // messages of all of them
	maxSortedMembers  = 1 << 14 // of one that is sorted
)

// searchContext is a search whose result the client is kept up to date on, RFC
// 5267 section 4.3.
type searchContext struct {
	tag      string
	uid      bool // the result is UIDs
	query    searchQuery
	criteria []sortCriterion // nil: in the order of the mailbox
	members  []gomail.UID    // in that order
}

// checkContext refuses a tag that another such search has.
func (s *session) checkContext() error {
	if slices.ContainsFunc(s.view.contexts, func(c *searchContext) bool { return c.tag == s.tag }) {
		return syntaxError("Tag reuse: a search that is kept up to date has this tag")
	}
	return nil
}

// addContext keeps a result up to date from here on, or says that it will not
// be (RFC 5267 section 4.3.1).
func (s *session) addContext(r *request, q searchQuery, found []int, criteria []sortCriterion) {
	total := len(found)
	for _, c := range s.view.contexts {
		total += len(c.members)
	}
	if len(s.view.contexts) >= maxContexts || total > maxContextMembers || criteria != nil && len(found) > maxSortedMembers {
		s.refuseUpdates(r.tag, "Too much is to be kept up to date")
		return
	}
	s.view.contexts = append(s.view.contexts, &searchContext{tag: r.tag, uid: r.uid, query: q, criteria: criteria, members: s.view.uids(found)})
}

func (s *session) refuseUpdates(tag, text string) {
	s.untagged("NO", `NOUPDATE "`+tag+`"`, text)
}

// cancelUpdate answers CANCELUPDATE, RFC 5267 section 4.3.5.
func (s *session) cancelUpdate(*request) error {
	var tags []string
	for s.dec.TrySpace() {
		tags = append(tags, s.dec.String())
	}
	if len(tags) == 0 {
		s.dec.Fail("Expected tags of searches")
	}
	if err := s.dec.End(); err != nil {
		return err
	}
	left := slices.Clone(s.view.contexts)
	for _, tag := range tags {
		i := slices.IndexFunc(left, func(c *searchContext) bool { return c.tag == tag })
		if i < 0 {
			return syntaxError("No search that is kept up to date has the tag " + quoteASCII(tag))
		}
		left = slices.Delete(left, i, i+1)
	}
	s.view.contexts = left
	return nil
}

// forgetVanished tells which results lose messages that are about to be told
// as gone: afterwards their numbers would mean others (RFC 5267 section 4.3.4).
func (s *session) forgetVanished(uids []gomail.UID) {
	for _, c := range s.view.contexts {
		var u contextUpdate
		for _, uid := range uids {
			u.remove(c, uid)
		}
		s.writeUpdate(c, u)
	}
}

// updateContexts tells how the results have changed by what happened to
// messages since it was called last.
func (s *session) updateContexts() {
	v := s.view
	if v == nil {
		return
	}
	defer func() { v.firstNew = 0 }()
	if len(v.touched) == 0 {
		return
	}
	slices.Sort(v.touched)
	touched := v.indexes(slices.Compact(v.touched))
	v.touched = v.touched[:0]
	s.beginWork()
	v.contexts = slices.DeleteFunc(v.contexts, func(c *searchContext) bool {
		err := s.updateContext(c, touched)
		if err != nil {
			s.refuseUpdates(c.tag, "The result could not be brought up to date, and will not be from here on")
		}
		return err != nil
	})
}

// updateContext looks which of the messages at the indexes match now.
func (s *session) updateContext(c *searchContext, touched []int) error {
	matching, err := s.findAmong(c.query, touched)
	if err != nil {
		return err
	}
	var u contextUpdate
	var fresh []int
	for _, i := range touched {
		uid := s.view.entries[i].UID
		_, member := c.find(uid)
		_, matches := slices.BinarySearch(matching, i)
		switch {
		case member && !matches:
			u.remove(c, uid)
		case matches && !member:
			if err := s.addMember(c, &u, i); err != nil {
				return err
			}
			if s.view.firstNew > 0 && uid >= s.view.firstNew {
				fresh = append(fresh, i)
			}
		}
	}
	if err := s.tellNew(c, fresh); err != nil {
		return err
	}
	s.writeUpdate(c, u)
	return nil
}

// tellNew tells what the search wants to know of new messages, RFC 5465 section
// 7.
func (s *session) tellNew(c *searchContext, fresh []int) error {
	q := c.query.updateFetch
	if s.notify != nil { // what NOTIFY has told already is not told twice
		told := s.notify.selected.fetch.items
		q.items = slices.DeleteFunc(slices.Clone(q.items), func(item fetchItem) bool {
			return slices.ContainsFunc(told, func(other fetchItem) bool { return reflect.DeepEqual(item, other) })
		})
	}
	if len(q.items) == 0 || len(fresh) == 0 {
		return nil
	}
	return s.writeFetched(&request{}, q, fresh)
}

// find returns where a message is in the result.
func (c *searchContext) find(uid gomail.UID) (int, bool) {
	if c.criteria == nil {
		return slices.BinarySearch(c.members, uid)
	}
	i := slices.Index(c.members, uid)
	return i, i >= 0
}

// contextUpdate is what one response tells: messages with the positions at
// which they are taken out, and then put in.
type contextUpdate struct{ removed, added []placed }

type placed struct {
	position int // from 1
	uid      gomail.UID
}

func (u *contextUpdate) remove(c *searchContext, uid gomail.UID) {
	if i, member := c.find(uid); member {
		c.members = slices.Delete(c.members, i, i+1)
		u.removed = append(u.removed, placed{i + 1, uid})
	}
}

// addMember puts a message where it belongs in the result.
func (s *session) addMember(c *searchContext, u *contextUpdate, index int) error {
	uid := s.view.entries[index].UID
	i, _ := c.find(uid)
	if c.criteria != nil {
		var err error
		if i, err = s.sortedPlace(c, index); err != nil {
			return err
		}
	}
	c.members = slices.Insert(c.members, i, uid)
	u.added = append(u.added, placed{i + 1, uid})
	return nil
}

// sortedPlace finds where a message belongs among the sorted members. What they
// are sorted by never changes, so only the few that it is compared with are
// looked at.
func (s *session) sortedPlace(c *searchContext, index int) (int, error) {
	x, _, err := s.sortableAt(c, index)
	lo, hi := 0, len(c.members)
	for lo < hi && err == nil {
		mid := (lo + hi) / 2
		probe, known := mid, false
		var y sortable
		for ; probe < hi && !known && err == nil; probe++ { // those that are gone meanwhile tell nothing
			if i, there := s.view.find(c.members[probe]); there {
				y, known, err = s.sortableAt(c, i)
			}
		}
		order := compareSortables(&x, &y, c.criteria)
		if !known || order < 0 || order == 0 && x.index < y.index {
			hi = mid
		} else {
			lo = probe
		}
	}
	return lo, err
}

func (s *session) sortableAt(c *searchContext, index int) (x sortable, known bool, err error) {
	all, err := s.sortables([]int{index}, c.criteria)
	if err != nil || len(all) == 0 {
		return sortable{numbers: make([]int64, len(c.criteria)), texts: make([]string, len(c.criteria))}, false, err
	}
	return all[0], true, nil
}

// writeUpdate writes ESEARCH with REMOVEFROM and ADDTO. The order of a search
// is that of the mailbox, so there no positions are needed (RFC 5267 sections
// 4.3.3 and 4.3.4).
func (s *session) writeUpdate(c *searchContext, u contextUpdate) {
	if len(u.removed)+len(u.added) == 0 {
		return
	}
	s.out.Text(`* ESEARCH (TAG "` + c.tag + `"`)
	if c.query.correlated {
		s.writeCorrelators()
	}
	s.out.Text(")")
	if c.uid {
		s.out.Text(" UID")
	}
	s.writePlaced(c, "REMOVEFROM", u.removed)
	s.writePlaced(c, "ADDTO", u.added)
	s.out.Text("\r\n")
}

func (s *session) writePlaced(c *searchContext, name string, list []placed) {
	if len(list) == 0 {
		return
	}
	numbers := make([]uint32, len(list))
	for n, p := range list {
		numbers[n] = uint32(p.uid)
		if i, ok := s.view.find(p.uid); ok && !c.uid {
			numbers[n] = uint32(i + 1)
		}
	}
	s.out.Text(" " + name + " (")
	if c.criteria == nil {
		s.out.Text("0 " + imapwire.FormatSet(numbers))
	}
	for n, p := range list {
		if c.criteria == nil {
			break
		}
		if n > 0 {
			s.out.Text(" ")
		}
		s.out.Int(int64(p.position))
		s.out.Text(" ")
		s.out.Int(int64(numbers[n]))
	}
	s.out.Text(")")
}
