package certs

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"gomail"
)

// Orders returns what is known of each certificate, the mail host's first.
func (m *Manager) Orders() []Order {
	if m.orders != nil {
		return m.orders.list()
	}
	leaf := m.Certificate()
	return []Order{{Name: m.config.Hostname, State: Valid, NotBefore: leaf.NotBefore, NotAfter: leaf.NotAfter, Issuer: leaf.Issuer.CommonName}}
}

// Orders reads what was known of each certificate when a server last ran.
func (v *Vault) Orders(ctx context.Context) ([]Order, error) {
	rows, err := v.store.CertOrders(ctx)
	if err != nil {
		return nil, err
	}
	var all []Order
	for _, text := range rows {
		var s Order
		if json.Unmarshal(text, &s) == nil {
			all = append(all, s)
		}
	}
	slices.SortFunc(all, func(a, b Order) int { return cmp.Or(cmp.Compare(a.Domain, b.Domain), cmp.Compare(a.Name, b.Name)) })
	return all, nil
}

// Recheck has the names of a domain looked at again that wait for something in
// the DNS. Empty: all names.
func (m *Manager) Recheck(domain string) {
	if m.orders == nil {
		return
	}
	o := m.orders
	o.mu.Lock()
	for _, s := range o.states {
		if (domain == "" || strings.HasSuffix("."+s.Name, "."+domain)) && s.Cause.local() {
			s.Next = o.config.Clock()
		}
	}
	o.mu.Unlock()
	o.rouse()
}

// Renew orders a name's certificate now, whatever the schedule says. NotFound:
// the name has no order.
func (m *Manager) Renew(name string) error {
	if m.orders == nil {
		return gomail.Errorf(gomail.Invalid, "certificates are not ordered here: tls.mode is not acme")
	}
	o := m.orders
	o.mu.Lock()
	s, known := o.states[name]
	if known {
		s.Next = time.Time{}
	}
	o.mu.Unlock()
	if !known {
		return gomail.Errorf(gomail.NotFound, "no certificate is ordered for %s: gomail cert list shows the names", name)
	}
	o.rouse()
	return nil
}
