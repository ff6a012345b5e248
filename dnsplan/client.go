package dnsplan

import "fmt"

// client lets mail programs find the server by the domain alone: RFC 6186,
// RFC 8314 section 5.1 (submissions), RFC 8620 section 2.2 (JMAP), RFC 5804
// section 1.8 (ManageSieve), RFC 6764 (CalDAV, CardDAV).
func (p *planner) client() []Record {
	s := p.server.Services
	var records []Record
	for _, service := range []struct {
		name, label string
		port        int
		on          bool
		sayOff      bool // programs ask for it: RFC 6186 section 3.4 wants a "." when it is off
	}{
		{"IMAP over TLS", "_imaps", 993, s.IMAPS, true},
		{"IMAP", "_imap", 143, s.IMAP, true},
		{"POP3 over TLS", "_pop3s", 995, s.POP3S, true},
		{"submission over TLS", "_submissions", 465, s.Submissions, true},
		{"submission", "_submission", 587, s.Submission, true},
		{"JMAP", "_jmap", 443, s.JMAP, false},
		{"ManageSieve", "_sieve", 4190, s.Sieve, false},
		{"calendars (CalDAV)", "_caldavs", 443, s.CalDAV, false},
		{"address books (CardDAV)", "_carddavs", 443, s.CardDAV, false},
	} {
		r := Record{Name: service.label + "._tcp." + p.domain.Name, Type: "SRV", Purpose: ClientSetup, Requirement: Optional}
		switch {
		case service.on:
			r.Value = fmt.Sprintf("0 1 %d %s.", service.port, p.server.Hostname)
			r.Why = "Tells mail programs where to find " + service.name + "."
		case service.sayOff:
			r.Value = "0 0 0 ."
			r.Why = "Tells mail programs that " + service.name + " is not offered."
		default:
			continue
		}
		records = append(records, r)
	}
	return append(records, p.setupFiles()...)
}

// setupFiles are the hosts at which programs look for a set-up file.
func (p *planner) setupFiles() []Record {
	var records []Record
	if p.server.Services.Autoconfig {
		records = p.alias("autoconfig."+p.domain.Name, Record{Purpose: ClientSetup, Requirement: Optional, Why: "Lets Thunderbird and others set an account up by its address alone."})
	}
	if p.server.Services.Autodiscover {
		records = append(records, p.alias("autodiscover."+p.domain.Name, Record{Purpose: ClientSetup, Requirement: Optional, Why: "Lets Outlook and others set an account up by its address alone."})...)
	}
	return records
}
