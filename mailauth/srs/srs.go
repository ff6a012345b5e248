// Package srs rewrites the envelope's sender of mail that is forwarded, so that
// SPF passes for who forwards it, and finds the way back: the Sender Rewriting
// Scheme in its common forms.
//
//	SRS0=hash=day=example.org=anna@example.com   of anna@example.org
//	SRS1=hash=example.net==rest@example.com      of SRS0=rest@example.net
//	SRS0=hash=day=token@example.com              of an address that is too long
//
// The hash is keyed, so that nobody makes such addresses but who forwards, and
// holds for 21 days. Letter case does not count in what it covers: servers on
// the way may change it. A local part has at most 64 octets (RFC 5321 section
// 4.5.3.1); for a sender that does not fit, the caller keeps the sender under
// a token.
package srs

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"strings"
	"time"

	"gomail"
)

// Lifetime is how long a rewritten address leads back.
const Lifetime = 21 * 24 * time.Hour

const (
	hashLength  = 6  // letters of base32: 30 bits, tried one RCPT at a time
	tokenLength = 20 // letters of base32: 100 bits
	dayCycle    = 32 * 32
)

var letters = base32.StdEncoding.WithPadding(base32.NoPadding)

// Rewriter rewrites addresses under a secret.
type Rewriter struct {
	Secret []byte
	Clock  func() time.Time // nil: time.Now
}

// Rewritten is the sender of a forwarded message.
type Rewritten struct {
	Address gomail.Address
	// Token is under which the original is to be kept for Lifetime; empty:
	// the address itself holds it.
	Token string
}

// Original is whom a rewritten address leads back to: an address, or what was
// kept under a token.
type Original struct {
	Address gomail.Address
	Token   string
}

// Is reports whether a local part has the form of a rewritten one.
func Is(local string) bool { return hasPrefix(local, "SRS0") || hasPrefix(local, "SRS1") }

// hasPrefix finds "SRS0" and one of the three separators that are in use.
func hasPrefix(local, tag string) bool {
	return len(local) > len(tag) && strings.EqualFold(local[:len(tag)], tag) && strings.IndexByte("=+-", local[len(tag)]) >= 0
}

// Rewrite returns the sender under which a message is forwarded by a domain.
// The null sender stays as it is.
func (r Rewriter) Rewrite(sender gomail.Address, domain string) Rewritten {
	if sender.IsNull() {
		return Rewritten{}
	}
	local := r.local(sender, domain)
	if strings.HasPrefix(sender.Domain, "[") || len(local) > gomail.MaxLocalPart || len(local)+1+len(domain) > gomail.MaxAddress {
		token := r.token(sender)
		return Rewritten{gomail.Address{Local: r.first(token, domain), Domain: domain}, token}
	}
	return Rewritten{Address: gomail.Address{Local: local, Domain: domain}}
}

// local makes the local part that holds a sender.
func (r Rewriter) local(sender gomail.Address, domain string) string {
	switch {
	case hasPrefix(sender.Local, "SRS0"):
		// Forwarded before: the way back leads to who did that first.
		return r.second(sender.Domain+"="+sender.Local[len("SRS0"):], domain)
	case hasPrefix(sender.Local, "SRS1"):
		if _, rest, ok := strings.Cut(sender.Local[len("SRS1="):], "="); ok && strings.Contains(rest, "=") {
			return r.second(rest, domain)
		}
	}
	return r.first(sender.Domain+"="+sender.Local, domain)
}

func (r Rewriter) first(rest, domain string) string {
	rest = r.today() + "=" + rest
	return "SRS0=" + r.hash(rest, domain) + "=" + rest
}

func (r Rewriter) second(rest, domain string) string {
	return "SRS1=" + r.hash(rest, domain) + "=" + rest
}

// Reverse leads a rewritten address back. NotFound when it was not made here,
// or has expired.
func (r Rewriter) Reverse(address gomail.Address) (Original, error) {
	if !Is(address.Local) {
		return Original{}, gomail.Errorf(gomail.NotFound, "%s is no rewritten address", address)
	}
	second := hasPrefix(address.Local, "SRS1")
	hash, rest, ok := strings.Cut(address.Local[len("SRS0="):], "=")
	if !ok || !hmac.Equal([]byte(strings.ToUpper(hash)), []byte(r.hash(rest, address.Domain))) {
		return Original{}, gomail.Errorf(gomail.NotFound, "the address %s was not made here", address)
	}
	if second {
		domain, local, ok := strings.Cut(rest, "=")
		return original("SRS0"+local, domain, ok)
	}
	day, rest, ok := strings.Cut(rest, "=")
	if !ok || !r.holds(day) {
		return Original{}, gomail.Errorf(gomail.NotFound, "the address %s has expired", address)
	}
	domain, local, whole := strings.Cut(rest, "=")
	if !whole {
		return Original{Token: strings.ToUpper(rest)}, nil
	}
	return original(local, domain, true)
}

func original(local, domain string, ok bool) (Original, error) {
	domain, err := gomail.CanonicalDomain(domain)
	if !ok || err != nil || local == "" {
		return Original{}, gomail.Errorf(gomail.NotFound, "the rewritten address leads nowhere")
	}
	return Original{Address: gomail.Address{Local: local, Domain: domain}}, nil
}

// hash covers the domain too: what one domain forwarded does not come back by
// another.
func (r Rewriter) hash(rest, domain string) string {
	return letters.EncodeToString(r.mac("srs", strings.ToLower(domain), strings.ToLower(rest)))[:hashLength]
}

func (r Rewriter) token(sender gomail.Address) string {
	return letters.EncodeToString(r.mac("token", sender.Domain, sender.Local))[:tokenLength]
}

func (r Rewriter) mac(parts ...string) []byte {
	m := hmac.New(sha256.New, r.Secret)
	for _, part := range parts {
		m.Write([]byte(part))
		m.Write([]byte{0})
	}
	return m.Sum(nil)
}

const dayLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"

func (r Rewriter) day() int64 {
	now := time.Now
	if r.Clock != nil {
		now = r.Clock
	}
	return now().Unix() / (24 * 60 * 60)
}

// today is the day in two letters; they come round after 1,024 days.
func (r Rewriter) today() string {
	day := r.day() % dayCycle
	return string([]byte{dayLetters[day>>5], dayLetters[day&31]})
}

// holds reports whether a day is one of the last 21, or tomorrow where clocks
// differ.
func (r Rewriter) holds(text string) bool {
	if len(text) != 2 {
		return false
	}
	text = strings.ToUpper(text)
	high, low := strings.IndexByte(dayLetters, text[0]), strings.IndexByte(dayLetters, text[1])
	if high < 0 || low < 0 {
		return false
	}
	age := (r.day()%dayCycle - int64(high<<5|low) + dayCycle) % dayCycle
	return age <= int64(Lifetime/(24*time.Hour)) || age == dayCycle-1
}
