package ladder

import "fmt"

// dmarc is the ladder none → quarantine → reject.
func (in Input) dmarc() Ladder {
	set := in.Settings.DMARC
	w := newWindow(in.Evidence.mailDays(), in.since(DMARC), in.Now)
	tally := in.tallyDMARC(w)
	v := view{
		kind: DMARC, title: "DMARC policy", record: "DMARC record",
		rungs: []string{"none", "quarantine", "reject"}, rung: set.Policy, seen: in.Evidence.Records.DMARC,
		proof: newProof(w, tally.passed, tally.failed), losses: tally.losses,
	}
	if v.rung == "" {
		v.rung = "none"
	}
	if set.Testing == "y" {
		v.obstacle = "The record is marked as a test (t=y), so receivers apply a weaker policy: remove the mark in the domain's settings first."
	}
	v.offer = fmt.Sprintf("%s: publish p=%s when no source below is one that you need.", v.proof.summary("message", "aligned"), next(v.rungs, v.rung))
	v.lacking = fmt.Sprintf("%s, and %d %% are needed: authorise the sources below that are yours, and mark the others as not yours.", v.proof.summary("message", "aligned"), NeedPercent)
	v.nothing = "Mail that is not yours is refused; nothing is to be done."
	if weaker := in.weakerBelow(); weaker != "" {
		v.nothing = fmt.Sprintf("Mail that is not yours is refused, but a policy of its own (%s) lets subdomains be forged: remove it in the domain's settings, so that they share the domain's.", weaker)
	}
	v.descent = fmt.Sprintf("Going back to p=%s lets mail pass again that neither SPF nor DKIM vouches for, forgeries too.", previous(v.rungs, v.rung))
	if tally.oursFailing() && v.rung != "none" {
		v.worse = fmt.Sprintf("%s of sources that look like yours %s treated as forged (p=%s): authorise them, or go back to p=%s until they are.",
			count(tally.oursFailed, "message"), was(tally.oursFailed), v.rung, previous(v.rungs, v.rung))
	}
	return in.settle(v)
}

// weakerBelow returns the tag by which subdomains are less protected than a
// domain that refuses forgeries; empty when none is.
func (in Input) weakerBelow() string {
	set := in.Settings.DMARC
	if sp := set.SubdomainPolicy; sp != "" && sp != "reject" {
		return "sp=" + sp
	}
	if np := set.NonexistentPolicy; np != "" && np != "reject" {
		return "np=" + np
	}
	return ""
}

// spf is the ladder ~all → -all.
func (in Input) spf() Ladder {
	w := newWindow(in.Evidence.mailDays(), in.since(SPF), in.Now)
	tally := in.tallySPF(w)
	v := view{
		kind: SPF, title: "SPF ending", record: "SPF record",
		rungs: []string{"~all", "-all"}, rung: in.Settings.SPF.All, seen: in.Evidence.Records.SPF,
		proof: newProof(w, tally.passed, tally.failed), losses: tally.losses,
	}
	if v.rung == "" {
		v.rung = "~all"
	}
	v.offer = fmt.Sprintf("%s: publish -all, which lets receivers refuse what comes from anywhere else.", v.proof.summary("message", "sent by a server that the record lists"))
	v.lacking = "Some sources below send with your return address and are not in the SPF record: add those that are yours, and mark the others as not yours."
	v.nothing = "Receivers may refuse what your servers did not send; nothing is to be done."
	v.descent = "Going back to ~all asks receivers to be suspicious of other servers' mail, and not to refuse it."
	if tally.oursFailing() && v.rung == "-all" {
		v.worse = fmt.Sprintf("%s of sources that look like yours %s sent by servers that the SPF record does not list: add them to it, or go back to ~all until they are.",
			count(tally.oursFailed, "message"), was(tally.oursFailed))
	}
	return in.settle(v)
}

// next returns the rung above, empty at the top.
func next(rungs []string, rung string) string {
	for i, r := range rungs {
		if r == rung && i+1 < len(rungs) {
			return rungs[i+1]
		}
	}
	return ""
}

// previous returns the rung below, empty at the bottom.
func previous(rungs []string, rung string) string {
	for i, r := range rungs {
		if r == rung && i > 0 {
			return rungs[i-1]
		}
	}
	return ""
}

func was(n int) string {
	if n == 1 {
		return "was"
	}
	return "were"
}

// summary is the proof in a phrase: "212 of 214 messages (99 %) were aligned
// on 14 days".
func (p Proof) summary(noun, what string) string {
	return fmt.Sprintf("%d of %s (%.4g %%) %s %s on %s", p.Passed, count(p.Messages, noun), p.Percent, was(p.Passed), what, count(p.Days, "day"))
}
