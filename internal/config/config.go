// Package config reads gomail.toml. It knows every key, says which one is
// wrong and in which line, and lets the environment override: GOMAIL_SMTP_LISTEN
// for listen in [smtp].
//
// What changes while the server runs (domains, accounts, policies) is not
// here; it lives in the store.
package config

import (
	"log/slog"
	"net/netip"
	"slices"
	"time"
)

// Config is the whole configuration. The comments are the reference: docs are
// made from them.
type Config struct {
	Server     Server     `toml:"server"`
	SMTP       SMTP       `toml:"smtp"`
	Submission Submission `toml:"submission"`
	LMTP       LMTP       `toml:"lmtp"`
	Milter     Milter     `toml:"milter"`
	IMAP       IMAP       `toml:"imap"`
	POP3       POP3       `toml:"pop3"`
	OAuth      OAuth      `toml:"oauth"`
	Web        Web        `toml:"web"`
	TLS        TLS        `toml:"tls"`
	DKIM       DKIM       `toml:"dkim"`
	DNS        DNS        `toml:"dns"`
	Outbound   Outbound   `toml:"outbound"`
	Reports    Reports    `toml:"reports"`
	Store      Store      `toml:"store"`
	Secrets    Secrets    `toml:"secrets"`
	Log        Log        `toml:"log"`
}

// Server is what the installation is.
type Server struct {
	Hostname        string       `toml:"hostname"`         // the mail host's name: what MX records point to
	DataDir         string       `toml:"data_dir"`         // store, bodies, socket
	PublicAddresses []netip.Addr `toml:"public_addresses"` // for the A, AAAA and PTR records
	ExtraMX         []MX         `toml:"extra_mx"`         // further hosts that take mail for the domains here
	Confine         bool         `toml:"confine"`          // the server gives up, for good, access to all files but its own and to further ports (Landlock)
}

// MX is a further mail host.
type MX struct {
	Host     string `toml:"host"`
	Priority int    `toml:"priority"`
}

// SMTP is mail from other servers.
type SMTP struct {
	Listen                   []string `toml:"listen"`                      // addresses
	MaxMessageSize           Size     `toml:"max_message_size"`            // "50MB"
	MaxRecipients            int      `toml:"max_recipients"`              // per message
	MaxConnections           int      `toml:"max_connections"`             // at a time
	MaxConnectionsPerAddress int      `toml:"max_connections_per_address"` // at a time, IPv4 address or IPv6 /64
	Authentication           string   `toml:"authentication"`              // what failed SPF, DKIM and DMARC lead to: observe, quarantine, reject

	Greylist        string        `toml:"greylist"`          // who has to come back before mail is taken, where a domain does not say: off, suspicious, all
	GreylistDelay   time.Duration `toml:"greylist_delay"`    // how long they have to wait
	BlockLists      []string      `toml:"block_lists"`       // DNS block lists that clients are looked up in, such as zen.spamhaus.org
	BlockListAction string        `toml:"block_list_action"` // what is done with mail of those listed: refuse, junk
	Tarpit          time.Duration `toml:"tarpit"`            // how long the reply waits to a client's fourth fault, twice as long to the fifth, and so on; 0: none does
	TrustedSealers  []string      `toml:"trusted_sealers"`   // domains whose ARC seals are believed: what they say passed DMARC before a list or a forwarder changed it is let through
}

// Submission is mail from our own people's programs.
type Submission struct {
	Listen    []string `toml:"listen"`     // STARTTLS
	TLSListen []string `toml:"tls_listen"` // TLS from the start

	MaxHold time.Duration `toml:"max_hold"` // how far ahead a message may be submitted, to be sent then (FUTURERELEASE); 0: not at all

	// What one account may send, unless it has limits of its own; 0: any number.
	MessagesPerHour   int `toml:"messages_per_hour"`   // an account's, in any hour; 0: any number
	MessagesPerDay    int `toml:"messages_per_day"`    // in any 24 hours
	RecipientsPerHour int `toml:"recipients_per_hour"` // recipients of its messages, in any hour
	RecipientsPerDay  int `toml:"recipients_per_day"`  // in any 24 hours

	FirstDayMessagesPerHour   int  `toml:"first_day_messages_per_hour"`   // of an account in the first 24 hours after it was made, where that is less; 0: as ever
	FirstDayRecipientsPerHour int  `toml:"first_day_recipients_per_hour"` // recipients of its messages, likewise
	HoldTakenOver             bool `toml:"hold_taken_over"`               // an account that looks taken over sends nothing more until an administrator releases it
}

