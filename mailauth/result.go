package mailauth

import (
	"net/netip"
	"strings"

	"gomail/mailauth/arc"
	"gomail/mailauth/dkim"
	"gomail/mailauth/dmarc"
	"gomail/mailauth/spf"
)

// Result is all that was found out about one message.
type Result struct {
	Receiver string // us, as Received-SPF names us
	IPRev    IPRev
	SPF      spf.Result    // of MAIL FROM, or of HELO for the null reverse-path
	SPFHelo  spf.Result    // of HELO; not checked apart for the null reverse-path
	DKIM     []dkim.Result // per signature, top to bottom
	DMARC    dmarc.Result
	ARC      arc.Result
	Override Override // why DMARC's policy is not followed
	From     []string // the author domains, canonical
}

// Action is what the author's domain asks for.
type Action string

// The actions.
const (
	ActionNone       Action = "none"
	ActionQuarantine Action = "quarantine"
	ActionReject     Action = "reject"
)

// Action returns what the author's domain asks to be done with the message
// and, unless that is nothing, a sentence for the sender. A result that is
// not known for lack of an answer never asks for anything, and neither does
// one that an Override stands against.
func (r Result) Action() (Action, string) {
	var action Action
	switch {
	case r.Override.Type != "":
		return ActionNone, ""
	case r.DMARC.Policy == dmarc.Reject:
		action = ActionReject
	case r.DMARC.Policy == dmarc.Quarantine:
		action = ActionQuarantine
	default:
		return ActionNone, ""
	}
	return action, "the message is refused by the DMARC policy of " + r.policyDomain() + ": " + r.DMARC.Reason
}

func (r Result) policyDomain() string {
	if r.DMARC.Domain != "" {
		return r.DMARC.Domain
	}
	return r.DMARC.Author
}

// remote returns the client's address; the zero one when nothing was found out
// about it.
func (r Result) remote() netip.Addr { return r.IPRev.Addr }

// Summary returns the results in one line for logs, such as
// "iprev=pass spf=pass dkim=pass,fail dmarc=pass". Nothing in it is a
// stranger's text.
func (r Result) Summary() string {
	var parts []string
	add := func(method, status string) {
		if status != "" {
			parts = append(parts, method+"="+status)
		}
	}
	add("iprev", string(r.IPRev.Status))
	add("spf", string(r.SPF.Status))
	var signatures []string
	for _, sig := range r.DKIM {
		signatures = append(signatures, string(sig.Status))
	}
	add("dkim", strings.Join(signatures, ","))
	add("dmarc", string(r.DMARC.Status))
	if r.ARC.Status != arc.None {
		add("arc", string(r.ARC.Status))
	}
	add("override", r.Override.Type)
	return strings.Join(parts, " ")
}
