package dnsplan

import (
	"fmt"
	"net/netip"
	"strings"

	"gomail"
	"gomail/mailauth"
	"gomail/mailauth/dkim"
	"gomail/mailauth/dmarc"
	"gomail/mailauth/spf"
)

// trials lists what is tried. A parked domain sends nothing: only forgeries
// are tried of it.
func (s *simulation) trials(keys []SimulationKey) []trial {
	if s.domain == "" {
		return nil
	}
	var all []trial
	if !s.parked() {
		all = append(all, s.genuine(keys)...)
	}
	return append(all, s.forgeries()...)
}

// parked reports whether the plan is that of a domain without mail.
func (s *simulation) parked() bool {
	for _, r := range s.records {
		if r.Purpose == Receive && r.Value == "." {
			return true
		}
	}
	return false
}

// genuine are messages that have to arrive.
func (s *simulation) genuine(keys []SimulationKey) []trial {
	signed := make([]*SimulationKey, 0, len(keys)+1)
	for i := range keys {
		signed = append(signed, &keys[i])
	}
	if len(keys) == 0 {
		signed = append(signed, nil)
	}
	var all []trial
	for _, key := range signed {
		how, dkimResult := "not signed", "none"
		if key != nil {
			how, dkimResult = fmt.Sprintf("signed with %s (%s)", key.Selector, key.Algorithm), "pass"
		}
		passes := Judgement{"pass", dkimResult, "pass", "none"}
		for _, addr := range s.addresses() {
			all = append(all, trial{OwnMail, fmt.Sprintf("a message from %s, %s", addr, how), addr, s.host, s.address(), s.domain, key, passes})
		}
		if key == nil {
			continue // without a signature neither of these can pass for certain
		}
		for _, addr := range s.addresses()[:min(1, len(s.addresses()))] {
			all = append(all, trial{Notification, fmt.Sprintf("a notice of failed delivery from %s, %s", addr, how), addr, s.host, gomail.Address{}, s.domain, key, passes})
		}
		forwarded := Judgement{s.others(), "pass", "pass", "none"}
		all = append(all, trial{Forwarded, "a message that another server passes on, " + how, strangers()[0], "forwarder.invalid", s.address(), s.domain, key, forwarded})
	}
	return all
}

// forgeries are messages that have to be treated as the policy says.
func (s *simulation) forgeries() []trial {
	var all []trial
	policy := s.policy()
	for _, addr := range strangers() {
		all = append(all, trial{
			Forged, fmt.Sprintf("a stranger's message from %s that claims to be from %s", addr, s.domain), addr, "stranger.invalid",
			s.address(), s.domain, nil, Judgement{s.others(), "none", "fail", disposition(policy.Policy, policy.Testing)},
		})
	}
	forged := forgedLabel + "." + s.domain
	below := policy.Policy
	for _, p := range []dmarc.Policy{policy.SubdomainPolicy, policy.NonexistentPolicy} { // the last that is set holds
		if p != "" {
			below = p
		}
	}
	return append(all, trial{
		ForgedSubdomains, "a stranger's message that claims to be from a subdomain that does not exist", strangers()[0], "stranger.invalid",
		gomail.Address{Local: "somebody", Domain: forged}, forged, nil, Judgement{"none", "none", "fail", disposition(below, policy.Testing)},
	})
}

func (s *simulation) address() gomail.Address {
	return gomail.Address{Local: "somebody", Domain: s.domain}
}

// addresses are those from which the server sends.
func (s *simulation) addresses() []netip.Addr {
	var all []netip.Addr
	for _, r := range s.records {
		if r.Purpose != Address || !sameHost(r.Name, s.host) {
			continue
		}
		if a, err := netip.ParseAddr(r.Value); err == nil {
			all = append(all, a)
		}
	}
	return all
}

// others is what the planned SPF record says of everybody else.
func (s *simulation) others() string {
	for _, r := range s.records {
		if r.Purpose != SPF {
			continue
		}
		switch {
		case strings.HasSuffix(r.Value, "-all"):
			return string(spf.Fail)
		case strings.HasSuffix(r.Value, "~all"):
			return string(spf.SoftFail)
		}
	}
	return string(spf.Neutral)
}

// disposition is what a policy asks for; one that is tested asks for a step
// less (RFC 9989 section 4.7).
func disposition(p dmarc.Policy, testing bool) string {
	switch {
	case p == dmarc.Reject && testing:
		return string(dmarc.Quarantine)
	case p == "" || testing:
		return string(dmarc.None)
	}
	return string(p)
}

// assess compares what was expected with what came out.
func (s *simulation) assess(t trial, r mailauth.Result, actual Judgement, missing []string) (State, string) {
	if actual == t.expected {
		return OK, s.fine(t, actual)
	}
	if t.kind == ForgedSubdomains && len(missing) > 0 || actual.uncertain() {
		return Unknown, "What would become of it is not known, as the DNS has not been asked about " + strings.Join(missing, ", ") + "."
	}
	return Wrong, s.fault(t, r, actual)
}

// uncertain reports whether a look-up that would have decided failed. What
// else was not known made no difference, except to whether a subdomain exists.
func (o Judgement) uncertain() bool {
	return o.SPF == string(spf.TempError) || o.DKIM == string(dkim.TempError) || o.DMARC == string(dmarc.StatusTempError)
}

// fine says what became of a message that fared as it should.
func (s *simulation) fine(t trial, actual Judgement) string {
	switch t.kind {
	case OwnMail, Notification:
		return "It passes, and is delivered."
	case Forwarded:
		return "SPF cannot follow it, the signature does, and it is delivered."
	}
	switch actual.Disposition {
	case "reject":
		return "It is refused."
	case "quarantine":
		return "It lands among the spam."
	}
	return "It is recognised as forged, and delivered all the same: the policy is none so far."
}

// fault says what is wrong and what to do.
func (s *simulation) fault(t trial, r mailauth.Result, actual Judgement) string {
	forged := t.kind == Forged || t.kind == ForgedSubdomains
	switch {
	case actual.SPF == string(spf.PermError):
		return fmt.Sprintf("Receivers cannot evaluate the SPF record (%s): remove or mend the mechanisms that you added.", r.SPF.Reason)
	case forged && actual.SPF == string(spf.Pass):
		return "SPF lets a stranger's server send as the domain: remove the mechanisms that list so many addresses."
	case forged && actual.Disposition != t.expected.Disposition:
		return fmt.Sprintf("A receiver would apply the policy %s instead of %s: check the DMARC settings.", actual.Disposition, t.expected.Disposition)
	case t.key != nil && actual.DKIM != string(dkim.Pass):
		return fmt.Sprintf("Its signature does not verify (%s): the planned record of the key %s does not belong to the key that signs.", signatureFault(r), t.key.Selector)
	case !forged && t.expected.SPF == string(spf.Pass) && actual.SPF != string(spf.Pass):
		return fmt.Sprintf("SPF says %s of this server's own address %s: it has to be among those of the mail host or of the mechanisms that you added.", actual.SPF, t.client)
	}
	return fmt.Sprintf("It should be spf=%s dkim=%s dmarc=%s, and would be spf=%s dkim=%s dmarc=%s: look through the SPF and DMARC settings.",
		t.expected.SPF, t.expected.DKIM, t.expected.DMARC, actual.SPF, actual.DKIM, actual.DMARC)
}

// signatureFault is why the first signature failed.
func signatureFault(r mailauth.Result) string {
	if len(r.DKIM) == 0 {
		return "there is none"
	}
	return r.DKIM[0].Reason
}
