package bounces

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"slices"
	"time"

	"gomail"
)

// A token is the day, tags of recipients, and a keyed check over the account,
// the message's name and the rest. Tags that no recipient needs are random, so
// that nobody can see how many there are.
const (
	tagSize   = 3
	maxTags   = 8 // recipients of one domain that one token vouches for
	macSize   = 10
	headSize  = 2 + maxTags*tagSize
	tokenSize = headSize + macSize
)

// tokenLife is for how long what we sent may come back: five days in our
// queue, as many in another one, and some.
const tokenLife = 14 // days

// Tokens makes and checks tokens with a secret of this server.
type Tokens struct {
	Secret []byte
	Clock  func() time.Time
}

// Trace returns the name under which a message is in our Received field: the
// name in logs and a token that vouches for the account and the recipients. It
// is an atom (RFC 5322 section 3.2.3) of 65 octets. For the same recipients it
// is another one each time.
func (t Tokens) Trace(account gomail.AccountID, id string, recipients []gomail.Address) string {
	head := make([]byte, headSize, tokenSize)
	rand.Read(head)
	binary.BigEndian.PutUint16(head, t.day())
	for i, place := range shuffled()[:min(len(recipients), maxTags)] {
		copy(head[2+place*tagSize:], t.tag(id, recipients[i]))
	}
	return id + "-" + base64.RawURLEncoding.EncodeToString(append(head, t.mac(account, id, head)...))
}

// shuffled returns the tags' places in any order.
func shuffled() []int {
	var random [maxTags]byte
	rand.Read(random[:])
	places := make([]int, maxTags)
	for i := range places {
		places[i] = i
	}
	slices.SortFunc(places, func(a, b int) int { return int(random[a]) - int(random[b]) })
	return places
}

func (t Tokens) day() uint16 { return uint16(t.Clock().Unix() / 86400) }

// tag names a recipient to us alone.
func (t Tokens) tag(id string, to gomail.Address) []byte {
	return t.sum(tagSize, "rcpt", id, to.Canonical().String())
}

func (t Tokens) mac(account gomail.AccountID, id string, head []byte) []byte {
	return t.sum(macSize, "token", string(binary.BigEndian.AppendUint64(nil, uint64(account)))+id, string(head))
}

// sum is a keyed hash of some texts, of which the second and third have a form
// that shows where they end.
func (t Tokens) sum(size int, purpose, id, text string) []byte {
	h := hmac.New(sha256.New, t.Secret)
	h.Write([]byte(purpose + "\x00" + id + "\x00" + text))
	return h.Sum(nil)[:size]
}

// maxTokens is how many tokens of a text are looked at.
const maxTokens = 10

// token is one that was found in a text. Nothing is known of its origin until
// it was proved.
type token struct {
	id   string
	head []byte
	mac  []byte
}

// Lengths of a token's two halves in a text, around the hyphen.
const (
	idLength    = 16
	proofLength = tokenSize / 3 * 4
)

// findTokens returns what has the form of a token, wherever it stands.
func findTokens(text []byte) (all []token) {
	for at := 0; len(all) < maxTokens; at++ {
		next := bytes.IndexByte(text[at:], '-')
		if next < 0 {
			break
		}
		at += next
		if at < idLength || at+1+proofLength > len(text) {
			continue
		}
		id, proof := text[at-idLength:at], text[at+1:at+1+proofLength]
		if bytes.ContainsFunc(id, func(r rune) bool { return (r < '0' || r > '9') && (r < 'a' || r > 'v') }) {
			continue
		}
		var raw [tokenSize]byte
		if _, err := base64.RawURLEncoding.Decode(raw[:], proof); err == nil {
			all = append(all, token{string(id), raw[:headSize], raw[headSize:]})
		}
	}
	return all
}

// proves reports whether the account sent a message with this token, not too
// long ago.
func (t Tokens) proves(x token, account gomail.AccountID) bool {
	age := t.day() - binary.BigEndian.Uint16(x.head) // wraps, so that the future is far off
	return age <= tokenLife && hmac.Equal(x.mac, t.mac(account, x.id, x.head))
}

// has reports whether the message of a proven token went to a recipient.
func (t Tokens) has(x token, to gomail.Address) bool {
	tag := t.tag(x.id, to)
	for tags := range slices.Chunk(x.head[2:], tagSize) {
		if hmac.Equal(tags, tag) {
			return true
		}
	}
	return false
}
