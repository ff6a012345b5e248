package web

import (
	"fmt"
	"log/slog"
	"net/http"

	"gomail"
	"gomail/lists"
)

// unsubscribePath is where a member leaves a mailing list, by a link that holds
// a token (lists.Path). Nobody signs in for it, and no cookie is read or set.
const unsubscribePath = "/unsubscribe/{list}/{token}"

// unsubscribePage is what the page shows.
type unsubscribePage struct {
	Heading  string
	Sentence string
	Ask      bool // there is a button
}

// showUnsubscribe asks, and changes nothing: programs follow links on their own
// (RFC 8058 section 3.2).
func (s *Server) showUnsubscribe(w http.ResponseWriter, r *http.Request) {
	l, m, err := s.subscriber(r)
	switch {
	case err != nil:
		s.refuseUnsubscribe(w, r, err)
	case m.Status == lists.Unsubscribed:
		s.showLeft(w, r, l, m)
	default:
		text := fmt.Sprintf("%s is a member of the mailing list %s.", m.Address, l.Address)
		s.render(w, r, http.StatusOK, "unsubscribe.html", "Unsubscribe", unsubscribePage{"Unsubscribe from " + l.Title() + "?", text, true})
	}
}

// unsubscribe ends a membership: for who presses the button, and for a mail
// program that posts "List-Unsubscribe=One-Click" (RFC 8058 section 3.2). The
// token is all that it takes; what else is sent says nothing more.
func (s *Server) unsubscribe(w http.ResponseWriter, r *http.Request) {
	l, m, err := s.subscriber(r)
	if err == nil {
		m, err = s.config.API.Lists.Unsubscribe(r.Context(), l, m.Number, "by the link in a post")
	}
	if err != nil {
		s.refuseUnsubscribe(w, r, err)
		return
	}
	s.showLeft(w, r, l, m)
}

func (s *Server) subscriber(r *http.Request) (lists.List, lists.Member, error) {
	address, err := gomail.ParseAddress(r.PathValue("list"))
	if err != nil || s.config.API.Lists == nil {
		return lists.List{}, lists.Member{}, gomail.Errorf(gomail.NotFound, "there is no such list")
	}
	return s.config.API.Lists.Subscriber(r.Context(), address, r.PathValue("token"))
}

func (s *Server) showLeft(w http.ResponseWriter, r *http.Request, l lists.List, m lists.Member) {
	text := fmt.Sprintf("%s gets no more mail of the list %s.", m.Address, l.Address)
	s.render(w, r, http.StatusOK, "unsubscribe.html", "Unsubscribed", unsubscribePage{"Unsubscribed from " + l.Title(), text, false})
}

// refuseUnsubscribe says that the link leads nowhere. Whether the list, the
// member or the token is wrong is nobody's business.
func (s *Server) refuseUnsubscribe(w http.ResponseWriter, r *http.Request, err error) {
	page := unsubscribePage{"Nothing to unsubscribe", "This link is not complete, or the address is not a member of the list any more.", false}
	status := http.StatusNotFound
	if gomail.KindOf(err) != gomail.NotFound {
		s.log.Error("nobody can unsubscribe", slog.Any("error", err))
		page, status = unsubscribePage{"Not now", "The server met a fault. Try again in a moment.", true}, http.StatusServiceUnavailable
	}
	s.render(w, r, status, "unsubscribe.html", page.Heading, page)
}
