package imapd

import (
	"gomail"
	"gomail/mailbox"
)

// quotaRoot is the one quota root of an account. That of another has its
// address after it.
const quotaRoot = "Account"

// getQuota answers GETQUOTA, RFC 9208 section 4.1.
func (s *session) getQuota(*request) error {
	s.dec.Space()
	root := s.dec.Astring()
	if err := s.dec.End(); err != nil {
		return err
	}
	usage, err := s.usageOf(root)
	if err != nil {
		return err
	}
	if usage.Max == 0 {
		return noQuotaRoot()
	}
	s.writeQuota(root, usage)
	return nil
}

// usageOf returns what is used of a quota root: the account's own, or that of
// one of whose mailboxes the account may read any.
func (s *session) usageOf(root string) (mailbox.Usage, error) {
	if root == quotaRoot {
		return s.user.Usage(s.ctx)
	}
	boxes, err := s.user.List(s.ctx)
	for _, box := range boxes {
		if box.Shared() && box.Rights.Has(mailbox.Read) && rootOf(box) == root {
			return box.Usage(s.ctx)
		}
	}
	if err == nil {
		err = noQuotaRoot()
	}
	return mailbox.Usage{}, err
}

func noQuotaRoot() error { return gomail.Errorf(gomail.NotFound, "There is no such quota root") }

// rootOf names the quota root of a mailbox.
func rootOf(box mailbox.Box) string {
	if box.Shared() {
		return quotaRoot + " " + box.OwnerAddress()
	}
	return quotaRoot
}

// getQuotaRoot answers GETQUOTAROOT, RFC 9208 section 4.1.2. An account
// without a limit has no quota root.
func (s *session) getQuotaRoot(*request) error {
	name, err := s.oneMailbox()
	if err != nil {
		return err
	}
	box, err := s.user.Lookup(s.ctx, name)
	if err != nil {
		return err
	}
	if err := box.Need(s.ctx, mailbox.Read); err != nil {
		return err
	}
	usage, err := box.Usage(s.ctx)
	if err != nil {
		return err
	}
	s.out.Text("* QUOTAROOT ")
	s.out.Mailbox(name)
	if usage.Max == 0 {
		s.out.Text("\r\n")
		return nil
	}
	s.out.Text(" ")
	s.out.Astring(rootOf(box))
	s.out.Text("\r\n")
	s.writeQuota(rootOf(box), usage)
	return nil
}

// writeQuota tells what is used, in units of 1,024 octets.
func (s *session) writeQuota(root string, usage mailbox.Usage) {
	s.out.Text("* QUOTA ")
	s.out.Astring(root)
	s.out.Text(" (STORAGE ")
	s.out.Int((usage.Used + 1023) / 1024)
	s.out.Text(" ")
	s.out.Int(usage.Max / 1024)
	s.out.Text(")\r\n")
}

// setQuota refuses: quotas are the administrator's.
func (s *session) setQuota(*request) error {
	s.dec.Space()
	s.dec.Astring()
	s.dec.Space()
	s.dec.List(func() { s.dec.Astring() })
	if err := s.dec.End(); err != nil {
		return err
	}
	return gomail.Errorf(gomail.Forbidden, "Only the administrator sets quotas")
}