// LMTP is mail that other mail servers on this machine deliver to mailboxes.
type LMTP struct {
	Listen []string `toml:"listen"` // paths of Unix sockets
	Mode   string   `toml:"mode"`   // of their files, in octal: who may write to one may deliver
	Group  string   `toml:"group"`  // that owns them; empty: the server's own
}

// Milter is programs that examine mail before it is taken.
type Milter struct {
	Incoming    []string      `toml:"incoming"`    // asked about mail from other servers, one after the other: unix:/run/opendkim/opendkim.sock, inet:127.0.0.1:11332
	Submission  []string      `toml:"submission"`  // asked about mail from our own people
	Timeout     time.Duration `toml:"timeout"`     // for each answer
	Unavailable string        `toml:"unavailable"` // what becomes of mail while one is away: tempfail, accept
}

// IMAP is reading mail.
type IMAP struct {
	Listen                   []string `toml:"listen"`     // STARTTLS
	TLSListen                []string `toml:"tls_listen"` // TLS from the start
	MaxConnections           int      `toml:"max_connections"`
	MaxConnectionsPerAddress int      `toml:"max_connections_per_address"`
}

// POP3 is fetching mail with programs that know nothing better. It is off until
// it is given addresses.
type POP3 struct {
	Listen                   []string `toml:"listen"`     // STLS; the standard port is 110
	TLSListen                []string `toml:"tls_listen"` // TLS from the start; the standard port is 995
	MaxConnections           int      `toml:"max_connections"`
	MaxConnectionsPerAddress int      `toml:"max_connections_per_address"`
}

// OAuth is sign-in of mail programs by tokens that an issuer of OAuth 2.0 or
// OpenID Connect gives them.
type OAuth struct {
	Issuer           string   `toml:"issuer"`             // whose tokens are taken, as they name it: https://id.example.com/realms/mail; empty: nobody's
	Audience         []string `toml:"audience"`           // whom a token has to be for: one of these
	Scope            string   `toml:"scope"`              // that a token has to have; empty: any
	Claim            string   `toml:"claim"`              // of the token, that holds the account's address: one that people cannot change at the issuer themselves
	KeysURL          string   `toml:"keys_url"`           // of the issuer's keys; empty: where its configuration says
	IntrospectionURL string   `toml:"introspection_url"`  // where the issuer is asked about each token (RFC 7662); empty: tokens are JWTs
	ClientID         string   `toml:"client_id"`          // by which we ask there
	ClientSecretFile string   `toml:"client_secret_file"` // its secret, one line
}

// Web is the admin panel and the API.
type Web struct {
	Listen       []string       `toml:"listen"`        // HTTPS
	HTTPListen   []string       `toml:"http_listen"`   // redirects to HTTPS
	MetricsAllow []netip.Prefix `toml:"metrics_allow"` // who may read /metrics
	PublicURL    string         `toml:"public_url"`    // where links in mail and codes for phones lead, behind a proxy: "https://mail.example.com"; empty: to the hostname, at the port of listen
}

// TLS is where certificates come from.
type TLS struct {
	Mode       string `toml:"mode"`        // acme, files, self-signed
	CertFile   string `toml:"cert_file"`   // PEM, read again when it changes
	KeyFile    string `toml:"key_file"`    // PEM
	MinVersion string `toml:"min_version"` // 1.2, 1.3

	ACMEEmail     string `toml:"acme_email"`     // contact of the ACME account; empty: postmaster at the hostname
	ACMEDirectory string `toml:"acme_directory"` // the authority's directory URL; empty: Let's Encrypt
	ACMECAFile    string `toml:"acme_ca_file"`   // whom to trust when asking it, and when certificates are checked, beside the system's authorities
}

