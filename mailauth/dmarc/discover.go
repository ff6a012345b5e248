package dmarc

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"

	"golang.org/x/net/publicsuffix"
)

// Resolver is what DMARC asks the DNS with. Errors follow net.Resolver:
// *net.DNSError with IsNotFound for absence.
type Resolver interface {
	LookupTXT(ctx context.Context, name string) ([]string, error)
	LookupMX(ctx context.Context, name string) ([]*net.MX, error)
	LookupIPAddr(ctx context.Context, host string) ([]net.IPAddr, error)
}

// Discovery is what the DNS says about one author domain.
type Discovery struct {
	Author string // the domain that was asked about
	// Found: a record applies. Without it the fields below are empty.
	Found  bool
	Domain string // where the record stands
	Record Record
	Policy Policy // of p, sp or np, whichever applies; before t
	// Organization is the author's organizational domain. Empty when a
	// look-up failed, so that it is not known.
	Organization string
	// Failed: a look-up that decides which record applies did not succeed.
	Failed bool
}

// Discover finds the record that applies to an author domain (canonical) and
// its organizational domain, RFC 9989 sections 4.10.1 and 4.10.2.
func Discover(ctx context.Context, resolver Resolver, author string) Discovery {
	d := Discovery{Author: author}
	w := walkTree(ctx, resolver, author)
	if !w.failed {
		d.Organization = w.organization()
	}
	for _, candidate := range []string{author, d.Organization, w.suffix()} {
		if s := w.at(candidate); s != nil && s.record != nil {
			d.Found, d.Domain, d.Record = true, s.domain, *s.record
			break
		}
	}
	if w.failed && d.Domain != author {
		return Discovery{Author: author, Failed: true}
	}
	if d.Found {
		d.Policy = applicable(ctx, resolver, d)
	}
	return d
}

// applicable picks the tag: p at the author domain itself, below another's
// record sp, or np where the author domain does not exist.
func applicable(ctx context.Context, resolver Resolver, d Discovery) Policy {
	switch {
	case d.Domain == d.Author:
		return d.Record.Policy
	case d.Record.NonexistentPolicy != "" && nonexistent(ctx, resolver, d.Author):
		return d.Record.NonexistentPolicy
	case d.Record.SubdomainPolicy != "":
		return d.Record.SubdomainPolicy
	}
	return d.Record.Policy
}

// nonexistent: neither addresses nor MX, RFC 9989 section 3.2.13. A look-up
// that fails proves nothing.
func nonexistent(ctx context.Context, resolver Resolver, domain string) bool {
	_, err := resolver.LookupIPAddr(ctx, domain)
	if !isNotFound(err) {
		return false
	}
	_, err = resolver.LookupMX(ctx, domain)
	return isNotFound(err)
}

// organization returns the organizational domain of any domain; false when a
// look-up failed.
func organization(ctx context.Context, resolver Resolver, domain string) (string, bool) {
	w := walkTree(ctx, resolver, domain)
	if w.failed {
		return "", false
	}
	return w.organization(), true
}

// step is one name of a tree walk; record is nil where there is none.
type step struct {
	domain string
	record *Record
	err    error // a look-up that failed, absence apart
}

// walk is a tree walk, from the domain where it started up to the top, or to
// the record that ends it.
type walk struct {
	steps  []step
	failed bool
}

// walkTree asks for all names at once: a walk is at most eight look-ups, and
// most of its answers come from the cache.
func walkTree(ctx context.Context, resolver Resolver, domain string) walk {
	names := walkNames(domain)
	steps := make([]step, len(names))
	var wg sync.WaitGroup
	for i, name := range names[1:] {
		wg.Go(func() { steps[i+1] = lookup(ctx, resolver, name) })
	}
	steps[0] = lookup(ctx, resolver, names[0])
	wg.Wait()
	var w walk
	for _, s := range steps {
		w.steps = append(w.steps, s)
		w.failed = w.failed || s.err != nil
		if s.record != nil && s.record.PSD != "u" {
			break
		}
	}
	return w
}

// walkNames lists the names of a walk, RFC 9989 section 4.10: the domain,
// then its parents, of which those with more than seven labels are left out.
func walkNames(domain string) []string {
	names := []string{domain}
	labels := strings.Split(domain, ".")
	first := 1
	if len(labels) > 8 {
		first = len(labels) - 7
	}
	for i := first; i < len(labels); i++ {
		names = append(names, strings.Join(labels[i:], "."))
	}
	return names
}

// lookup fetches the record at one name. More than one is none.
func lookup(ctx context.Context, resolver Resolver, domain string) step {
	s := step{domain: domain}
	texts, err := resolver.LookupTXT(ctx, "_dmarc."+domain)
	if err != nil && !isNotFound(err) {
		s.err = err
		return s
	}
	for _, text := range texts {
		if !IsRecord(text) {
			continue
		}
		if s.record != nil {
			return step{domain: domain}
		}
		if record, err := Parse(text); err == nil {
			s.record = &record
		} else {
			s.record = &Record{Policy: invalid}
		}
	}
	if s.record != nil && s.record.Policy == invalid {
		return step{domain: domain}
	}
	if s.record != nil && s.record.PSD == "u" && isPublicSuffix(domain) {
		s.record.PSD = "y"
	}
	return s
}

// invalid marks a record that counts as one of several but says nothing.
const invalid Policy = "invalid"

// organization selects the organizational domain, RFC 9989 section 4.10.2.
func (w walk) organization() string {
	org := w.steps[0].domain
	for i, s := range w.steps {
		switch {
		case s.record == nil:
		case s.record.PSD == "n":
			return s.domain
		case s.record.PSD == "y" && i > 0:
			return childOf(s.domain, w.steps[0].domain)
		default:
			org = s.domain
		}
	}
	return org
}

// suffix returns the public suffix domain whose record ended the walk.
func (w walk) suffix() string {
	if last := w.steps[len(w.steps)-1]; last.record != nil && last.record.PSD == "y" {
		return last.domain
	}
	return ""
}

func (w walk) at(domain string) *step {
	for i := range w.steps {
		if w.steps[i].domain == domain {
			return &w.steps[i]
		}
	}
	return nil
}

// childOf returns the name one label below parent on the way to domain.
func childOf(parent, domain string) string {
	above := strings.TrimSuffix(domain, "."+parent)
	return above[strings.LastIndexByte(above, '.')+1:] + "." + parent
}

func isPublicSuffix(domain string) bool {
	suffix, _ := publicsuffix.PublicSuffix(domain)
	return suffix == domain
}

func isNotFound(err error) bool {
	var dnsErr *net.DNSError
	return errors.As(err, &dnsErr) && dnsErr.IsNotFound
}
