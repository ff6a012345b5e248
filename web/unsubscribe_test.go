package web

import (
	"net/http"
	"strings"
	"testing"

	"gomail"
	"gomail/lists"
	"gomail/store"
)

// listed is a site with the list dev@example.com and one member, and where that
// one unsubscribes.
func listed(t *testing.T) (s *site, service *lists.Service, l lists.List, path string) {
	t.Helper()
	st, err := store.Open(t.Context(), store.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	if _, err := st.AddDomain(t.Context(), gomail.Domain{Name: "example.com"}, nil); err != nil {
		t.Fatal(err)
	}
	s = newSite(t)
	tokens := lists.Tokens{Secret: []byte("secret")}
	service = lists.New(lists.Config{Store: st, Tokens: tokens})
	s.server.config.API.Lists = service
	l, err = service.Add(t.Context(), lists.List{Address: gomail.Address{Local: "dev", Domain: "example.com"}, Name: "<b>Dev</b>"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := service.AddMembers(t.Context(), l, []gomail.Address{{Local: "x", Domain: "far.test"}}); err != nil {
		t.Fatal(err)
	}
	return s, service, l, lists.Path(l.Address, tokens.Make(lists.ForUnsubscribe, l.ID, 1))
}

func statusOf(t *testing.T, service *lists.Service, l lists.List) lists.Status {
	t.Helper()
	all, err := service.Members(t.Context(), l, "", 10)
	if err != nil || len(all) != 1 {
		t.Fatal(all, err)
	}
	return all[0].Status
}

// Looking changes nothing; a POST unsubscribes, from anywhere, without a
// session, as often as it is sent, and without a cookie or a redirect (RFC 8058
// section 3.1).
func TestUnsubscribe(t *testing.T) {
	s, service, l, path := listed(t)
	for _, method := range []string{"GET", "HEAD"} {
		answer, text := s.do(s.browser(), method, path, "")
		if answer.StatusCode != http.StatusOK || method == "GET" && (!strings.Contains(text, "x@far.test is a member of the mailing list dev@example.com.") || !strings.Contains(text, "<form method=\"post\">") || strings.Contains(text, "<b>")) {
			t.Errorf("%s: %s\n%s", method, answer.Status, text)
		}
	}
	for _, broken := range []string{path[:len(path)-1], path + "0", strings.Replace(path, "dev@", "ops@", 1), strings.Replace(path, "dev@example.com", "dev", 1), path[:len(path)-1] + "~"} {
		if answer, text := s.do(s.browser(), "POST", broken, "List-Unsubscribe=One-Click"); answer.StatusCode != http.StatusNotFound || strings.Contains(text, "far.test") {
			t.Errorf("%s: %s", broken, answer.Status)
		}
	}
	if got := statusOf(t, service, l); got != lists.Active {
		t.Fatalf("the member is %s before any good POST", got)
	}
	for _, from := range [][]string{nil, {"Origin", "https://webmail.test"}, {"Sec-Fetch-Site", "cross-site"}} {
		answer, text := s.do(s.browser(), "POST", path, "List-Unsubscribe=One-Click", append([]string{"Content-Type", "application/x-www-form-urlencoded"}, from...)...)
		if answer.StatusCode != http.StatusOK || len(answer.Cookies()) > 0 || !strings.Contains(text, "x@far.test gets no more mail of the list dev@example.com.") {
			t.Errorf("%v: %s\n%s", from, answer.Status, text)
		}
	}
	if got := statusOf(t, service, l); got != lists.Unsubscribed {
		t.Errorf("the member is %s", got)
	}
	if _, text := s.do(s.browser(), "GET", path, ""); !strings.Contains(text, "gets no more mail") || strings.Contains(text, "<form") {
		t.Errorf("afterwards:\n%s", text)
	}
}
