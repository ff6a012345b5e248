package imapd

import (
	"fmt"

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
	if unlimited(usage) {
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
	if unlimited(usage) {
		s.out.Text("\r\n")
		return nil
	}
	s.out.Text(" ")
	s.out.Astring(rootOf(box))
	s.out.Text("\r\n")
	s.writeQuota(rootOf(box), usage)
	return nil
}

func unlimited(u mailbox.Usage) bool { return u.Max == 0 && u.MaxMessages == 0 }

// writeQuota tells what is used of what has a limit: storage in units of 1,024
// octets, and messages.
func (s *session) writeQuota(root string, usage mailbox.Usage) {
	s.out.Text("* QUOTA ")
	s.out.Astring(root)
	var resources []string
	if usage.Max > 0 {
		resources = append(resources, fmt.Sprintf("STORAGE %d %d", (usage.Used+1023)/1024, usage.Max/1024))
	}
	if usage.MaxMessages > 0 {
		resources = append(resources, fmt.Sprintf("MESSAGE %d %d", usage.Messages, usage.MaxMessages))
	}
	s.out.Text(" (" + joinWords(resources) + ")\r\n")
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
