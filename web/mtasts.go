package web

import (
	"net/http"
	"strings"

	"gomail"
	"gomail/dnsplan"
)

// policyFile serves a domain's MTA-STS policy at its host, mta-sts.<domain>,
// RFC 8461 section 3.3.
func (s *Server) policyFile(w http.ResponseWriter, r *http.Request) {
	name, ok := strings.CutPrefix(hostOf(r), "mta-sts.")
	if !ok {
		http.NotFound(w, r)
		return
	}
	d, err := s.config.API.Domains.Get(r.Context(), name)
	var server dnsplan.Server
	if err == nil {
		server, err = s.config.API.Settings.Server(r.Context())
	}
	if err != nil && gomail.KindOf(err) != gomail.NotFound && gomail.KindOf(err) != gomail.Invalid {
		// Not a 404: senders would take it for the end of the policy.
		writeText(w, http.StatusServiceUnavailable, "The policy cannot be read now. Try again in a moment.")
		return
	}
	policy := ""
	if err == nil {
		policy = dnsplan.PolicyFile(server, dnsplan.Domain{Domain: d})
	}
	if policy == "" {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	// The client may be gone; nobody is left to tell.
	_, _ = w.Write([]byte(policy))
}
