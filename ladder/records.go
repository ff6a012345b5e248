package ladder

import "gomail/dnsplan"

// RecordsOf says which records a look at a domain's DNS found as they should
// be.
func RecordsOf(r dnsplan.Report) Records {
	return Records{
		SPF:    found(r, dnsplan.SPF),
		DMARC:  found(r, dnsplan.DMARC),
		MTASTS: found(r, dnsplan.MTASTS) && found(r, dnsplan.MTASTSHost) && served(r),
		TLSA:   found(r, dnsplan.TLSA),
	}
}

// found reports whether records of a purpose are planned, and all as they
// should be. The mail host of a mta-sts name needs none: then nothing says
// otherwise.
func found(r dnsplan.Report, purpose dnsplan.Purpose) bool {
	n := 0
	for _, f := range r.Records {
		if f.Purpose != purpose {
			continue
		}
		if n++; f.State != dnsplan.OK && f.State != dnsplan.OKDiffers {
			return false
		}
	}
	return n > 0 || purpose == dnsplan.MTASTSHost
}

// served reports whether the MTA-STS policy could be fetched, or nobody has
// tried.
func served(r dnsplan.Report) bool {
	for _, p := range r.Probes {
		if p.Kind == dnsplan.ProbePolicy && p.State != dnsplan.OK && p.State != dnsplan.OKDiffers {
			return false
		}
	}
	return true
}
