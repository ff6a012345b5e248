package config

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"gomail"
)

// DirectHost is the host of a smarthost entry that sends straight to each
// domain's own servers.
const DirectHost = "mx"

var (
	smarthostTLS        = []string{"", "required", "opportunistic"}
	smarthostMechanisms = []string{"", "SCRAM-SHA-256", "PLAIN", "LOGIN"}
)

// check refuses smarthosts and destinations that cannot work.
func (o Outbound) check() error {
	for i, d := range o.Destinations {
		if err := d.check(fmt.Sprintf("outbound.destinations, number %d: ", i+1)); err != nil {
			return err
		}
	}
	for i, h := range o.Smarthosts {
		if err := h.check(fmt.Sprintf("outbound.smarthosts, number %d: ", i+1), ""); err != nil {
			return err
		}
	}
	last := Smarthost{Host: o.Smarthost, Username: o.SmarthostUsername, PasswordFile: o.SmarthostPasswordFile, TLS: o.SmarthostTLS, Mechanism: o.SmarthostMechanism}
	if o.Smarthost == "" {
		if last.Username+last.PasswordFile+last.TLS+last.Mechanism != "" {
			return gomail.Errorf(gomail.Invalid, "outbound.smarthost is not set, but how to sign in there is: write its name and port, such as smtp.example.net:587")
		}
		return nil
	}
	return last.check("outbound.", "smarthost_")
}

// check refuses a smarthost that cannot work; where and prefix name its keys.
func (h Smarthost) check(where, prefix string) error {
	if _, _, err := h.Address(); err != nil {
		return gomail.Errorf(gomail.Invalid, "%s%s is %q: write the host's name and its port, such as smtp.example.net:587", where, strings.TrimSuffix(prefix, "_")+map[bool]string{true: "host"}[prefix == ""], h.Host)
	}
	for _, k := range []struct {
		key, value string
		allowed    []string
	}{{"tls", h.TLS, smarthostTLS}, {"mechanism", h.Mechanism, smarthostMechanisms}} {
		if !slices.Contains(k.allowed, k.value) {
			return gomail.Errorf(gomail.Invalid, "%s%s%s is %q: it has to be one of %s", where, prefix, k.key, k.value, strings.Join(k.allowed[1:], ", "))
		}
	}
	switch {
	case h.Username != "" && h.TLS == "opportunistic":
		return gomail.Errorf(gomail.Invalid, "%s%stls is opportunistic, and %[2]susername is set: a password is only sent over TLS with a certificate that is right; leave one of them out", where, prefix)
	case (h.Username == "") != (h.PasswordFile == ""):
		return gomail.Errorf(gomail.Invalid, "%s%susername and %[2]spassword_file belong together: set both, or none", where, prefix)
	}
	return checkDomains(where+"senders and destinations", slices.Concat(h.Senders, h.Destinations))
}

func checkDomains(what string, all []string) error {
	for _, d := range all {
		if _, err := gomail.CanonicalDomain(strings.TrimPrefix(d, ".")); err != nil {
			return gomail.Errorf(gomail.Invalid, "%s are domains, or .domain for all below one: %w", what, err)
		}
	}
	return nil
}

var destinationTLS = []string{"policy", "opportunistic", "require", "verify", "dane"}

// check refuses a destination that cannot be meant; where names it.
func (d Destination) check(where string) error {
	if !slices.Contains(destinationTLS, d.TLS) {
		return gomail.Errorf(gomail.Invalid, "%stls is %q: it has to be one of %s", where, d.TLS, strings.Join(destinationTLS, ", "))
	}
	return checkDomains(where+"domains", d.Domains)
}

// Address returns the host and the port to connect to; no host: each domain's
// own servers.
func (h Smarthost) Address() (host string, port int, err error) {
	if h.Host == DirectHost {
		return "", 0, nil
	}
	host, text, err := net.SplitHostPort(h.Host)
	if err != nil {
		host, text = strings.Trim(h.Host, "[]"), "587"
	}
	port, err = strconv.Atoi(text)
	if err != nil || port <= 0 || port > 65535 || host == "" || strings.ContainsAny(host, " \t/@") {
		return "", 0, gomail.Errorf(gomail.Invalid, "%q is not a host and a port", h.Host)
	}
	return host, port, nil
}
