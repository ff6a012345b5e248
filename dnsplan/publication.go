package dnsplan

import "time"

// ProviderInfo describes a DNS provider whose zones can be written.
type ProviderInfo struct {
	Name   string          `json:"name"`  // "cloudflare", as Provider returns it
	Title  string          `json:"title"` // "Cloudflare"
	Fields []ProviderField `json:"fields"`
	Scope  string          `json:"scope"` // one or two sentences: which key to make there, with the least rights that do
}

// ProviderField is one credential.
type ProviderField struct {
	Name     string `json:"name"`  // "api_token"
	Label    string `json:"label"` // as the provider calls it
	Secret   bool   `json:"secret"`
	Optional bool   `json:"optional"`
	Help     string `json:"help"` // a sentence; empty: the label says it
}

// Connection is an account at a DNS provider that this server may use. Its
// credentials never leave the store.
type Connection struct {
	Name     string    `json:"name"`     // "cloudflare", or what its owner calls it
	Provider string    `json:"provider"` // of ProviderInfo
	Created  time.Time `json:"created"`
	Tested   time.Time `json:"tested"` // when its credentials last did their work; zero: never
}

// NewConnection is what a connection is made from.
type NewConnection struct {
	Name        string            `json:"name,omitempty" doc:"empty: the provider's"`
	Provider    string            `json:"provider"`
	Credentials map[string]string `json:"credentials"`
}

// Preview is what publishing would do to a zone, as it is at the provider now.
type Preview struct {
	Domain     string   `json:"domain"`
	Zone       string   `json:"zone"`
	Connection string   `json:"connection"`
	Provider   string   `json:"provider"`
	Token      string   `json:"token"`   // names the plan and the zone as they were; Publish refuses when either has changed
	Consent    string   `json:"consent"` // why the domain's name has to be typed; empty: it need not be
	Changes    []Change `json:"changes"`
}

// Publish asks for a preview's changes to be made.
type Publish struct {
	Token   string `json:"token" doc:"of the preview that was agreed to"`
	Consent string `json:"consent,omitempty" doc:"the domain's name, typed, where the preview asks for it"`
}

// Publication is what was done to a zone: the journal from which it can be
// undone.
type Publication struct {
	ID         int64     `json:"id"`
	Domain     string    `json:"domain"`
	Zone       string    `json:"zone"`
	Connection string    `json:"connection"`
	At         time.Time `json:"at"`
	Actor      string    `json:"actor"` // an administrator's address, or "gomail" for itself
	Kind       string    `json:"kind" enum:"publish,sync,rotation,undo"`
	Results    []Result  `json:"results"`
	Undone     time.Time `json:"undone"` // zero: it stands
}

// Result is what became of one change.
type Result struct {
	Change
	Outcome Outcome `json:"outcome"`
	Error   string  `json:"error"` // a sentence; empty when done or kept
}

// Outcome is what became of a change.
type Outcome string

// The outcomes.
const (
	Done    Outcome = "done"
	Kept    Outcome = "kept"    // it was right already
	Skipped Outcome = "skipped" // it is blocked, or lacks consent
	Failed  Outcome = "failed"
)
