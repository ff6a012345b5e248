package web

import (
	"net/http"
	"time"

	"gomail"
	"gomail/dnsplan"
)

// domainRow is a domain in the list.
type domainRow struct {
	Name  string
	State string
	Keys  int // that sign
	Added time.Time
}

// listDomains shows the hosted domains.
func (s *Server) listDomains(w http.ResponseWriter, r *http.Request) {
	all, err := s.config.API.Domains.List(r.Context())
	if err != nil {
		s.fail(w, r, err)
		return
	}
	rows := make([]domainRow, len(all))
	for i, d := range all {
		signers, err := s.config.API.Domains.Signers(r.Context(), d.Name)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		rows[i] = domainRow{d.Name, domainState(d), len(signers), d.Created}
	}
	s.render(w, r, http.StatusOK, "domains.html", "Domains", rows)
}

func domainState(d gomail.Domain) string {
	switch {
	case d.Disabled:
		return "Switched off"
	case d.Settings.Parked:
		return "Parked: no mail"
	}
	return "Active"
}

// showDomain shows a domain's keys and DNS records.
func (s *Server) showDomain(w http.ResponseWriter, r *http.Request) {
	d, err := s.config.API.Domains.Get(r.Context(), r.PathValue("name"))
	if err != nil {
		s.fail(w, r, err)
		return
	}
	keys, err := s.config.API.Domains.Keys(r.Context(), d.Name)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	records := dnsplan.Plan(s.config.API.Server(), dnsplan.Domain{Domain: d, Keys: keys})
	s.render(w, r, http.StatusOK, "domain.html", d.Name, newDomainPage(d, keys, records))
}

// downloadZone sends a domain's records as a zone file.
func (s *Server) downloadZone(w http.ResponseWriter, r *http.Request) {
	d, err := s.config.API.Domains.Get(r.Context(), r.PathValue("name"))
	if err != nil {
		s.fail(w, r, err)
		return
	}
	records, err := s.config.API.Plan(r.Context(), d.Name)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	// A canonical name holds nothing that a header could trip over.
	w.Header().Set("Content-Disposition", `attachment; filename="`+d.Name+`.zone"`)
	// The client may be gone; nobody is left to tell.
	_, _ = w.Write([]byte(dnsplan.Zone(records)))
}

// missingPage answers for pages that do not exist.
func (s *Server) missingPage(w http.ResponseWriter, r *http.Request) {
	s.showError(w, r, http.StatusNotFound, "there is no such page")
}
