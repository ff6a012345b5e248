package imapd

import (
	"gomail"
	"gomail/mailbox"
)

// quotaRoot is the one quota root of an account.
const quotaRoot = "Account"

// getQuota answers GETQUOTA, RFC 9208 section 4.1.
func (s *session) getQuota(*request) error {
	s.dec.Space()
	root := s.dec.Astring()
	if err := s.dec.End(); err != nil {
		return err
	}
	usage, err := s.user.Usage(s.ctx)
	if err != nil {
		return err
	}
	if root != quotaRoot || usage.Max == 0 {
		return gomail.Errorf(gomail.NotFound, "There is no such quota root")
	}
	s.writeQuota(usage)
	return nil
}

// getQuotaRoot answers GETQUOTAROOT, RFC 9208 section 4.1.2. An account
// without a limit has no quota root.
func (s *session) getQuotaRoot(*request) error {
	name, err := s.oneMailbox()
	if err != nil {
		return err
	}
	if _, err := s.user.Lookup(s.ctx, name); err != nil {
		return err
	}
	usage, err := s.user.Usage(s.ctx)
	if err != nil {
		return err
	}
	s.out.Text("* QUOTAROOT ")
	s.out.Mailbox(name)
	if usage.Max == 0 {
		s.out.Text("\r\n")
		return nil
	}
	s.out.Text(" " + quotaRoot + "\r\n")
	s.writeQuota(usage)
	return nil
}

// writeQuota tells what is used, in units of 1,024 octets.
func (s *session) writeQuota(usage mailbox.Usage) {
	s.out.Text("* QUOTA " + quotaRoot + " (STORAGE ")
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
