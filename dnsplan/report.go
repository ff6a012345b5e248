package dnsplan

import "time"

// Report is one look at a domain's DNS, judged: what the domain page shows.
type Report struct {
	Domain      string    `json:"domain"`
	Ready       bool      `json:"ready" doc:"every required record is right"`
	Status      Badge     `json:"status"`
	Zone        string    `json:"zone" doc:"in which the domain lies; empty: not known"`
	Provider    string    `json:"provider" doc:"who serves the zone, as its name servers tell; empty: not known"`
	NameServers []string  `json:"nameservers"`
	DNSSEC      string    `json:"dnssec" enum:"signed,unsigned,unknown"`
	CheckedAt   time.Time `json:"checked_at"`
	NextCheck   time.Time `json:"next_check" doc:"zero: none is planned"`
	Records     []Finding `json:"records"`
	Probes      []Probe   `json:"probes"`
	Troubles    []Trouble `json:"troubles"`
}

// Badge is a domain in a word and a phrase: its badge.
type Badge struct {
	State DomainState `json:"state" enum:"ready,receiving_only,fix,unknown,unchecked,parked,disabled"`
	Text  string      `json:"text" doc:"for people: 3 records to fix"`
	Fix   int         `json:"fix" doc:"how many records or probes need work"`
}

// DomainState is where a domain stands.
type DomainState string

// The states of a domain, the best last.
const (
	DomainUnchecked     DomainState = "unchecked"      // nobody has looked yet
	DomainUnknown       DomainState = "unknown"        // the DNS did not answer
	DomainFix           DomainState = "fix"            // a required record is not right
	DomainReceivingOnly DomainState = "receiving_only" // mail arrives; what it sends cannot be verified
	DomainDisabled      DomainState = "disabled"
	DomainParked        DomainState = "parked" // it has no mail, and its records say so
	DomainReady         DomainState = "ready"
)

// Probe is something that was tried beyond reading records.
type Probe struct {
	Kind    ProbeKind `json:"kind"`
	Subject string    `json:"subject"` // what was tried: "mail.example.com (203.0.113.1)"
	State   State     `json:"state" enum:"ok,ok_differs,missing,wrong,unknown,not_applicable"`
	Code    string    `json:"code"`  // what exactly, in a word; empty when ok
	Found   string    `json:"found"` // a phrase
	Fix     string    `json:"fix"`   // one sentence: what mends it, and who can; empty when nothing is to be done
}

// ProbeKind is what a probe tries.
type ProbeKind string

// The probes.
const (
	ProbeDelegation ProbeKind = "delegation"     // the domain is registered, and its servers answer for it
	ProbeServer     ProbeKind = "name_server"    // one of them
	ProbePolicy     ProbeKind = "mta_sts_policy" // fetched over HTTPS as a sender would
	ProbeStartTLS   ProbeKind = "starttls"       // port 25 of an MX address: STARTTLS, certificate, TLSA
	ProbePort25Out  ProbeKind = "port25_out"     // other servers can be reached
	ProbePort80     ProbeKind = "port80"         // the certificate authority can reach us
	ProbeBlockList  ProbeKind = "block_list"     // the mail host's addresses
)

// Trouble is a heading of the troubleshooting guide with what the DNS says
// about each of its questions.
type Trouble struct {
	Heading string          `json:"heading"`
	Answers []TroubleAnswer `json:"answers"`
}

// TroubleAnswer is one bullet of a heading, answered.
type TroubleAnswer struct {
	Question string `json:"question"` // "The MX record leads to this server"
	State    State  `json:"state"`
	Found    string `json:"found"` // a phrase; empty: as it should be
	Next     string `json:"next"`  // one sentence: what to do next; empty: nothing
}

// Entry is a change of state of a record or a probe: its history.
type Entry struct {
	At     time.Time `json:"at"`
	Domain string    `json:"domain"`
	Name   string    `json:"name"` // of the record, or the probe's subject
	Type   string    `json:"type"` // of the record, or the probe's kind
	Key    string    `json:"key"`  // names the record among those with the same name and type: its purpose
	Before Moment    `json:"before"`
	After  Moment    `json:"after"`
}

// Moment is how a record stood.
type Moment struct {
	State    State    `json:"state"`
	Code     string   `json:"code"`
	Expected string   `json:"expected"`
	Values   []string `json:"values"` // what all servers had
	Fix      string   `json:"fix"`
}

// Summary is what a list of domains shows of one.
type Summary struct {
	Badge     Badge     `json:"badge"`
	CheckedAt time.Time `json:"checked_at"` // zero: never
	Provider  string    `json:"provider"`
}

// Look is what is remembered of the last look at a domain.
type Look struct {
	Domain  string
	Report  Report
	Known   map[string]Moment // by record: how it stood when that was last certain
	Untold  []Entry           // what was lost and its administrators have not been told of yet
	Changed time.Time         // when something last changed: the plan, the zone, a state
	Next    time.Time         // when it is looked at again
}
