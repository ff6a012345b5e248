package web

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"
)

// health answers as long as the process serves.
func (s *Server) health(w http.ResponseWriter, _ *http.Request) { writeText(w, http.StatusOK, "ok") }

// ready answers whether the server can do its work now.
func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	if s.config.Ready != nil {
		if err := s.config.Ready(r.Context()); err != nil {
			writeText(w, http.StatusServiceUnavailable, sentence(err.Error()))
			return
		}
	}
	writeText(w, http.StatusOK, "ready")
}

// metrics shows the counters to those who may see them; for others there is
// no such page.
func (s *Server) metrics(w http.ResponseWriter, r *http.Request) {
	from := remote(r)
	if s.config.Metrics == nil || !slices.ContainsFunc(s.config.MetricsAllow, func(p netip.Prefix) bool { return p.Contains(from) }) {
		http.NotFound(w, r)
		return
	}
	s.config.Metrics.ServeHTTP(w, r)
}

func writeText(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	fmt.Fprintln(w, text)
}
