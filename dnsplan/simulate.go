package dnsplan

import (
	"context"
	"crypto"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"gomail"
	"gomail/mailauth"
	"gomail/mailauth/dkim"
	"gomail/mailauth/dmarc"
	"gomail/message"
)

// SimulationKey is a DKIM key with which Simulate signs.
type SimulationKey struct {
	Selector  string
	Algorithm string        // "ed25519" or "rsa"
	Private   crypto.Signer // its private half
}

// Simulated is one message that was tried against the planned records, as a
// receiver would judge it.
type Simulated struct {
	Case     SimulationCase `json:"case" enum:"own,notification,forwarded,forged,forged_subdomain"`
	Message  string         `json:"message"` // for people: "a message from 192.0.2.1, signed with mail (ed25519)"
	Client   string         `json:"client"`  // the sending address
	Selector string         `json:"selector" doc:"of the key that signed; empty: not signed"`
	Expected Judgement      `json:"expected"`
	Actual   Judgement      `json:"actual"`
	State    State          `json:"state" enum:"ok,wrong,unknown"`
	Why      string         `json:"why"` // one sentence: what became of it and, when that is wrong, what to do
}

// SimulationCase is what kind of message was tried.
type SimulationCase string

// The cases.
const (
	OwnMail          SimulationCase = "own"              // from one of our addresses, signed
	Notification     SimulationCase = "notification"     // without a return address, as notices of failed delivery are
	Forwarded        SimulationCase = "forwarded"        // passed on by another server, return address unchanged
	Forged           SimulationCase = "forged"           // a stranger claims to be the domain
	ForgedSubdomains SimulationCase = "forged_subdomain" // a stranger claims to be below the domain
)

// Judgement is how a receiver judges a message.
type Judgement struct {
	SPF         string `json:"spf"`         // "pass", "softfail", ...
	DKIM        string `json:"dkim"`        // "pass", "none", ...
	DMARC       string `json:"dmarc"`       // "pass", "fail", ...
	Disposition string `json:"disposition"` // "none", "quarantine", "reject"
}

// strangers are addresses that no owner can mean to list: reserved ones (RFC
// 1112 section 4, RFC 9637).
func strangers() []netip.Addr {
	return []netip.Addr{netip.MustParseAddr("240.0.0.66"), netip.MustParseAddr("3fff::66")}
}

// forgedLabel is a subdomain that nobody has.
const forgedLabel = "gomail-simulated-forgery"

// Simulate tries messages against a plan, before anything of it is published:
// from each of our addresses with each key, a notification, a forwarded
// message, and forgeries. What lies outside the plan comes from seen; what
// nobody knows makes a trial Unknown. SimulationQuestions says what to ask.
func Simulate(ctx context.Context, records []Record, seen Seen, keys []SimulationKey) []Simulated {
	s := simulation{records: records, seen: seen, domain: zoneOf(records), host: sendingHost(records)}
	results := []Simulated{}
	for _, t := range s.trials(keys) {
		results = append(results, s.try(ctx, t))
	}
	return results
}

// SimulationQuestions returns what has to be asked of the DNS, beside
// Questions and FollowUps, for every trial to have a result.
func SimulationQuestions(records []Record) []Question {
	var all []Question
	ask := func(name, kind string) {
		if q := (Question{name, kind}); !slices.Contains(all, q) {
			all = append(all, q)
		}
	}
	for _, r := range records { // SPF's mx looks them up
		if r.Purpose == Receive && r.Value != "." && !slices.ContainsFunc(records, func(a Record) bool { return a.Purpose == Address && sameHost(a.Name, r.Value) }) {
			ask(canonicalName(r.Value), "A")
			ask(canonicalName(r.Value), "AAAA")
		}
	}
	domain := zoneOf(records)
	forged := forgedLabel + "." + domain
	for _, kind := range []string{"TXT", "MX", "A", "AAAA"} {
		ask(forged, kind)
	}
	for name := "_dmarc." + forged; ; {
		if !slices.ContainsFunc(records, func(r Record) bool { return r.Type == "TXT" && sameHost(r.Name, name) }) {
			ask(name, "TXT")
		}
		_, parent, more := strings.Cut(strings.TrimPrefix(name, "_dmarc."), ".")
		if !more {
			return all
		}
		name = "_dmarc." + parent
	}
}

