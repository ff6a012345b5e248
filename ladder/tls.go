package ladder

import (
	"fmt"

	"gomail/dnsplan"
)

// mtasts is the ladder testing → enforce. One failure in the time that counts
// is one too many: with enforce that mail does not arrive.
func (in Input) mtasts() Ladder {
	w := newWindow(in.Evidence.tlsDays(), in.since(MTASTS), in.Now)
	proof := in.tallyTLS(w)
	v := view{
		kind: MTASTS, title: "MTA-STS mode", record: "MTA-STS policy",
		rungs: []string{"testing", "enforce"}, rung: in.Settings.MTASTS.Mode, seen: in.Evidence.Records.MTASTS, proof: proof, causes: in.causes(w),
	}
	switch {
	case in.Settings.MTASTS.Off || v.rung == "none":
		v.rung = "none"
		v.obstacle = "MTA-STS is switched off: switch it on in the domain's settings, in testing mode, so that senders begin to report."
	case v.rung == "":
		v.rung = "testing"
	}
	if v.obstacle == "" && in.Settings.TLSRPT.Off {
		v.obstacle = "TLS reports are switched off, and without them nobody tells whether TLS works: switch them on in the domain's settings."
	}
	if v.obstacle == "" && proof.Days >= NeedDays && proof.Failed > 0 {
		v.obstacle = fmt.Sprintf("%s in %d over TLS failed on the last %d days with reports (%s): mend it first, since with enforce that mail would not arrive.", count(proof.Failed, "connection"), proof.Messages, NeedDays, why(v.causes))
	}
	v.offer = fmt.Sprintf("All %s over TLS that were reported on %s worked: switch to enforce, so that nobody between can take TLS away.", count(proof.Messages, "connection"), count(proof.Days, "day"))
	v.nothing = "Senders that know MTA-STS deliver over TLS or not at all; nothing is to be done."
	v.descent = "Going back to testing lets mail arrive again where TLS fails; senders notice it as soon as the new policy id is published."
	if proof.Failed > 0 && v.rung == "enforce" {
		v.worse = fmt.Sprintf("%s over TLS failed (%s), and that mail did not arrive: mend it, or go back to testing until it is.", count(proof.Failed, "connection"), why(v.causes))
	}
	return in.settle(v)
}

// tallyTLS counts connections.
func (in Input) tallyTLS(w window) *Proof {
	passed, failed := 0, 0
	for _, d := range in.Evidence.TLS {
		if w.holds(d.Day) {
			passed += d.Successes
			failed += d.Failures
		}
	}
	return newProof(w, passed, failed)
}

// tlsa is the ladder unpublished → published. It needs no reports: what makes
// it safe is DNSSEC, and the next key, without which the certificate's renewal
// would make every record wrong at once (RFC 7671 section 8.1).
func (in Input) tlsa() Ladder {
	v := view{
		kind: TLSA, title: "TLSA records", record: "TLSA record",
		rungs: []string{"unpublished", "published"}, rung: "unpublished", seen: true,
		causes: in.causes(newWindow(in.Evidence.tlsDays(), in.since(TLSA), in.Now)),
	}
	if in.Evidence.Records.TLSA {
		v.rung = "published"
	}
	switch {
	case in.Evidence.DNSSEC == dnsplan.DNSSECUnsigned:
		v.obstacle = "The mail host's zone is not signed with DNSSEC, and nobody may rely on TLSA records of an unsigned zone: switch DNSSEC on at your DNS provider and registrar first."
	case in.Evidence.DNSSEC != dnsplan.DNSSECSigned:
		v.patience = "Whether the mail host's zone is signed with DNSSEC is not known yet: it is looked up again by itself."
	case !in.Evidence.NextKey:
		v.patience = "The key of the mail host's next certificate is not known yet, and without it the records would be wrong at the next renewal: it is made by itself."
	}
	v.offer = "The mail host's zone is signed, and the current and the next key are known: publish the TLSA records."
	v.nothing = "Senders that use DANE verify the mail host by its key; nothing is to be done."
	v.descent = "Take the TLSA records out of the plan and remove them at your DNS provider: senders that use DANE then go by MTA-STS or by opportunistic TLS."
	// The rung is what is seen: between the step and that, publishing is due.
	last, _ := in.last(TLSA)
	switch {
	case v.rung == "published":
		v.worse = in.tlsaWorse()
		if last.To == "unpublished" {
			v.nothing = "You went back from the TLSA records, and they are still seen: remove them at your DNS provider."
		}
	case last.To == "published" && v.obstacle == "":
		v.patience = "You agreed to the TLSA records, and they are not seen yet: publish them as the domain's other records."
	}
	return in.settle(v)
}

// tlsaWorse says why published TLSA records should be taken away.
func (in Input) tlsaWorse() string {
	proof := in.tallyTLS(newWindow(in.Evidence.tlsDays(), in.since(TLSA), in.Now))
	if _, stepped := in.last(TLSA); stepped && proof.Messages > 0 && !proof.enough() {
		return fmt.Sprintf("%s over TLS failed since the TLSA records were published: compare them with the certificate's key, or remove them until they are right.", count(proof.Failed, "connection"))
	}
	if in.Evidence.DNSSEC == dnsplan.DNSSECSigned && !in.Evidence.NextKey {
		return "The key of the next certificate is not known, so the TLSA records will be wrong at its renewal: see to it that certificates keep their key, or remove the records before then."
	}
	return ""
}
