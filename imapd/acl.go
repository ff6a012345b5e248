package imapd

import (
	"gomail"
	"gomail/imapd/imapwire"
	"gomail/mailbox"
)

// getACL answers GETACL, RFC 4314 section 3.3.
func (s *session) getACL(*request) error {
	box, err := s.oneBox()
	if err != nil {
		return err
	}
	grants, err := box.Grants(s.ctx)
	if err != nil {
		return err
	}
	s.out.Text("* ACL ")
	s.out.Mailbox(box.Path)
	for _, g := range grants {
		s.out.Text(" ")
		s.out.Astring(g.Identifier())
		s.out.Text(" " + g.Rights.Wire())
	}
	s.out.Text("\r\n")
	return nil
}

// oneBox reads the only argument of a command, and looks that mailbox up.
func (s *session) oneBox() (mailbox.Box, error) {
	name, err := s.oneMailbox()
	if err != nil {
		return mailbox.Box{}, err
	}
	return s.user.Lookup(s.ctx, name)
}

// setACL answers SETACL, RFC 4314 section 3.1.
func (s *session) setACL(*request) error {
	s.dec.Space()
	name, bad := s.readMailbox()
	s.dec.Space()
	identifier := s.readIdentifier()
	s.dec.Space()
	change, wrong := mailbox.ParseRightsChange(s.dec.Astring())
	if err := s.dec.End(); err != nil {
		return err
	}
	if wrong != nil {
		return &imapwire.SyntaxError{Text: sentence(wrong)}
	}
	return s.changeACL(name, bad, identifier, change)
}

// deleteACL answers DELETEACL, RFC 4314 section 3.2.
func (s *session) deleteACL(*request) error {
	name, identifier, bad, err := s.boxAndIdentifier()
	if err != nil {
		return err
	}
	return s.changeACL(name, bad, identifier, mailbox.RightsChange{Op: mailbox.ReplaceFlags})
}

func (s *session) changeACL(name string, bad error, identifier string, change mailbox.RightsChange) error {
	if bad != nil {
		return bad
	}
	box, err := s.user.Lookup(s.ctx, name)
	if err != nil {
		return err
	}
	return box.Grant(s.ctx, identifier, change)
}

// readIdentifier reads whom rights are for. An empty one is out of form, RFC
// 4314 section 3.
func (s *session) readIdentifier() string {
	identifier := s.dec.Astring()
	if identifier == "" || identifier == "-" {
		s.dec.Fail("The identifier is empty")
	}
	return identifier
}

func (s *session) boxAndIdentifier() (name, identifier string, bad, err error) {
	s.dec.Space()
	name, bad = s.readMailbox()
	s.dec.Space()
	identifier = s.readIdentifier()
	return name, identifier, bad, s.dec.End()
}

// listRights answers LISTRIGHTS, RFC 4314 section 3.4. No rights are tied.
func (s *session) listRights(*request) error {
	name, identifier, bad, err := s.boxAndIdentifier()
	if err != nil {
		return err
	}
	if bad != nil {
		return bad
	}
	box, err := s.user.Lookup(s.ctx, name)
	if err != nil {
		return err
	}
	always, given, err := box.Grantable(s.ctx, identifier)
	if err != nil {
		return err
	}
	s.out.Text("* LISTRIGHTS ")
	s.out.Mailbox(box.Path)
	s.out.Text(" ")
	s.out.Astring(identifier)
	s.out.Text(" ")
	s.out.Astring(always.Wire())
	for _, right := range given.Wire() {
		s.out.Text(" " + string(right))
	}
	s.out.Text("\r\n")
	return nil
}

// myRights answers MYRIGHTS, RFC 4314 section 3.5.
func (s *session) myRights(*request) error {
	box, err := s.oneBox()
	if err != nil {
		return err
	}
	s.writeMyRights(box)
	return nil
}

func (s *session) writeMyRights(box mailbox.Box) {
	s.out.Text("* MYRIGHTS ")
	s.out.Mailbox(box.Path)
	s.out.Text(" ")
	s.out.Astring(box.Rights.Wire())
	s.out.Text("\r\n")
}

// reviseRights looks at what may be done with an open mailbox of another, which
// its owner may change at any time, and tells what that means for flags (RFC
// 4314 section 5.1.1).
func (s *session) reviseRights() error {
	v := s.view
	rights, err := v.box.Allowed(s.ctx)
	if err != nil || rights == v.box.Rights {
		return err
	}
	v.box.Rights = rights
	v.readOnly = v.examined || !rights.Writes()
	if rights.Has(mailbox.Read) {
		s.writeFlagList()
	}
	return nil
}

// stillReadable refuses what has to do with an open mailbox of another that may
// not be read any more, until it is closed.
func (s *session) stillReadable(c command, r *request) error {
	if s.view == nil || c.states != stateSelected || r.name == "CLOSE" || r.name == "UNSELECT" {
		return nil
	}
	if err := s.reviseRights(); err != nil || s.view.box.Rights.Has(mailbox.Read) {
		return err
	}
	return gomail.Errorf(gomail.Forbidden, "You may not read this mailbox any more: close it")
}
