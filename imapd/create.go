package imapd

import (
	"slices"
	"strings"

	"gomail"
)

// specialUses are the attributes of RFC 6154 that a mailbox may be created
// with or listed by.
var specialUses = map[gomail.MailboxRole]string{
	gomail.RoleDrafts: `\Drafts`, gomail.RoleSent: `\Sent`, gomail.RoleArchive: `\Archive`,
	gomail.RoleJunk: `\Junk`, gomail.RoleTrash: `\Trash`,
}

// create answers CREATE, RFC 9051 section 6.3.4, with the USE parameter of
// RFC 6154 section 3.
func (s *session) create(r *request) error {
	s.dec.Space()
	name, bad := s.readMailbox()
	var uses []string
	if s.dec.TrySpace() {
		s.dec.List(func() {
			if !s.dec.TryWord("USE") {
				s.dec.Fail("Unknown parameter of CREATE")
				return
			}
			s.dec.Space()
			s.dec.List(func() { uses = append(uses, s.dec.Flag()) })
		})
	}
	if err := s.dec.End(); err != nil {
		return err
	}
	if bad != nil {
		return bad
	}
	role, err := roleOf(uses)
	if err != nil {
		return err
	}
	box, err := s.user.Create(s.ctx, name, role)
	if err != nil {
		return s.whyNoUse(name, role, err)
	}
	s.changedNames(name)
	r.code = "MAILBOXID (" + mailboxID(box) + ")"
	return nil
}

// whyNoUse gives the refusal of a special use that another mailbox has the code
// that RFC 6154 section 3 asks for.
func (s *session) whyNoUse(name string, role gomail.MailboxRole, err error) error {
	if role == "" || gomail.KindOf(err) != gomail.Exists {
		return err
	}
	if _, missing := s.user.Lookup(s.ctx, strings.TrimSuffix(name, string(gomail.MailboxSeparator))); missing != nil {
		return coded("USEATTR", err)
	}
	return err
}

// roleOf returns the role of the special uses asked for: at most one.
func roleOf(uses []string) (gomail.MailboxRole, error) {
	if len(uses) == 0 {
		return "", nil
	}
	for role, use := range specialUses {
		if len(uses) == 1 && strings.EqualFold(use, uses[0]) {
			return role, nil
		}
	}
	return "", coded("USEATTR", gomail.Errorf(gomail.Invalid, "A mailbox can have one special use, of those that LIST shows"))
}

// closeIfOpen closes the open mailbox when it is the one that was deleted.
func (s *session) closeIfOpen(path string) {
	if s.view != nil && s.view.box.Path == path {
		s.view = nil
	}
}

// delete answers DELETE, RFC 9051 section 6.3.5.
func (s *session) delete(*request) error {
	name, err := s.oneMailbox()
	if err != nil {
		return err
	}
	err = s.patiently(func() error { return s.user.Delete(s.ctx, name) })
	if gomail.KindOf(err) == gomail.Exists {
		return coded("HASCHILDREN", err)
	}
	if err == nil {
		s.closeIfOpen(name)
		s.changedNames(name)
	}
	return err
}

// rename answers RENAME, RFC 9051 section 6.3.6. The mailbox engine knows
// what is special about INBOX.
func (s *session) rename(*request) error {
	s.dec.Space()
	from, bad := s.readMailbox()
	s.dec.Space()
	to, badTo := s.readMailbox()
	if err := s.dec.End(); err != nil {
		return err
	}
	for _, err := range []error{bad, badTo} {
		if err != nil {
			return err
		}
	}
	err := s.patiently(func() error { return s.user.Rename(s.ctx, from, to) })
	if err == nil {
		s.changedNames(from, to)
	}
	return err
}

// subscribe answers SUBSCRIBE, RFC 9051 section 6.3.7.
func (s *session) subscribe(*request) error {
	name, err := s.oneMailbox()
	if err != nil {
		return err
	}
	err = s.user.Subscribe(s.ctx, name, true)
	if err == nil {
		s.changedNames(name)
	}
	return err
}

// unsubscribe answers UNSUBSCRIBE, RFC 9051 section 6.3.8. A mailbox that
// does not exist is not subscribed to either way.
func (s *session) unsubscribe(*request) error {
	name, err := s.oneMailbox()
	if err != nil {
		return err
	}
	err = s.user.Subscribe(s.ctx, name, false)
	if gomail.KindOf(err) == gomail.NotFound {
		return nil
	}
	if err == nil {
		s.changedNames(name)
	}
	return err
}

// attributes are what LIST says of a mailbox, RFC 9051 section 7.3.1.
func attributes(l listed, hasChildren bool) []string {
	attrs := []string{`\HasNoChildren`}
	if hasChildren {
		attrs[0] = `\HasChildren`
	}
	if l.level {
		attrs = append(attrs, `\Noselect`)
	}
	if use := l.specialUse(); use != "" {
		attrs = append(attrs, use)
	}
	return slices.Clip(attrs)
}
