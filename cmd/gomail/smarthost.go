package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"os"
	"strings"
	"time"

	"gomail"
	"gomail/cmd/gomail/internal/doctor"
	"gomail/internal/config"
	"gomail/internal/resolver"
	"gomail/mxsend"
)

// senderConfig is how mail goes out to others.
func senderConfig(c config.Config, o outside) (mxsend.Config, error) {
	smarthosts, err := readSmarthosts(c.Outbound)
	if err != nil {
		return mxsend.Config{}, err
	}
	roots, err := trusted(c.TLS.ACMECAFile)
	return mxsend.Config{
		Hostname: c.Server.Hostname, Resolver: o.resolver, Secure: o.resolver, Destinations: destinations(c.Outbound), Dial: o.dial, OwnAddresses: c.Server.PublicAddresses,
		BindAddresses: c.Outbound.BindAddresses, AllowPrivateNetworks: c.Outbound.AllowPrivateNetworks,
		Smarthosts: smarthosts, TLS: &tls.Config{RootCAs: roots},
	}, err
}

// destinations says what is wanted of TLS with some domains.
func destinations(c config.Outbound) (all []mxsend.Destination) {
	for _, d := range c.Destinations {
		wish, _ := mxsend.ParseWish(d.TLS) // the configuration has been checked
		all = append(all, mxsend.Destination{Domains: d.Domains, TLS: wish})
	}
	return all
}

// readSmarthosts returns the servers that relay for us, with their passwords.
func readSmarthosts(c config.Outbound) (all []mxsend.Smarthost, err error) {
	for _, h := range c.AllSmarthosts() {
		host, port, err := h.Address()
		if err != nil {
			return nil, err
		}
		s := mxsend.Smarthost{
			Host: host, Port: port, Senders: h.Senders, Destinations: h.Destinations,
			Username: h.Username, Mechanism: h.Mechanism, Opportunistic: h.TLS == "opportunistic",
		}
		if h.PasswordFile != "" {
			if s.Password, err = readPassword(h.PasswordFile); err != nil {
				return nil, err
			}
		}
		all = append(all, s)
	}
	return all, nil
}

// readPassword reads the first line of a file.
func readPassword(file string) (string, error) {
	return readLine(file, "the smarthost's password")
}

// readLine reads a file that holds one line; what says of what.
func readLine(file, what string) (string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return "", gomail.Errorf(gomail.Invalid, "%s cannot be read: %w", what, err)
	}
	line, rest, _ := strings.Cut(strings.TrimRight(string(text), "\r\n"), "\n")
	if line == "" || rest != "" {
		return "", gomail.Errorf(gomail.Invalid, "the file %s has to hold %s in one line, and nothing else", file, what)
	}
	return line, nil
}

// probeTimeout bounds the try of one smarthost.
const probeTimeout = 15 * time.Second

// probeSmarthosts tries every smarthost as a delivery would, and tells what
// came of each.
func probeSmarthosts(ctx context.Context, c config.Config, tell func(host, found string, err error)) error {
	if len(c.Outbound.AllSmarthosts()) == 0 {
		return nil
	}
	r, err := resolver.New(resolver.Config{Servers: c.DNS.Resolvers, TrustAD: c.DNS.TrustAD})
	if err != nil {
		return err
	}
	sending, err := senderConfig(c, outside{resolver: r})
	if err != nil {
		return err
	}
	sender := mxsend.New(sending)
	defer sender.Close()
	for _, h := range sending.Smarthosts {
		if h.Host == "" {
			continue
		}
		found, err := probeSmarthost(ctx, sender, h)
		tell(h.String(), found, err)
	}
	return nil
}

func probeSmarthost(ctx context.Context, sender *mxsend.Sender, h mxsend.Smarthost) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	p, err := sender.Probe(ctx, h)
	if err != nil {
		return "", err
	}
	found := "answers at " + p.Remote + " over " + orDefault(p.TLS, "plain text")
	if p.Mechanism != "" {
		found += fmt.Sprintf(", and lets us sign in as %s by %s", h.Username, p.Mechanism)
	}
	return found, nil
}

// smarthostFindings are the doctor's about smarthosts.
func smarthostFindings(ctx context.Context, c config.Config) ([]doctor.Finding, error) {
	var findings []doctor.Finding
	for _, h := range c.Outbound.AllSmarthosts() {
		if info, err := os.Stat(h.PasswordFile); err == nil && info.Mode().Perm()&0o077 != 0 {
			findings = append(findings, doctor.Finding{Check: "smarthost password", State: doctor.Problem, Found: "others can read " + h.PasswordFile, Mend: "chmod 600 " + h.PasswordFile})
		}
	}
	err := probeSmarthosts(ctx, c, func(host, found string, err error) {
		f := doctor.Finding{Check: "smarthost " + host, State: doctor.OK, Found: found}
		if err != nil {
			f.State = doctor.Problem
			f.Found, f.Mend = splitMend(err)
		}
		findings = append(findings, f)
	})
	return findings, err
}

// splitMend parts what is so from what to do about it: the sentences end with
// it after a colon.
func splitMend(err error) (found, mend string) {
	text := err.Error()
	i := strings.LastIndex(text, ": ")
	if i < 0 {
		return text, ""
	}
	mend = text[i+2:]
	return text[:i], strings.ToUpper(mend[:1]) + mend[1:] + "."
}
