// Package clientsetup makes the files by which mail programs set an account up
// from its address alone: Thunderbird's autoconfig (draft-ietf-mailmaint-autoconfig,
// config version 1.1), Microsoft's Autodiscover ([MS-OXDSCLI], the POX form, and the
// JSON of version 2), and Apple's configuration profiles, signed as CMS (RFC 5652).
//
// Nothing here is secret: a file holds server names, ports and the address that
// was asked for, and never a password. Whether an account exists is not told.
package clientsetup

import "gomail"

// Security is how a connection is protected.
type Security string

// The kinds of protection. There is no unprotected one.
const (
	TLS      Security = "SSL"      // from the start, as RFC 8314 prefers
	STARTTLS Security = "STARTTLS" // asked for in plain text
)

// Server is one way to reach the mail host.
type Server struct {
	Host     string
	Port     int
	Security Security
}

// Offers are the services of the mail host, at their standard ports.
type Offers struct {
	IMAPS, IMAP             bool // 993, 143 with STARTTLS
	POP3S                   bool // 995
	Submissions, Submission bool // 465, 587 with STARTTLS
}

// Settings are what a mail program has to know.
type Settings struct {
	Domain   string
	Hostname string
	Incoming []Server // IMAP, the best first
	Fetching []Server // POP3: for those who ask for it, never proposed before IMAP
	Outgoing []Server // submission, the best first
}

// New returns the settings of a domain's accounts.
func New(domain, hostname string, o Offers) Settings {
	s := Settings{Domain: domain, Hostname: hostname}
	add := func(list *[]Server, on bool, port int, how Security) {
		if on {
			*list = append(*list, Server{hostname, port, how})
		}
	}
	add(&s.Incoming, o.IMAPS, 993, TLS)
	add(&s.Incoming, o.IMAP, 143, STARTTLS)
	add(&s.Fetching, o.POP3S, 995, TLS)
	add(&s.Outgoing, o.Submissions, 465, TLS)
	add(&s.Outgoing, o.Submission, 587, STARTTLS)
	return s
}

// Address reads the address that a program asks for.
func Address(text string) (gomail.Address, error) {
	const longest = 320 // 64 octets, the sign, 255 octets: RFC 5321 section 4.5.3.1
	if len(text) > longest {
		return gomail.Address{}, gomail.Errorf(gomail.Invalid, "the address is too long")
	}
	return gomail.ParseAddress(text)
}
