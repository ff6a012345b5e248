package doctor

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"

	"gomail/dnsplan"
)

// domains looks whether each domain's records are in the DNS as planned.
func (p Patient) domains(ctx context.Context) []Finding {
	if len(p.Plans) == 0 {
		return []Finding{finding("domains", Warning, "none is hosted", "gomail domain add DOMAIN")}
	}
	var findings []Finding
	for _, name := range slices.Sorted(maps.Keys(p.Plans)) {
		findings = append(findings, p.domain(ctx, name))
	}
	return findings
}

// domain names the required records that the resolver does not see.
func (p Patient) domain(ctx context.Context, name string) Finding {
	check := "domain " + name
	var missing []string
	for _, r := range p.Plans[name] {
		if r.Requirement != dnsplan.Required {
			continue
		}
		seen, err := p.seen(ctx, r)
		if err != nil {
			return finding(check, Unknown, "the DNS does not answer: "+err.Error(), "Try again in a while.")
		}
		if !seen {
			missing = append(missing, r.Type+" "+r.Name)
		}
	}
	if len(missing) > 0 {
		return finding(check, Problem, "not in the DNS as planned: "+strings.Join(missing, ", "), fmt.Sprintf("gomail dns plan %s shows what to publish.", name))
	}
	return ok(check, "every required record is in the DNS")
}

// seen reports whether the DNS has a record's value. Types that the doctor
// does not ask for count as seen.
func (p Patient) seen(ctx context.Context, r dnsplan.Record) (bool, error) {
	var values []string
	var err error
	switch r.Type {
	case "MX":
		values, err = p.mx(ctx, r.Name)
	case "TXT":
		values, err = p.Resolver.LookupTXT(ctx, r.Name)
	case "A", "AAAA":
		values, err = p.ip(ctx, r.Name)
	default:
		return true, nil
	}
	var e *net.DNSError
	if errors.As(err, &e) && e.IsNotFound {
		return false, nil
	}
	return slices.Contains(values, r.Value), err
}

func (p Patient) mx(ctx context.Context, name string) ([]string, error) {
	all, err := p.Resolver.LookupMX(ctx, name)
	var hosts []string
	for _, mx := range all {
		hosts = append(hosts, mx.Host)
	}
	return hosts, err
}

func (p Patient) ip(ctx context.Context, name string) ([]string, error) {
	all, err := p.Resolver.LookupIPAddr(ctx, name)
	var texts []string
	for _, a := range all {
		texts = append(texts, a.IP.String())
	}
	return texts, err
}
