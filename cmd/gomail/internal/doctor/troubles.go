package doctor

import (
	"maps"
	"slices"
	"strings"

	"gomail/dnsplan"
)

// ofTheHost are the questions whose answer is the same for every domain: they
// are about the mail host, and answered once.
var ofTheHost = []string{
	"The mail host has this server's address", "The mail host's address leads here", "The server answers on port 25, with STARTTLS and its certificate",
	reverseQuestion, "The addresses are on no block list", "The authority can reach port 80", "Other servers can be reached on port 25",
}

// reverseQuestion is what the finding about addresses answers too.
const reverseQuestion = "The addresses lead back to the mail host (PTR)"

// troubles answers the troubleshooting guide for each domain out of the last
// look at its DNS: a finding for everything that is not right or not known,
// under the guide's heading. What is right says nothing.
func (p Patient) troubles() []Finding {
	var findings []Finding
	for _, name := range slices.Sorted(maps.Keys(p.Reports)) {
		if p.Reports[name].CheckedAt.IsZero() {
			f := finding("domain "+name+": its DNS", Unknown, "nobody has looked at it yet", "gomail dns check "+name)
			f.Topic = deliverTopic
			findings = append(findings, f)
			continue
		}
		for _, trouble := range p.Reports[name].Troubles {
			for _, a := range trouble.Answers {
				if f, wrong := answered(name, trouble.Heading, a); wrong && !slices.ContainsFunc(findings, f.same) {
					findings = append(findings, f)
				}
			}
		}
	}
	return findings
}

// same reports whether another finding says the same under the same heading.
func (f Finding) same(other Finding) bool {
	return f.Check == other.Check && f.Found == other.Found && f.Topic == other.Topic
}

// answered makes a finding of an answer that is not as it should be, or not
// known. What does not apply is no finding.
func answered(domain, heading string, a dnsplan.TroubleAnswer) (Finding, bool) {
	f := Finding{Check: "domain " + domain + ": " + a.Question, State: Warning, Found: phrase(a), Mend: a.Next, Topic: heading}
	if slices.Contains(ofTheHost, a.Question) {
		f.Check = "mail host: " + a.Question
	}
	switch a.State { // whether a required record lacks is the domain's own finding
	case dnsplan.OK, dnsplan.OKDiffers, dnsplan.InapplicableNow:
		return f, false
	case dnsplan.Unknown:
		f.State = Unknown
	}
	if f.Mend == "" {
		f.Mend = "gomail dns check " + domain + " looks again, and says more."
	}
	return f, true
}

// phrase says what is so: an answer names a record, or is a sentence already.
func phrase(a dnsplan.TroubleAnswer) string {
	kind, name, _ := strings.Cut(a.Found, " ")
	if a.Found == "" || strings.HasSuffix(a.Found, ".") {
		return a.Found
	}
	subject := a.Found
	if slices.Contains(probeKinds, dnsplan.ProbeKind(kind)) {
		subject = name
	}
	return strings.TrimSpace(subject + " " + stateWords[a.State])
}

var probeKinds = []dnsplan.ProbeKind{
	dnsplan.ProbeDelegation, dnsplan.ProbeServer, dnsplan.ProbePolicy, dnsplan.ProbeStartTLS, dnsplan.ProbePort25Out, dnsplan.ProbePort80, dnsplan.ProbeBlockList,
}

// stateWords are states after the name of what is in them.
var stateWords = map[dnsplan.State]string{
	dnsplan.Propagating: "is not everywhere yet", dnsplan.Missing: "is not there", dnsplan.Wrong: "is not right",
	dnsplan.Conflict: "is taken by another record", dnsplan.Unknown: "could not be looked at",
}

// topics are the guide's headings by how a check of the machine begins.
var topics = []struct{ check, topic string }{
	{"port smtp.listen", deliverTopic},
	{"domain ", deliverTopic},
	{"smarthost", deliverTopic},
	{"milter", deliverTopic},
	{"addresses", spamTopic},
	{"certificate", renewTopic},
	{"tls.acme_email", renewTopic},
	{"port web.http_listen", renewTopic},
}

// Topical puts each finding that is not ok under the guide's heading, and
// leaves out what another finding there says already.
func Topical(findings []Finding) []Finding {
	for i, f := range findings {
		for _, t := range topics {
			if f.Topic == "" && f.State != OK && strings.HasPrefix(f.Check, t.check) {
				findings[i].Topic = t.topic
				break
			}
		}
	}
	reverse := slices.ContainsFunc(findings, func(f Finding) bool { return f.Check == "addresses" && f.State == Warning })
	return slices.DeleteFunc(findings, func(f Finding) bool {
		return reverse && f.Topic == spamTopic && f.Check == "mail host: "+reverseQuestion
	})
}

// Topics are the troubleshooting guide's headings, in its order.
func Topics() []string {
	var all []string
	for _, t := range dnsplan.Troubles(dnsplan.Report{}) {
		all = append(all, t.Heading)
	}
	return all
}
