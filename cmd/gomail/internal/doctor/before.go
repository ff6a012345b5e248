package doctor

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"gomail/dnsplan"
)

// Prober tries what lies beyond the machine.
type Prober interface {
	Outside(ctx context.Context) []dnsplan.Probe
	Validates(ctx context.Context) (validates, known bool)
}

// Who can mend what was found.
const (
	ByYou      = "you, on this machine"
	ByDNS      = "whoever edits the zone"
	ByProvider = "your hosting provider"
)

// Condition is a finding with who can mend it.
type Condition struct {
	Finding
	Who string `json:"who,omitempty"`
}

// BeforeInstall looks at what a mail server needs of a machine and its
// surroundings, before anything is installed. What cannot be found out from
// here is Unknown, with how to find out.
func BeforeInstall(ctx context.Context, p Patient, prober Prober) []Condition {
	ctx, cancel := context.WithTimeout(ctx, 40*time.Second)
	defer cancel()
	parts := []func() []Condition{
		func() []Condition { return p.portsBefore(ctx) },
		func() []Condition { return []Condition{{Finding: p.resolver(ctx)}, validation(ctx, prober)} },
		func() []Condition { return p.names(ctx) },
		func() []Condition { return probes(prober.Outside(ctx)) },
		func() []Condition {
			return []Condition{{Finding: p.clock()}, p.timeOfDay(ctx), {Finding: p.diskBefore()}}
		},
	}
	found := make([][]Condition, len(parts))
	var wg sync.WaitGroup
	for i, part := range parts {
		wg.Go(func() { found[i] = part() })
	}
	wg.Wait()
	all := slices.Concat(found...)
	for i := range all {
		if all[i].Who == "" && all[i].Mend != "" {
			all[i].Who = ByYou
		}
	}
	return all
}

// portsBefore looks whether the ports are free, who holds those that are not,
// and whether the way in on port 25 is open.
func (p Patient) portsBefore(ctx context.Context) []Condition {
	if p.Running {
		return []Condition{fine("ports", "this GoMail is running and answers on them")}
	}
	var findings []Condition
	for _, f := range p.ports() {
		findings = append(findings, Condition{Finding: f})
	}
	free := true
	for i, f := range findings {
		if f.State == OK {
			continue
		}
		free = free && !strings.HasPrefix(f.Check, "port smtp.listen")
		_, address, _ := strings.Cut(strings.TrimPrefix(f.Check, "port "), " ")
		if h, known := holderOf(address); known {
			findings[i].Found = fmt.Sprintf("%s (process %d) holds it", h.name, h.pid)
			findings[i].Mend = fmt.Sprintf("Stop it, and keep it from starting again: %s. Then run setup again.", stopping(h.name))
		}
	}
	if free {
		findings = append(findings, p.inwards(ctx)...)
	}
	return findings
}

func fine(check, found string) Condition { return Condition{Finding: ok(check, found)} }

// stopping is how a server that distributions start by themselves is stopped.
func stopping(name string) string {
	unit := map[string]string{"master": "postfix", "exim4": "exim4", "sendmail-mta": "sendmail", "dovecot": "dovecot", "apache2": "apache2", "nginx": "nginx", "smtpd": "opensmtpd"}[name]
	if unit == "" {
		return "systemctl status shows its service, systemctl disable --now SERVICE stops it"
	}
	return "systemctl disable --now " + unit
}

// inwards connects to the public addresses on port 25 and sees whether it
// arrives here. From the machine itself only a forwarding router can be tried
// so: a firewall in front is passed by nobody from inside.
func (p Patient) inwards(ctx context.Context) []Condition {
	var findings []Condition
	for _, a := range p.Config.Server.PublicAddresses {
		findings = append(findings, p.inward(ctx, a))
	}
	return findings
}

func (p Patient) inward(ctx context.Context, a netip.Addr) Condition {
	check := "port 25 in, " + a.String()
	elsewhere := "Try it from another machine while GoMail runs: nc -vz " + a.String() + " 25. If it hangs, open port 25 in the firewall of the machine and of your hosting provider."
	if local(a) {
		return Condition{Finding{Check: check, State: Unknown, Found: "it cannot be determined from this machine whether a firewall in front of it lets port 25 in", Mend: elsewhere}, ByYou}
	}
	listener, err := net.Listen("tcp", p.Config.SMTP.Listen[0])
	if err != nil {
		return Condition{Finding{Check: check, State: Unknown, Found: "it could not be tried: " + cause(err), Mend: elsewhere}, ByYou}
	}
	defer listener.Close()
	token := make([]byte, 8)
	rand.Read(token)
	go greet(listener, hex.EncodeToString(token))
	if heard(ctx, netip.AddrPortFrom(a, 25).String()) == hex.EncodeToString(token) {
		return fine(check, "forwarded to this machine")
	}
	return Condition{Finding{Check: check, State: Warning, Found: "a connection to it does not arrive here", Mend: "If this machine stands behind a router, let that forward port 25 (and 80, 443, 465, 587, 993) to it. " + elsewhere}, ByYou}
}

// greet answers connections with a word until the listener is closed.
func greet(l net.Listener, word string) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		// Whoever does not hear it has closed the connection.
		_, _ = io.WriteString(conn, word)
		conn.Close()
	}
}