// DKIM is how new domains sign.
type DKIM struct {
	DefaultSelector  string `toml:"default_selector"`  // of the first keys; later ones are named after it
	DefaultAlgorithm string `toml:"default_algorithm"` // both, ed25519, rsa
}

// DNS is whom to ask.
type DNS struct {
	Resolvers []string `toml:"resolvers"` // host or host:port; empty: the system's
	TrustAD   bool     `toml:"trust_ad"`  // the resolvers validate DNSSEC and the way to them is safe; those at loopback addresses are believed in any case

	BlockLists []string `toml:"block_lists"` // DNS block lists in which this server's addresses are looked up; empty: none
	ReachHosts []string `toml:"reach_hosts"` // mail servers of others, of which one has to be reachable on port 25; empty: not tried
}

// Reports are what other domains are told about mail in their name and about
// TLS to their hosts.
type Reports struct {
	Send bool     `toml:"send"` // once a day, to the domains whose records ask for them
	Skip []string `toml:"skip"` // domains that get none

	Networks bool `toml:"networks"` // say to whose network (AS) the addresses in reports belong: Team Cymru's DNS is asked, and learns which addresses these are

	Failures bool `toml:"failures"` // tell domains that ask for it of single messages that fail DMARC, without recipients and content
}

// Outbound is mail to other servers.
type Outbound struct {
	Smarthost             string        `toml:"smarthost"`               // "smtp.example.net:587": takes mail instead of each domain's own servers; 465: TLS from the start
	SmarthostUsername     string        `toml:"smarthost_username"`      // to sign in there, over verified TLS only
	SmarthostPasswordFile string        `toml:"smarthost_password_file"` // its password, one line
	SmarthostTLS          string        `toml:"smarthost_tls"`           // required, with a certificate for its name; or opportunistic, which never sends a password
	SmarthostMechanism    string        `toml:"smarthost_mechanism"`     // SCRAM-SHA-256, PLAIN, LOGIN; empty: the best of those offered
	Smarthosts            []Smarthost   `toml:"smarthosts"`              // for some senders or destinations: the first that matches, before outbound.smarthost
	Destinations          []Destination `toml:"destinations"`            // what is wanted of TLS with the servers of some domains, instead of what those want themselves (MTA-STS, DANE)
	BindAddresses         []netip.Addr  `toml:"bind_addresses"`          // to send from
	AllowPrivateNetworks  bool          `toml:"allow_private_networks"`  // deliver to loopback and private addresses
	MaxDeliveries         int           `toml:"max_deliveries"`          // at a time
	MaxPerDestination     int           `toml:"max_per_destination"`     // at a time to one domain
	Lifetime              time.Duration `toml:"lifetime"`                // how long delivery is tried
	MaxForwards           int           `toml:"max_forwards"`            // messages that an alias forwards to addresses outside in an hour; what is more is put off; 0: no limit
	SuppressBounced       bool          `toml:"suppress_bounced"`        // refuse mail to addresses whose server has said that there is no such mailbox, for a while
}

// Smarthost takes the mail of some senders, or for some destinations.
type Smarthost struct {
	Host         string   `toml:"host"`         // "smtp.example.net:587"; "mx": each domain's own servers
	Senders      []string `toml:"senders"`      // sending domains; ".example.com": all below; empty: all
	Destinations []string `toml:"destinations"` // recipients' domains, in the same way
	Username     string   `toml:"username"`
	PasswordFile string   `toml:"password_file"`
	TLS          string   `toml:"tls"`       // required (the default), opportunistic
	Mechanism    string   `toml:"mechanism"` // SCRAM-SHA-256, PLAIN, LOGIN; empty: the best of those offered
}

