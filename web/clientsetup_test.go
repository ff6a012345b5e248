package web

import (
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"image/png"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	qr "github.com/piglig/go-qr"

	"gomail"
)

// at asks the site under a host name.
func (s *site) at(host, method, path, body string) (*http.Response, string) {
	s.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Host = host
	w := httptest.NewRecorder()
	s.server.ServeHTTP(w, r)
	return w.Result(), w.Body.String()
}

func TestThunderbirdAsks(t *testing.T) {
	s := newSite(t)
	for _, test := range []struct {
		host, path string
		status     int
	}{
		{"autoconfig.example.com", "/mail/config-v1.1.xml?emailaddress=anna%40example.com", 200},
		{"autoconfig.example.com", "/mail/config-v1.1.xml", 200},
		{"example.com", "/.well-known/autoconfig/mail/config-v1.1.xml?emailaddress=nobody%40example.com", 200}, // who exists is not told
		{"mail.example.com", "/.well-known/autoconfig/mail/config-v1.1.xml?emailaddress=anna%40EXAMPLE.com", 200},
		{"autoconfig.example.org", "/mail/config-v1.1.xml", 404},
		{"mail.example.com", "/mail/config-v1.1.xml", 404},
		{"autoconfig.example.com", "/mail/config-v1.1.xml?emailaddress=anna%40example.org", 404},
		{"autoconfig.example.com", "/mail/config-v1.1.xml?emailaddress=%00%3Cscript", 404},
		{"autoconfig.example.com", "/mail/config-v1.1.xml?emailaddress=" + strings.Repeat("a", 3000) + "%40example.com", 404},
	} {
		answer, text := s.at(test.host, "GET", test.path, "")
		if answer.StatusCode != test.status {
			t.Errorf("%s%.80s: %s", test.host, test.path, answer.Status)
		}
		if ok := strings.Contains(text, "<hostname>mail.example.com</hostname>") && strings.Contains(text, "<port>993</port>") && strings.HasPrefix(answer.Header.Get("Content-Type"), "text/xml"); ok != (test.status == 200) {
			t.Errorf("%s%.80s: %s", test.host, test.path, text)
		}
	}
	d, err := s.server.config.API.Domains.Get(t.Context(), "example.com")
	if err != nil {
		t.Fatal(err)
	}
	d.Settings.Parked = true
	if err := s.server.config.API.Domains.Update(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	if answer, _ := s.at("autoconfig.example.com", "GET", "/mail/config-v1.1.xml", ""); answer.StatusCode != 404 {
		t.Errorf("a parked domain: %s", answer.Status)
	}
}

func TestOutlookAsks(t *testing.T) {
	s := newSite(t)
	ask := func(address, schema string) string {
		return `<?xml version="1.0" encoding="utf-8"?><Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006"><Request><EMailAddress>` + address +
			`</EMailAddress><AcceptableResponseSchema>http://schemas.microsoft.com/exchange/autodiscover/` + schema + `</AcceptableResponseSchema></Request></Autodiscover>`
	}
	const outlook = "outlook/responseschema/2006a"
	for _, test := range []struct {
		path, body string
		status     int
		says       string
	}{
		{"/autodiscover/autodiscover.xml", ask("anna@example.com", outlook), 200, "<LoginName>anna@example.com</LoginName>"},
		{"/Autodiscover/Autodiscover.xml", ask("anna@example.com", outlook), 200, "<Port>993</Port>"},
		{"/AUTODISCOVER/autodiscover.XML", ask("nobody@example.com", outlook), 200, "<Type>SMTP</Type>"},
		{"/autodiscover/autodiscover.xml", ask("anna@example.org", outlook), 200, "<ErrorCode>500</ErrorCode>"},
		{"/autodiscover/autodiscover.xml", ask("anna", outlook), 200, "<ErrorCode>500</ErrorCode>"},
		{"/autodiscover/autodiscover.xml", ask("anna@example.com", "mobilesync/responseschema/2006"), 200, "<ErrorCode>601</ErrorCode>"},
		{"/autodiscover/autodiscover.xml", "<x", 400, "<ErrorCode>600</ErrorCode>"},
		{"/autodiscover/autodiscover.xml", `<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>` + ask("&x;", outlook), 400, "document type"},
		{"/autodiscover/autodiscover.xml", strings.Repeat("<a>", 1<<20), 413, "<ErrorCode>600</ErrorCode>"},
	} {
		answer, text := s.at("autodiscover.example.com", "POST", test.path, test.body)
		if answer.StatusCode != test.status || !strings.Contains(text, test.says) {
			t.Errorf("%s %.60s: %s\n%.300s", test.path, test.body, answer.Status, text)
		}
	}
	if answer, _ := s.at("autodiscover.example.com", "GET", "/Autodiscover/Autodiscover.xml", ""); answer.StatusCode != 405 || answer.Header.Get("Allow") != "POST" {
		t.Errorf("GET: %s", answer.Status)
	}
	for path, says := range map[string]string{
		"/autodiscover/autodiscover.json?Email=anna%40example.com&Protocol=Autodiscoverv1&RedirectCount=1": "https://mail.example.com/autodiscover/autodiscover.xml",
		"/autodiscover/autodiscover.json/v1.0/anna@example.com?Protocol=AutodiscoverV1":                    "https://mail.example.com/autodiscover/autodiscover.xml",
		"/Autodiscover/Autodiscover.json?email=anna%40example.com&protocol=ActiveSync":                     "InvalidProtocol",
	} {
		answer, text := s.at("autodiscover.example.com", "GET", path, "")
		var got map[string]string
		if err := json.Unmarshal([]byte(text), &got); err != nil || !strings.Contains(text, says) || (answer.StatusCode == 200) != (got["Url"] != "") {
			t.Errorf("%s: %s %s", path, answer.Status, text)
		}
	}
	if answer, _ := s.at("autodiscover.example.com", "GET", "/autodiscover/autodiscover.json?Email=a%40example.org&Protocol=Autodiscoverv1", ""); answer.StatusCode != 404 {
		t.Errorf("another domain: %s", answer.Status)
	}
}

// The page leads a phone to the profile, which holds no password and is signed.
func TestPhone(t *testing.T) {
	s := newSite(t)
	s.server.config.PublicURL = "https://mail.example.org:8443"
	if _, text := s.do(s.admin(), "GET", "/admin/device?address=anna%40example.com", ""); !strings.Contains(text, "https://mail.example.org:8443"+profilePath) {
		t.Errorf("behind a proxy the link is not the proxy's:\n%s", text)
	}
	s.server.config.PublicURL = ""
	if answer, _ := s.do(s.browser(), "GET", "/admin/device", ""); answer.StatusCode != http.StatusSeeOther {
		t.Errorf("a stranger gets %s", answer.Status)
	}
	c := s.admin()
	answer, text := s.do(c, "GET", "/admin/device?address=anna%40example.com", "")
	_, code, _ := strings.Cut(text, `src="data:image/png;base64,`)
	code, _, _ = strings.Cut(code, `"`)
	picture, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(code, "&#43;", "+"))
	if err != nil || answer.StatusCode != 200 {
		t.Fatalf("%s %v\n%s", answer.Status, err, text)
	}
	img, err := png.Decode(bytes.NewReader(picture))
	if err != nil {
		t.Fatal(err)
	}
	link, err := qr.Decode(img)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(link)
	if err != nil || u.Scheme != "https" || u.Host != "mail.example.com" {
		t.Fatalf("the code leads to %s", link)
	}
	answer, profile := s.at(u.Host, "GET", u.RequestURI(), "")
	if answer.Header.Get("Content-Type") != "application/x-apple-aspen-config" || !strings.Contains(profile, "<string>anna@example.com</string>") || strings.Contains(profile, password) {
		t.Errorf("%s\n%s", answer.Status, profile)
	}
	if strings.HasPrefix(profile, "0") {
		t.Error("it is signed without a certificate")
	}
	own := s.http.TLS.Certificates[0]
	leaf := *s.http.Certificate()
	leaf.RawIssuer = []byte("0\x00") // an authority's
	own.Leaf = &leaf
	s.server.config.Certificate = func() *tls.Certificate { return &own }
	if _, signed := s.at(u.Host, "GET", u.RequestURI(), ""); !strings.HasPrefix(signed, "0") || !strings.Contains(signed, "<string>anna@example.com</string>") {
		t.Errorf("it is not signed: %.40q", signed)
	}
	for path, status := range map[string]int{"/admin/device": 200, "/admin/device?address=a%40example.org": 404, "/admin/device?address=%3Cscript%3E": 404} {
		if answer, text := s.do(c, "GET", path, ""); answer.StatusCode != status || strings.Contains(text, "<script>") {
			t.Errorf("%s: %s", path, answer.Status)
		}
	}
	if answer, _ := s.at("mail.example.com", "GET", profilePath+"?address=a%40example.org", ""); answer.StatusCode != 404 {
		t.Errorf("another domain's profile: %s", answer.Status)
	}
}

// Plain HTTP leads programs on to HTTPS, for hosted domains alone.
func TestPlainSetup(t *testing.T) {
	s := newSite(t)
	for host, want := range map[string]string{
		"autodiscover.example.com": "https://autodiscover.example.com/autodiscover/autodiscover.xml",
		"autoconfig.example.com":   "https://autoconfig.example.com/autodiscover/autodiscover.xml",
		"autodiscover.example.org": "",
		"evil.example.com":         "",
	} {
		r := httptest.NewRequest("GET", "/autodiscover/autodiscover.xml", nil)
		r.Host = host
		w := httptest.NewRecorder()
		s.server.Redirect(443).ServeHTTP(w, r)
		if got := w.Header().Get("Location"); got != want || (w.Code == http.StatusFound) != (want != "") {
			t.Errorf("%s leads to %q (%d)", host, got, w.Code)
		}
	}
	if _, err := s.server.setupSettings(t.Context(), "example.org"); gomail.KindOf(err) != gomail.NotFound {
		t.Errorf("another domain's settings: %v", err)
	}
}
