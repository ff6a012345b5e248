package web

import "net/http"

// showApp answers every path below /admin/ with the administrators' app, which
// knows its pages itself.
func (s *Server) showApp(w http.ResponseWriter, r *http.Request) {
	s.render(w, r, http.StatusOK, "app.html", "Administration", nil)
}