// Destination says how mail to some domains is to be encrypted.
type Destination struct {
	Domains []string `toml:"domains"` // recipients' domains; ".example.com": all below; empty: all
	TLS     string   `toml:"tls"`     // policy: as the domains' own policies want it; opportunistic: where it works, whatever they want; require: always; verify: always, with a certificate for the MX host or by DANE; dane: by DANE only
}

// AllSmarthosts returns the smarthosts in the order in which they are tried
// for a match, outbound.smarthost among them as the last.
func (o Outbound) AllSmarthosts() []Smarthost {
	all := slices.Clone(o.Smarthosts)
	if o.Smarthost != "" {
		all = append(all, Smarthost{Host: o.Smarthost, Username: o.SmarthostUsername, PasswordFile: o.SmarthostPasswordFile, TLS: o.SmarthostTLS, Mechanism: o.SmarthostMechanism})
	}
	return all
}

// Store is where mail is kept.
type Store struct {
	URL       string `toml:"url"`        // "sqlite:"
	Blobs     string `toml:"blobs"`      // "packs:"
	BackupDir string `toml:"backup_dir"` // where backups before an upgrade go, and the only place for backups by a confined server; empty: /var/backups/gomail, with --dir alone DIR-backups
}

// Secrets is the key that seals private keys at rest.
type Secrets struct {
	KeyFile string `toml:"key_file"` // 32 octets in base64, for its owner alone; empty: the systemd credential secret.key, or /etc/gomail/secret.key, with --dir alone DIR/secret.key
}

// Log is what is written to standard error.
type Log struct {
	Level  slog.Level `toml:"level"`  // debug, info, warn, error
	Format string     `toml:"format"` // text, json
}

// Default returns the configuration of a server that is told nothing: the
// standard ports, safe limits, no hostname.
func Default() Config {
	return Config{
		Server: Server{DataDir: "/var/lib/gomail"},
		SMTP: SMTP{
			Listen: []string{":25"}, MaxMessageSize: 50 << 20, MaxRecipients: 1000,
			MaxConnections: 1000, MaxConnectionsPerAddress: 50, Authentication: "reject",
			Greylist: "off", GreylistDelay: 5 * time.Minute, BlockListAction: "refuse",
		},
		Submission: Submission{
			Listen: []string{":587"}, TLSListen: []string{":465"}, MaxHold: 30 * 24 * time.Hour,
			MessagesPerHour: 3000, MessagesPerDay: 20_000, RecipientsPerHour: 10_000, RecipientsPerDay: 50_000,
		},
		LMTP:   LMTP{Mode: "0660"},
		Milter: Milter{Timeout: 30 * time.Second, Unavailable: "tempfail"},
		IMAP:   IMAP{Listen: []string{":143"}, TLSListen: []string{":993"}, MaxConnections: 10_000, MaxConnectionsPerAddress: 200},
		POP3:   POP3{MaxConnections: 1000, MaxConnectionsPerAddress: 50},
		OAuth:  OAuth{Claim: "email"},
		Web: Web{
			Listen: []string{":443"}, HTTPListen: []string{":80"},
			MetricsAllow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")},
		},
		TLS:  TLS{Mode: "self-signed", MinVersion: "1.2"},
		DKIM: DKIM{DefaultSelector: "mail", DefaultAlgorithm: "both"},
		DNS: DNS{
			BlockLists: []string{"zen.spamhaus.org", "bl.spamcop.net", "psbl.surriel.com", "b.barracudacentral.org"},
			ReachHosts: []string{"gmail-smtp-in.l.google.com", "mx1.mail.icloud.com", "mta5.am0.yahoodns.net"},
		},
		Outbound: Outbound{MaxDeliveries: 200, MaxPerDestination: 20, Lifetime: 5 * 24 * time.Hour, MaxForwards: 1000, SuppressBounced: true},
		Reports:  Reports{Send: true},
		Store:    Store{URL: "sqlite:", Blobs: "packs:"},
		Secrets:  Secrets{},
		Log:      Log{Format: "text"},
	}
}
