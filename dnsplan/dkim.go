package dnsplan

import (
	"encoding/base64"
	"slices"
	"strings"

	"gomail"
)

// dkim are the domain's public keys, RFC 6376 section 3.6.1: every key that
// signs, will sign or has signed.
func (p *planner) dkim() []Record {
	var records []Record
	signing := slices.ContainsFunc(p.domain.Keys, func(k gomail.DKIMKey) bool { return k.State == gomail.DKIMActive })
	for _, k := range p.domain.Keys {
		r := KeyRecord(k)
		r.Name, r.TTL = k.Selector+"._domainkey."+p.domain.Name, 0
		if k.State == gomail.DKIMPending && !signing {
			r.Requirement = Required // nothing is signed until it is there
		}
		records = append(records, r)
	}
	return records
}

// KeyRecord returns the record of one key, as it stands in the plan of its
// domain.
func KeyRecord(k gomail.DKIMKey) Record {
	need, why := dkimReason(k)
	return Record{
		Name: k.Selector + "._domainkey." + k.Domain, Type: "TXT", TTL: DefaultTTL, Value: DKIMValue(k),
		Purpose: DKIM, Requirement: need, Why: why, SetAt: DNSProvider,
	}
}

// DKIMValue returns the TXT value of a key: "v=DKIM1; k=ed25519; p=...". That
// of a revoked key is empty behind p=.
func DKIMValue(k gomail.DKIMKey) string {
	value := "v=DKIM1; k=" + k.Algorithm + "; p="
	if k.State != gomail.DKIMRevoked {
		value += base64.StdEncoding.EncodeToString(k.PublicKey)
	}
	return value
}

func dkimReason(k gomail.DKIMKey) (Requirement, string) {
	name := "Ed25519"
	if strings.EqualFold(k.Algorithm, "rsa") {
		name = "RSA"
	}
	switch k.State {
	case gomail.DKIMPending:
		return Recommended, "The next " + name + " key. Mail is signed with it once it is seen here."
	case gomail.DKIMRetiring:
		return Recommended, "A former " + name + " key: mail that is still on its way was signed with it. Leave it until it is no longer listed."
	case gomail.DKIMRevoked:
		return Optional, "Says that this former " + name + " key is no longer valid."
	}
	return Required, "The public " + name + " key by which others verify the mail that this server signs."
}