// sendingHost is the name under which the server sends.
func sendingHost(records []Record) string {
	for _, purpose := range []Purpose{Reverse, HeloSPF, Receive} {
		for _, r := range records {
			if r.Purpose != purpose {
				continue
			}
			if purpose == HeloSPF {
				return r.Name
			}
			return canonicalName(r.Value)
		}
	}
	return ""
}

// simulation is one run.
type simulation struct {
	records []Record
	seen    Seen
	domain  string
	host    string
}

// trial is a message to try.
type trial struct {
	kind     SimulationCase
	what     string
	client   netip.Addr
	helo     string
	sender   gomail.Address // the return address; zero: none
	author   string         // the domain in From
	key      *SimulationKey // nil: not signed
	expected Judgement
}

// try sends a message past the verifier.
func (s *simulation) try(ctx context.Context, t trial) Simulated {
	result := Simulated{Case: t.kind, Message: t.what, Client: t.client.String(), Expected: t.expected}
	header, body := s.compose(t)
	if t.key != nil {
		result.Selector = t.key.Selector
		field, err := s.sign(t.key, header, body)
		if err != nil {
			result.State, result.Why = Wrong, fmt.Sprintf("The message cannot be signed with the key %s: %v.", t.key.Selector, err)
			return result
		}
		header = append(message.Header{{Name: "DKIM-Signature", Raw: field}}, header...)
	}
	resolver := newPlannedResolver(s.records, s.seen)
	checker := mailauth.New(mailauth.Config{Resolver: resolver, Hostname: "receiver.invalid", Clock: s.clock})
	conn := checker.Connect(ctx, t.client)
	defer conn.Close()
	check := conn.Begin(t.helo, t.sender)
	check.Header(header)
	if _, err := check.Write(body); err != nil { // it never fails, and says so
		result.State, result.Why = Unknown, "The message could not be tried."
		return result
	}
	verdict := check.Finish(ctx)
	result.Actual = judgement(verdict)
	result.State, result.Why = s.assess(t, verdict, result.Actual, resolver.missing())
	return result
}

// clock is the time of the look, at which signatures are made and verified.
func (s *simulation) clock() time.Time { return s.seen.Now }

// compose writes the message.
func (s *simulation) compose(t trial) (message.Header, []byte) {
	field := func(name, value string) message.Field {
		return message.Field{Name: name, Raw: []byte(name + ": " + value + "\r\n")}
	}
	return message.Header{
		field("From", "Somebody <somebody@"+t.author+">"),
		field("To", "somebody@receiver.invalid"),
		field("Subject", "A message that was never sent"),
		field("Date", s.clock().Format(time.RFC1123Z)),
		field("Message-ID", "<simulation@"+t.author+">"),
	}, []byte("It was made to try planned DNS records.\r\n")
}

// sign signs as the domain, whoever the author is.
func (s *simulation) sign(k *SimulationKey, header message.Header, body []byte) ([]byte, error) {
	hash := dkim.NewBodyHash(dkim.Relaxed)
	if _, err := hash.Write(body); err != nil {
		return nil, err
	}
	return dkim.Sign(dkim.SignOptions{Domain: s.domain, Selector: k.Selector, Signer: k.Private, Time: s.clock()}, header, hash.Sum())
}

// judgement puts a result into words.
func judgement(r mailauth.Result) Judgement {
	action, _ := r.Action()
	o := Judgement{SPF: string(r.SPF.Status), DKIM: "none", DMARC: string(r.DMARC.Status), Disposition: string(action)}
	for _, sig := range r.DKIM {
		if o.DKIM = string(sig.Status); sig.Status == dkim.Pass {
			break
		}
	}
	return o
}

// policy returns the planned DMARC record.
func (s *simulation) policy() dmarc.Record {
	for _, r := range s.records {
		if r.Purpose == DMARC {
			if record, err := dmarc.Parse(r.Value); err == nil {
				return record
			}
		}
	}
	return dmarc.Record{Policy: dmarc.None}
}