// heard connects and returns what is said, empty when nothing answers.
func heard(ctx context.Context, address string) string {
	ctx, cancel := context.WithTimeout(ctx, 4*time.Second)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return ""
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(4 * time.Second)) // a closed connection says nothing either
	text, _ := io.ReadAll(io.LimitReader(conn, 64))
	return string(text)
}

// local reports whether an address is one of this machine's interfaces.
func local(a netip.Addr) bool {
	all, err := net.InterfaceAddrs()
	return err == nil && slices.ContainsFunc(all, func(x net.Addr) bool {
		prefix, err := netip.ParsePrefix(x.String())
		return err == nil && prefix.Addr().Unmap() == a.Unmap()
	})
}

// validation says whether the resolver checks DNSSEC.
func validation(ctx context.Context, prober Prober) Condition {
	const check = "DNSSEC"
	switch validates, known := prober.Validates(ctx); {
	case !known:
		return Condition{Finding: Finding{Check: check, State: Unknown, Found: "it could not be determined whether the resolver validates"}}
	case !validates:
		return Condition{Finding{Check: check, State: Warning, Found: "the resolver does not validate", Mend: "Install one that does, such as unbound, and set dns.resolvers to 127.0.0.1: without it DANE cannot protect mail to others."}, ByYou}
	}
	return fine(check, "the resolver validates")
}

// names looks whether the hostname leads to each public address, and each of
// them back to the hostname.
func (p Patient) names(ctx context.Context) []Condition {
	const check = "addresses"
	s := p.Config.Server
	if len(s.PublicAddresses) == 0 {
		return []Condition{{Finding{Check: check, State: Warning, Found: "none of this machine's addresses can be reached from the Internet", Mend: "Say by which address the world reaches it: --address 203.0.113.1."}, ByYou}}
	}
	leads, err := p.Resolver.LookupIPAddr(ctx, s.Hostname)
	var e *net.DNSError
	if err != nil && !(errors.As(err, &e) && e.IsNotFound) {
		return []Condition{{Finding: Finding{Check: check, State: Unknown, Found: "the DNS does not answer: " + err.Error()}}}
	}
	var findings []Condition
	for _, a := range s.PublicAddresses {
		findings = append(findings, p.forward(a, leads), p.backward(ctx, a))
	}
	return findings
}

func (p Patient) forward(a netip.Addr, leads []net.IPAddr) Condition {
	host := p.Config.Server.Hostname
	check := "address record, " + a.String()
	if slices.ContainsFunc(leads, func(x net.IPAddr) bool { return x.IP.Equal(a.AsSlice()) }) {
		return fine(check, host+" leads to it")
	}
	kind := "A"
	if a.Is6() {
		kind = "AAAA"
	}
	return Condition{Finding{Check: check, State: Warning, Found: host + " does not lead to it yet", Mend: fmt.Sprintf("Publish %s %s %s: it is among the records that are shown at the end.", host, kind, a)}, ByDNS}
}

func (p Patient) backward(ctx context.Context, a netip.Addr) Condition {
	host := p.Config.Server.Hostname
	check := "reverse name (PTR), " + a.String()
	mend := fmt.Sprintf("Set the reverse name of %s to %s, in your hosting provider's panel or by asking them: many servers refuse mail without it.", a, host)
	names, err := p.Resolver.LookupAddr(ctx, a.String())
	var e *net.DNSError
	switch {
	case err != nil && !(errors.As(err, &e) && e.IsNotFound):
		return Condition{Finding{Check: check, State: Unknown, Found: "it could not be determined: " + err.Error(), Mend: mend}, ByProvider}
	case len(names) == 0:
		return Condition{Finding{Check: check, State: Warning, Found: "it has none", Mend: mend}, ByProvider}
	case !slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(strings.TrimSuffix(n, "."), host) }):
		return Condition{Finding{Check: check, State: Warning, Found: "it is " + strings.TrimSuffix(names[0], "."), Mend: mend}, ByProvider}
	}
	return fine(check, host)
}

// probes turns what was tried outside into findings.
func probes(all []dnsplan.Probe) []Condition {
	var findings []Condition
	for _, x := range all {
		f := Condition{Finding: Finding{Check: string(x.Kind) + ", " + x.Subject, Found: x.Found, Mend: x.Fix}}
		switch x.State {
		case dnsplan.OK:
			f.State, f.Mend = OK, ""
		case dnsplan.InapplicableNow:
			continue
		case dnsplan.Wrong:
			f.State, f.Who = Warning, ByProvider
		default:
			f.State, f.Who = Unknown, ByYou
		}
		if x.Kind == dnsplan.ProbePort25Out {
			f.Check = "port 25 out"
		}
		if x.Kind == dnsplan.ProbeBlockList {
			f.Check = "block list, " + x.Subject
		}
		findings = append(findings, f)
	}
	return findings
}

// diskBefore looks at the file system on which the data will be.
func (p Patient) diskBefore() Finding {
	for dir := p.Config.Server.DataDir; ; dir = filepath.Dir(dir) {
		var fs unix.Statfs_t
		if unix.Statfs(dir, &fs) != nil && dir != "/" {
			continue // not made yet
		}
		p.Config.Server.DataDir = dir
		return p.disk()
	}
}
