package web

import (
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"gomail"
	"gomail/accounts"
)

// maxForm bounds the sign-in form in octets.
const maxForm = 16 << 10

// signInPage is what the page shows.
type signInPage struct {
	Address string // as it was typed
	Next    string // where to go afterwards
	Error   string // a sentence; empty: none
}

// showSignIn shows the form, or goes on when there is a session already.
func (s *Server) showSignIn(w http.ResponseWriter, r *http.Request) {
	next := safeNext(r.URL.Query().Get("next"))
	if _, err := s.signedIn(r); err == nil {
		http.Redirect(w, r, next, http.StatusSeeOther)
		return
	}
	s.render(w, r, http.StatusOK, "signin.html", "Sign in", signInPage{Next: next})
}

// signIn opens a session. One that the browser had ends: a token that
// somebody else placed there must not become a signed-in one.
func (s *Server) signIn(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		s.showError(w, r, http.StatusBadRequest, "the form could not be read: go back and try again")
		return
	}
	form := signInPage{Address: strings.TrimSpace(r.PostForm.Get("address")), Next: safeNext(r.PostForm.Get("next"))}
	entry, err := s.config.API.Accounts.SignIn(r.Context(), accounts.Attempt{
		Username: form.Address, Password: r.PostForm.Get("password"), Remote: remote(r), Agent: r.UserAgent(),
	}, audience)
	if err != nil {
		s.refuseSignIn(w, r, form, err)
		return
	}
	s.endSession(r)
	if entry.Second {
		setSecondCookie(w, entry.Token)
		http.Redirect(w, r, "/signin/second?next="+url.QueryEscape(form.Next), http.StatusSeeOther)
		return
	}
	setCookie(w, entry.Token)
	http.Redirect(w, r, form.Next, http.StatusSeeOther)
}

// refuseSignIn shows the form again with what is wrong.
func (s *Server) refuseSignIn(w http.ResponseWriter, r *http.Request, form signInPage, err error) {
	form.Error = sentence(err.Error())
	status := s.refusal(w, r, err, &form.Error)
	s.render(w, r, status, "signin.html", "Sign in", form)
}

// refusal returns the status of a sign-in that failed. What is the server's
// fault goes to the log, and said becomes a sentence that does not tell it.
func (s *Server) refusal(w http.ResponseWriter, r *http.Request, err error, said *string) int {
	status := http.StatusForbidden
	switch gomail.KindOf(err) {
	case gomail.Unauthenticated:
		status = http.StatusUnauthorized
		w.Header().Set("WWW-Authenticate", challenge)
	case gomail.Throttled:
		status = http.StatusTooManyRequests
	case gomail.Forbidden, gomail.Disabled, gomail.Invalid:
	default:
		s.log.Error("sign-in failed", slog.String("remote", remote(r).String()), slog.Any("error", err))
		status = http.StatusServiceUnavailable
		*said = "The server cannot check passwords now. Try again in a moment."
	}
	return status
}

// signOut ends the session. Without one there is nothing to do.
func (s *Server) signOut(w http.ResponseWriter, r *http.Request) {
	s.endSession(r)
	clearCookie(w)
	http.Redirect(w, r, "/signin", http.StatusSeeOther)
}

// endSession ends the session that the request carries, if any.
func (s *Server) endSession(r *http.Request) {
	old := token(r)
	if old == "" {
		return
	}
	err := s.config.API.Accounts.SignOut(r.Context(), old)
	if err != nil && gomail.KindOf(err) != gomail.NotFound {
		s.log.Error("a session was not ended", slog.Any("error", err))
	}
}

// safeNext returns where to go after sign-in: an administrator's page of this
// site and nothing else.
func safeNext(next string) string {
	if strings.HasPrefix(next, "/admin/") && !strings.ContainsAny(next, "\\\r\n") {
		return next
	}
	return "/admin/"
}

// remote returns the address that the request came from.
func remote(r *http.Request) netip.Addr {
	// net/http writes it itself; the zero address stands for one it could not.
	ap, _ := netip.ParseAddrPort(r.RemoteAddr)
	return ap.Addr().Unmap()
}
