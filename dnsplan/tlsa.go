package dnsplan

import (
	"encoding/hex"
	"fmt"
)

// TLSAHash is the SHA-256 of a key's SubjectPublicKeyInfo: what "3 1 1" holds.
type TLSAHash [32]byte

// DNSSEC is what is known of a zone's signatures.
type DNSSEC string

// The states of a zone.
const (
	DNSSECUnknown  DNSSEC = ""
	DNSSECSigned   DNSSEC = "signed"
	DNSSECUnsigned DNSSEC = "unsigned"
)

// tlsa binds the mail host to the keys of its certificates, the current and
// the next, RFC 7672 section 3.1.1. Without DNSSEC nobody may believe it.
func (p *planner) tlsa() []Record {
	if p.domain.Settings.TLSA.Off {
		return nil
	}
	need, why := p.tlsaReason()
	var records []Record
	for _, hash := range p.server.TLSA {
		records = append(records, Record{
			Name: "_25._tcp." + p.server.Hostname, Type: "TLSA", Value: fmt.Sprintf("3 1 1 %s", hex.EncodeToString(hash[:])),
			Purpose: TLSA, Requirement: need, Why: why,
		})
	}
	return records
}

// TLSARecord is the record of one key of a mail host, to look for.
func TLSARecord(hostname, hash string) Record {
	return Record{Name: "_25._tcp." + hostname, Type: "TLSA", Value: "3 1 1 " + hash, Purpose: TLSA, Requirement: Recommended}
}

func (p *planner) tlsaReason() (Requirement, string) {
	const does = "Lets servers that use DANE verify the mail host by its key."
	switch p.server.DNSSEC {
	case DNSSECSigned:
		if len(p.server.TLSA) < 2 && !p.server.KeyKept {
			return Optional, does + " The key of the next certificate is not known yet: until it is, renew the certificate with the same key, or the record is wrong from then on."
		}
		return Recommended, does
	case DNSSECUnsigned:
		return NotApplicable, "The zone of " + p.server.Hostname + " is not signed with DNSSEC, and nobody may rely on TLSA records of an unsigned zone."
	}
	return Optional, does + " It counts only where DNSSEC signs the zone of " + p.server.Hostname + "."
}
