package dnsplan

import "strings"

// Troubles answers the troubleshooting guide's questions, as far as the DNS
// and the probes can: one heading per complaint that people come with.
func Troubles(r Report) []Trouble {
	t := troubles{r}
	return []Trouble{
		{"Mail not being delivered", t.delivery()},
		{"DKIM not signing or verifying", t.dkim()},
		{"Emails marked as spam", t.spam()},
		{"The certificate won't renew", t.certificate()},
		{"High bounce rate", t.bounces()},
	}
}

type troubles struct{ report Report }

func (t troubles) delivery() []TroubleAnswer {
	return []TroubleAnswer{
		t.records("The domain is registered and its name servers answer", "", t.probes(ProbeDelegation, ProbeServer)...),
		t.records("The MX record leads to this server", Receive),
		t.records("The mail host has this server's address", Address),
		t.priority(),
		t.records("The server answers on port 25, with STARTTLS and its certificate", "", t.probes(ProbeStartTLS)...),
		t.records("The MTA-STS policy can be fetched and names this server", MTASTS, append(t.probes(ProbePolicy), t.found(MTASTSHost)...)...),
	}
}

// priority says which host is preferred; it is a question only where several
// take mail.
func (t troubles) priority() TroubleAnswer {
	a := TroubleAnswer{Question: "The preferred MX is the one intended", State: OK}
	for _, f := range t.report.Records {
		if f.Purpose != Receive {
			continue
		}
		switch {
		case f.Code == "mx_priority":
			return TroubleAnswer{a.Question, f.State, f.Fix, "Set the priorities as planned; the lowest number is tried first."}
		case !settled(f.State):
			a.State = Unknown
			a.Found = "Not known until the MX records are right."
		}
	}
	return a
}

func (t troubles) dkim() []TroubleAnswer {
	all := []TroubleAnswer{
		t.records("Every key is published under its selector's exact name", DKIM),
		t.coded("The keys are whole: not cut off, no stray quotes", DKIM, "dkim_truncated", "stray_quotes", "dkim_syntax"),
		t.coded("The published keys are those that sign", DKIM, "dkim_mismatch", "dkim_revoked", "dkim_two_records"),
	}
	for _, f := range t.found(DKIM) {
		if f.State == Propagating {
			return append(all, TroubleAnswer{"Resolvers know the new keys already", Propagating, f.Fix, "Wait until the old answer expires; the former key goes on signing."})
		}
	}
	return append(all, t.coded("Resolvers know the new keys already", DKIM, "resolver_old"))
}

func (t troubles) spam() []TroubleAnswer {
	return []TroubleAnswer{
		t.records("SPF lets this server send", SPF, t.found(HeloSPF)...),
		t.records("DKIM signatures can be verified", DKIM),
		t.records("A DMARC policy is published", DMARC),
		t.records("The addresses lead back to the mail host (PTR)", Reverse),
		t.records("The addresses are on no block list", "", t.probes(ProbeBlockList)...),
	}
}

func (t troubles) certificate() []TroubleAnswer {
	return []TroubleAnswer{
		t.records("The mail host's address leads here", Address),
		t.records("The certificate authority may issue (CAA)", CAA),
		t.records("The authority can reach port 80", "", t.probes(ProbePort80)...),
	}
}

func (t troubles) bounces() []TroubleAnswer {
	return []TroubleAnswer{
		t.coded("SPF covers this server's addresses within ten look-ups", SPF, "spf_not_authorized", "spf_lookups", "spf_void_lookups", "spf_permerror", "spf_syntax", "spf_two_records"),
		t.records("Outgoing mail is signed with a published key", DKIM),
		t.records("Other servers can be reached on port 25", "", t.probes(ProbePort25Out)...),
		t.records("The addresses lead back to the mail host (PTR)", Reverse),
	}
}

// found returns the findings for a purpose.
func (t troubles) found(p Purpose) []Finding {
	var all []Finding
	for _, f := range t.report.Records {
		if f.Purpose == p {
			all = append(all, f)
		}
	}
	return all
}

// probes returns the outcome of probes as findings, so that they are weighed
// alike.
func (t troubles) probes(kinds ...ProbeKind) []Finding {
	var all []Finding
	for _, kind := range kinds {
		for _, p := range t.report.Probes {
			if p.Kind == kind {
				all = append(all, Finding{Record: Record{Name: p.Subject, Type: string(p.Kind)}, State: p.State, Code: p.Code, Fix: p.Fix})
			}
		}
	}
	return all
}

// records answers a question by the worst of a purpose's findings and others.
func (t troubles) records(question string, p Purpose, others ...Finding) TroubleAnswer {
	all := others
	if p != "" {
		all = append(t.found(p), others...)
	}
	return answerFrom(question, t.worst(all))
}

// coded answers a question by those findings alone that have one of the codes.
func (t troubles) coded(question string, p Purpose, codes ...string) TroubleAnswer {
	all := t.found(p)
	for _, f := range all {
		for _, code := range codes {
			if f.Code == code {
				return answerFrom(question, f)
			}
		}
	}
	if w := t.worst(all); !settled(w.State) && w.State != Propagating {
		return TroubleAnswer{question, Unknown, "Not known until " + w.Name + " is right.", ""}
	}
	return TroubleAnswer{Question: question, State: OK}
}

// worst returns the finding that matters most; one that was never looked at
// when there are none.
func (t troubles) worst(all []Finding) Finding {
	worst := Finding{State: Unknown, Code: unchecked}
	for i, f := range all {
		if i == 0 || rank(f.State) > rank(worst.State) {
			worst = f
		}
	}
	return worst
}

func answerFrom(question string, f Finding) TroubleAnswer {
	a := TroubleAnswer{Question: question, State: f.State}
	switch {
	case f.Code == unchecked:
		a.Found = "Not checked yet."
	case settled(f.State):
	default:
		a.Found = strings.TrimSpace(f.Type + " " + f.Name)
		a.Next = f.Fix
	}
	return a
}
