package web

import (
	"encoding/json"
	"net/http"
)

// writeProblem answers with a problem detail, RFC 9457, in the form that the
// admin API's own have.
func writeProblem(w http.ResponseWriter, status int, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	// The client may be gone; nobody is left to tell.
	_ = json.NewEncoder(w).Encode(struct {
		Title  string `json:"title"`
		Status int    `json:"status"`
		Detail string `json:"detail"`
	}{http.StatusText(status), status, detail})
}
