package web

import (
	"encoding/json"
	"net/http"

	"gomail"
	"gomail/accounts"
)

// secondPage is what the page of the second factor shows.
type secondPage struct {
	Next     string
	Error    string // a sentence; empty: none
	TOTP     bool
	Passkeys bool
}

// pending returns the token of the first step.
func pending(r *http.Request) string {
	cookie, err := r.Cookie(secondCookie)
	if err != nil {
		return ""
	}
	return cookie.Value
}

// showSecond asks for the second factor.
func (s *Server) showSecond(w http.ResponseWriter, r *http.Request) {
	s.askSecond(w, r, http.StatusOK, secondPage{Next: safeNext(r.URL.Query().Get("next"))})
}

// askSecond shows the form; whoever has not given a password goes there first.
func (s *Server) askSecond(w http.ResponseWriter, r *http.Request, status int, page secondPage) {
	people := s.config.API.Accounts
	account, err := people.Awaiting(r.Context(), pending(r), audience)
	var c accounts.Credentials
	if err == nil {
		c, err = people.Credentials(r.Context(), account.ID)
	}
	switch {
	case gomail.KindOf(err) == gomail.Unauthenticated:
		clearSecondCookie(w)
		http.Redirect(w, r, "/signin", http.StatusSeeOther)
	case err != nil:
		s.fail(w, r, err)
	default:
		page.TOTP, page.Passkeys = c.TOTP.Confirmed, len(c.Passkeys) > 0
		s.render(w, r, status, "second.html", "Second factor", page)
	}
}

// secondStep takes the code.
func (s *Server) secondStep(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		s.showError(w, r, http.StatusBadRequest, "the form could not be read: go back and try again")
		return
	}
	page := secondPage{Next: safeNext(r.PostForm.Get("next"))}
	entry, err := s.config.API.Accounts.SecondStep(r.Context(), pending(r), audience, r.PostForm.Get("code"), accounts.Attempt{Remote: remote(r), Agent: r.UserAgent()})
	if err != nil {
		page.Error = sentence(err.Error())
		s.askSecond(w, r, s.refusal(w, r, err, &page.Error), page)
		return
	}
	clearSecondCookie(w)
	setCookie(w, entry.Token)
	http.Redirect(w, r, page.Next, http.StatusSeeOther)
}

// askPasskey answers with what the browser looks for a passkey with.
func (s *Server) askPasskey(w http.ResponseWriter, r *http.Request) {
	options, err := s.config.API.Accounts.AskPasskey(r.Host)
	s.answerJSON(w, r, options, err)
}

// maxPasskey bounds what a browser says of a passkey, in octets.
const maxPasskey = 64 << 10

// signInWithPasskey opens a session.
func (s *Server) signInWithPasskey(w http.ResponseWriter, r *http.Request) {
	var form struct {
		Next       string          `json:"next"`
		Credential json.RawMessage `json:"credential"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxPasskey)).Decode(&form); err != nil {
		writeProblem(w, http.StatusBadRequest, "the browser's answer could not be read")
		return
	}
	entry, err := s.config.API.Accounts.SignInWithPasskey(r.Context(), r.Host, audience, form.Credential, remote(r), r.UserAgent())
	if err == nil {
		s.endSession(r)
		clearSecondCookie(w)
		setCookie(w, entry.Token)
	}
	s.answerJSON(w, r, map[string]string{"next": safeNext(form.Next)}, err)
}

func (s *Server) answerJSON(w http.ResponseWriter, r *http.Request, answer any, err error) {
	if err != nil {
		said := err.Error()
		status := s.refusal(w, r, err, &said)
		writeProblem(w, status, said)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	// The client may be gone; nobody is left to tell.
	_ = json.NewEncoder(w).Encode(answer)
}
