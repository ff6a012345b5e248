package dnspub

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"gomail"
	"gomail/dnsplan"
)

// Bounds of a conversation over HTTP.
const (
	maxReply    = 8 << 20          // octets of a reply
	maxWords    = 300              // octets of a provider's message that are shown
	maxTries    = 4                // of one request
	firstPause  = time.Second      // before the second try; it doubles
	longestWait = 2 * time.Minute  // that a provider may ask for
	requestTime = 30 * time.Second // that one try may take
	maxPages    = 1000             // of one list
)

// api talks to a provider over HTTP: it authenticates, tries again where that
// is safe, and turns replies into errors with kinds.
type api struct {
	info    dnsplan.ProviderInfo
	base    string
	client  *http.Client
	options Options
	secrets []string

	// sign authenticates a request with its body.
	sign func(r *http.Request, body []byte)

	// words finds the provider's own explanation in a reply; throttled
	// reports that it came too soon, where the status does not say so.
	words     func(body []byte) string
	throttled func(body []byte) bool
}

// newAPI returns an api. base is used where the options name none.
func newAPI(info dnsplan.ProviderInfo, credentials map[string]string, o Options, base string) *api {
	if o.BaseURL != "" {
		base = o.BaseURL
	}
	return &api{
		info: info, base: strings.TrimSuffix(base, "/"), options: o, secrets: secretsOf(info, credentials),
		// A redirect would carry the credentials elsewhere.
		client: &http.Client{Transport: o.HTTP, Timeout: requestTime, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
		words:  func([]byte) string { return "" }, throttled: func([]byte) bool { return false },
	}
}

// request is what is asked.
type request struct {
	method, path string
	query        url.Values
	body         []byte
	kind         string // of the body; empty: JSON
	subject      string // what a 404 is about: "the zone example.com"
}

// reply is what was answered, with a status below 300.
type reply struct {
	header http.Header
	body   []byte
}

// json asks and reads the reply into out, which may be nil.
func (a *api) json(ctx context.Context, r request, in, out any) (http.Header, error) {
	if in != nil {
		body, err := json.Marshal(in)
		if err != nil {
			return nil, fmt.Errorf("write a request to %s: %w", a.info.Title, err)
		}
		r.body = body
	}
	got, err := a.do(ctx, r)
	if err != nil || out == nil || len(bytes.TrimSpace(got.body)) == 0 {
		return got.header, err
	}
	if err := json.Unmarshal(got.body, out); err != nil {
		return got.header, gomail.Errorf(gomail.Unavailable, "%s answered with something that is not what it documents: it is tried again later", a.info.Title)
	}
	return got.header, nil
}

// do asks, and asks again after a pause where the provider is busy. A request
// that may have been carried out is repeated only when it reads.
func (a *api) do(ctx context.Context, r request) (reply, error) {
	pause := firstPause
	for try := 1; ; try++ {
		got, again, err := a.once(ctx, r)
		if err == nil || again < 0 || try == maxTries {
			return got, err
		}
		if again == 0 {
			again = pause
		}
		if deadline, ok := ctx.Deadline(); again > longestWait || ok && a.options.Clock().Add(again).After(deadline) {
			return got, err
		}
		if a.options.Wait(ctx, again) != nil {
			return got, err
		}
		pause *= 2
	}
}

// once asks once. again is how long to wait before the next try: 0 is for the
// caller to say, and less means that there is to be none.
func (a *api) once(ctx context.Context, r request) (got reply, again time.Duration, err error) {
	req, err := a.build(ctx, r)
	if err != nil {
		return reply{}, -1, err
	}
	safe := time.Duration(-1)
	if r.method == http.MethodGet {
		safe = 0
	}
	resp, err := a.client.Do(req)
	if err != nil {
		return reply{}, safe, a.unreachable(ctx, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxReply+1))
	switch {
	case err != nil:
		return reply{}, safe, a.unreachable(ctx, err)
	case len(body) > maxReply:
		return reply{}, -1, gomail.Errorf(gomail.TooLarge, "%s answered with more than %d MiB, which is refused", a.info.Title, maxReply>>20)
	case resp.StatusCode < 300 && !a.throttled(body):
		return reply{resp.Header, body}, -1, nil
	}
	err = a.failure(r, resp.StatusCode, body)
	switch {
	case resp.StatusCode == http.StatusTooManyRequests || a.throttled(body):
		return reply{}, retryAfter(resp.Header, a.options.Clock()), err
	case resp.StatusCode >= 500 && resp.Header.Get("Retry-After") != "":
		return reply{}, retryAfter(resp.Header, a.options.Clock()), err
	case resp.StatusCode >= 500:
		return reply{}, safe, err
	}
	return reply{}, -1, err
}

func (a *api) build(ctx context.Context, r request) (*http.Request, error) {
	target := a.base + r.path
	if len(r.query) > 0 {
		target += "?" + r.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, r.method, target, bytes.NewReader(r.body))
	if err != nil {
		return nil, gomail.Errorf(gomail.Invalid, "the address of %s is not one", a.info.Title)
	}
	if r.body != nil {
		req.Header.Set("Content-Type", "application/json")
		if r.kind != "" {
			req.Header.Set("Content-Type", r.kind)
		}
	}
	req.Header.Set("User-Agent", "GoMail")
	a.sign(req, r.body)
	return req, nil
}

// unreachable is the error for a provider that does not answer. The address,
// which may hold credentials, is left out.
func (a *api) unreachable(ctx context.Context, err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	return &gomail.Error{Kind: gomail.Unavailable, Err: fmt.Errorf("%s cannot be reached: %w", a.info.Title, hidden{err, a.hide(err.Error())})}
}

// hidden is an error whose text was cleaned of secrets.
type hidden struct {
	error
	text string
}

func (h hidden) Error() string { return h.text }
func (h hidden) Unwrap() error { return h.error }

// failure is the error for a reply that is none.
func (a *api) failure(r request, status int, body []byte) error {
	words := a.hide(a.words(body))
	if words != "" {
		words = " It says: " + words
	}
	kind, sentence := gomail.Unavailable, fmt.Sprintf("%s could not do it now (status %d).", a.info.Title, status)
	switch {
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		kind, sentence = gomail.Forbidden, a.mayNot(r)
	case status == http.StatusNotFound && r.subject != "":
		kind, sentence = gomail.NotFound, fmt.Sprintf("%s does not have %s, or the credentials do not reach it.", a.info.Title, r.subject)
	case status == http.StatusTooManyRequests || a.throttled(body):
		sentence = a.info.Title + " wants fewer requests: it is tried again later."
	case status >= 400 && status < 500 && status != http.StatusRequestTimeout && status != http.StatusConflict:
		kind, sentence = gomail.Invalid, fmt.Sprintf("%s refuses it (status %d).", a.info.Title, status)
	}
	return gomail.Errorf(kind, "%s%s", sentence, words)
}

// mayNot says that the credentials are not enough, and which would be.
func (a *api) mayNot(r request) string {
	does := "change it"
	if r.method == http.MethodGet {
		does = "read it"
	}
	about := r.subject
	if about == "" {
		about = "this"
	}
	return fmt.Sprintf("The credentials for %s are wrong or may not reach %s to %s: make others. %s", a.info.Title, about, does, a.info.Scope)
}

// hide shortens a provider's words to a line and takes secrets out of it: some
// repeat what they were sent.
func (a *api) hide(s string) string { return hide(s, a.secrets) }

func hide(s string, secrets []string) string {
	for _, secret := range secrets {
		s = strings.ReplaceAll(s, secret, "…")
		s = strings.ReplaceAll(s, url.QueryEscape(secret), "…")
	}
	s = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(s, "?"), func(c rune) bool { return c <= ' ' || c == 0x7f }), " ")
	if len(s) > maxWords {
		s = strings.ToValidUTF8(s[:maxWords], "") + "…"
	}
	return s
}

// retryAfter reads how long to wait, RFC 9110 section 10.2.3; 0: it does not
// say.
func retryAfter(h http.Header, now time.Time) time.Duration {
	text := h.Get("Retry-After")
	if seconds, err := strconv.Atoi(text); err == nil && seconds >= 0 {
		return min(time.Duration(min(seconds, 1<<20))*time.Second, 2*longestWait)
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(at.Sub(now), 0)
	}
	return 0
}

// page is how many records to ask for at once.
func (o Options) page(most int) int {
	if o.Page > 0 {
		return min(o.Page, most)
	}
	return most
}

// longest returns the longest of the zones that a name lies in; empty: none.
func longest(name string, zones []string) string {
	slices.SortFunc(zones, func(a, b string) int { return len(b) - len(a) })
	for _, z := range zones {
		if within(name, canonicalName(z)) {
			return canonicalName(z)
		}
	}
	return ""
}
