package inbound

import (
	"net/netip"

	"gomail"
	"gomail/mailauth"
	"gomail/mailauth/dmarc"
	"gomail/message"
)

// Judgement is what was found out about a message and what DMARC made of it.
type Judgement struct {
	Client netip.Addr
	From   gomail.Address // the envelope's sender; may be null
	Auth   mailauth.Result
	Header message.Header // of the message, as it came

	// Disposition is what was done, RFC 9990 section 3.1.1: "none", "pass",
	// "quarantine" or "reject".
	Disposition string
	// Override is why that is not what the domain asks for: "local_policy",
	// "policy_test_mode"; empty: it is. Comment says more of it, as RFC 8617
	// section 7.2.2 has it for trusted ARC chains.
	Override string
	Comment  string
}

// judged tells of a message that was authenticated and judged. One that has to
// come back is told of then.
func (s *Service) judged(t *Transaction, auth mailauth.Result, v verdict) {
	if s.config.Judged == nil || t.check == nil || v.refusal != nil && gomail.KindOf(v.refusal).Temporary() {
		return
	}
	j := Judgement{Client: t.client.Addr.Addr().Unmap(), From: t.from, Auth: auth, Header: t.header, Disposition: v.disposition(auth)}
	if auth.DMARC.Status == dmarc.StatusFail {
		j.Override, j.Comment = override(auth, j.Disposition), auth.Override.Comment
	}
	s.config.Judged(j)
}

// override says why a message that failed was not treated as asked.
func override(auth mailauth.Result, disposition string) string {
	switch asked, _ := auth.Action(); {
	case auth.Override.Type != "":
		return auth.Override.Type
	case string(asked) != disposition:
		return "local_policy"
	case auth.DMARC.Policy != auth.DMARC.Published:
		return "policy_test_mode"
	}
	return ""
}

func (v verdict) disposition(auth mailauth.Result) string {
	switch {
	case auth.DMARC.Status == dmarc.StatusPass:
		return "pass"
	case v.refusal != nil:
		return "reject"
	case v.role == gomail.RoleJunk:
		return "quarantine"
	}
	return "none"
}
