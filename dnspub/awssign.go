package dnspub

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// awsKey is an access key of Amazon Web Services.
type awsKey struct {
	id, secret, session string
	region, service     string
}

// sign authenticates a request with Signature Version 4, as Amazon documents
// it ("Signing AWS API requests").
func (k awsKey) sign(r *http.Request, body []byte, now time.Time) {
	stamp := now.UTC().Format("20060102T150405Z")
	day := stamp[:8]
	r.Header.Set("X-Amz-Date", stamp)
	if k.session != "" {
		r.Header.Set("X-Amz-Security-Token", k.session)
	}
	names, headers := awsHeaders(r)
	canonical := strings.Join([]string{r.Method, awsPath(r.URL), awsQuery(r.URL.Query()), headers, names, hexHash(body)}, "\n")
	scope := day + "/" + k.region + "/" + k.service + "/aws4_request"
	toSign := strings.Join([]string{"AWS4-HMAC-SHA256", stamp, scope, hexHash([]byte(canonical))}, "\n")

	mac := []byte("AWS4" + k.secret)
	for _, part := range []string{day, k.region, k.service, "aws4_request", toSign} {
		mac = hmacSHA256(mac, part)
	}
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+k.id+"/"+scope+", SignedHeaders="+names+", Signature="+hex.EncodeToString(mac))
}

// awsHeaders returns the names and the lines of the headers that are signed:
// the host and Amazon's own.
func awsHeaders(r *http.Request) (names, lines string) {
	values := map[string]string{"host": r.URL.Host}
	for name := range r.Header {
		if lower := strings.ToLower(name); strings.HasPrefix(lower, "x-amz-") {
			values[lower] = strings.TrimSpace(r.Header.Get(name))
		}
	}
	var all []string
	for name := range values {
		all = append(all, name)
	}
	slices.Sort(all)
	for _, name := range all {
		lines += name + ":" + values[name] + "\n"
	}
	return strings.Join(all, ";"), lines
}

func awsPath(u *url.URL) string {
	if p := u.EscapedPath(); p != "" {
		return p
	}
	return "/"
}

// awsQuery sorts a query and writes spaces as %20, where Go writes +.
func awsQuery(q url.Values) string {
	return strings.ReplaceAll(q.Encode(), "+", "%20")
}

func hexHash(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func hmacSHA256(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}
