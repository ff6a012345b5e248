package setup

import (
	"net"
	"net/netip"
	"os"
	"strings"

	"gomail"
	"gomail/internal/config"
	"gomail/internal/netaddr"
)

// Answers are what a person decides.
type Answers struct {
	Hostname  string       // the mail host's full name
	Domain    string       // the first domain
	Admin     string       // the administrator's address, in the domain
	Addresses []netip.Addr // by which the world reaches the machine
	ACMEEmail string       // certificates are ordered, with this contact; empty: self-signed
	Set       map[string]string
}

// Suggest returns what the machine itself suggests.
func Suggest() Answers {
	var a Answers
	if name, err := os.Hostname(); err == nil {
		a.Hostname = fullName(name)
	}
	a.Addresses = publicAddresses()
	return a
}

// fullName returns the host's name with its domain, empty when it has none.
func fullName(name string) string {
	if strings.Contains(name, ".") {
		return name
	}
	// The resolver knows what /etc/hosts says: "127.0.1.1 mail.example.com mail".
	if full, err := net.LookupCNAME(name); err == nil {
		if full = strings.TrimSuffix(full, "."); strings.Contains(full, ".") && full != "localhost.localdomain" {
			return full
		}
	}
	return ""
}

// publicAddresses lists the addresses of the machine's interfaces that the
// Internet can reach, IPv4 first.
func publicAddresses() (found []netip.Addr) {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	for _, four := range []bool{true, false} {
		for _, a := range all {
			prefix, err := netip.ParsePrefix(a.String())
			if err == nil && prefix.Addr().Is4() == four && netaddr.IsPublic(prefix.Addr()) {
				found = append(found, prefix.Addr())
			}
		}
	}
	return found
}

// FromHostname fills in what follows from the host's name, where it is not
// said: mail.example.com serves example.com.
func (a *Answers) FromHostname() {
	if _, parent, ok := strings.Cut(a.Hostname, "."); ok && a.Domain == "" && strings.Contains(parent, ".") {
		a.Domain = parent
	}
	if a.Admin == "" && a.Domain != "" {
		a.Admin = "admin@" + a.Domain
	}
}

// Check brings the answers into canonical form, or says which is no answer and
// leaves them as they are.
func (a *Answers) Check() error {
	hostname, err := CheckHostname(a.Hostname)
	if err != nil {
		return err
	}
	domain, err := CheckDomain(a.Domain, hostname)
	if err != nil {
		return err
	}
	admin, err := CheckAdmin(a.Admin, domain)
	if err != nil {
		return err
	}
	if a.ACMEEmail != "" {
		if _, err := gomail.ParseAddress(a.ACMEEmail); err != nil {
			return gomail.Errorf(gomail.Invalid, "the contact for certificates %q is no address: write one such as %s", a.ACMEEmail, a.Admin)
		}
	}
	a.Hostname, a.Domain, a.Admin = hostname, domain, admin
	return nil
}

// CheckHostname returns the canonical form of a mail host's name.
func CheckHostname(s string) (string, error) {
	s = strings.TrimSpace(s)
	if _, err := netip.ParseAddr(s); err == nil {
		return "", gomail.Errorf(gomail.Invalid, "%q is an address: the hostname has to be a name, such as mail.example.com", s)
	}
	name, err := gomail.CanonicalDomain(s)
	switch {
	case s == "":
		return "", gomail.Errorf(gomail.Invalid, "the hostname is missing: write the mail host's full name, such as mail.example.com")
	case err != nil:
		return "", gomail.Errorf(gomail.Invalid, "%q is no hostname: %w; write the mail host's full name, such as mail.example.com", s, err)
	case !strings.Contains(name, "."):
		return "", gomail.Errorf(gomail.Invalid, "%q is not a full name: write it with its domain, such as %s.example.com", s, name)
	}
	return name, nil
}

// CheckDomain returns the canonical form of the first domain.
func CheckDomain(s, hostname string) (string, error) {
	s = strings.TrimSpace(s)
	name, err := gomail.CanonicalDomain(s)
	switch {
	case s == "":
		return "", gomail.Errorf(gomail.Invalid, "the domain is missing: write what stands after the @ in your addresses, such as example.com")
	case err != nil || !strings.Contains(name, "."):
		return "", gomail.Errorf(gomail.Invalid, "%q is no domain: write what stands after the @ in your addresses, such as example.com", s)
	case name == hostname:
		return "", gomail.Errorf(gomail.Invalid, "the domain and the hostname are both %s: give the mail host a name of its own, such as mail.%s, so that the domain's web site can be elsewhere", name, name)
	}
	return name, nil
}

// CheckAdmin returns the administrator's address.
func CheckAdmin(s, domain string) (string, error) {
	address, err := gomail.ParseAddress(strings.TrimSpace(s))
	if err != nil || address.Domain != domain {
		return "", gomail.Errorf(gomail.Invalid, "%q cannot be the administrator: write an address in the domain, such as admin@%s", s, domain)
	}
	return address.String(), nil
}

// ParseAddresses reads addresses separated by commas or spaces.
func ParseAddresses(s string) (all []netip.Addr, err error) {
	for _, field := range strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' }) {
		a, err := netip.ParseAddr(field)
		if err != nil || a.Zone() != "" {
			return nil, gomail.Errorf(gomail.Invalid, "%q is no IP address: write them as 203.0.113.1, 2001:db8::1", field)
		}
		all = append(all, a)
	}
	return all, nil
}

// settings are the keys of gomail.toml that follow from the answers.
func (a *Answers) settings(p Place) map[string]string {
	all := map[string]string{"server.hostname": a.Hostname, "server.public_addresses": JoinAddresses(a.Addresses), "server.confine": "true", "tls.mode": "self-signed",
		"submission.first_day_messages_per_hour": "100", "submission.first_day_recipients_per_hour": "300"}
	if a.ACMEEmail != "" {
		all["tls.mode"], all["tls.acme_email"] = "acme", a.ACMEEmail
	}
	if !p.Alone {
		all["server.data_dir"], all["secrets.key_file"], all["store.backup_dir"] = p.DataDir, p.KeyFile, p.BackupDir
	}
	for key, value := range a.Set {
		all[key] = value
	}
	return all
}

// JoinAddresses writes addresses as ParseAddresses reads them.
func JoinAddresses(all []netip.Addr) string {
	var b []string
	for _, a := range all {
		b = append(b, a.String())
	}
	return strings.Join(b, ", ")
}

// Planned returns the configuration that setup would write.
func (p Place) Planned(a Answers) (config.Config, error) {
	var environ []string
	for key, value := range a.settings(p) {
		environ = append(environ, "GOMAIL_"+strings.ToUpper(strings.ReplaceAll(key, ".", "_"))+"="+value)
	}
	if _, err := config.Commented(a.settings(p)); err != nil {
		return config.Config{}, err
	}
	return config.Planned(p.DataDir, p.Alone, environ)
}
