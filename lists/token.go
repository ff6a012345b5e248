package lists

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"strings"

	"gomail"
)

// Purpose is what a token is for: one for bounces unsubscribes nobody.
type Purpose string

// The purposes.
const (
	ForBounce      Purpose = "bounce"
	ForUnsubscribe Purpose = "unsubscribe"
)

// A token is a member's number and a keyed check over it, the list and the
// purpose. It does not expire: people unsubscribe by messages of years ago.
const (
	numberSize  = 4
	checkSize   = 8
	tokenLength = 20 // letters of base32
)

// letters stand in addresses, where case gets lost.
var letters = base32.HexEncoding.WithPadding(base32.NoPadding)

// Tokens makes and reads tokens with a secret of this server.
type Tokens struct{ Secret []byte }

// Make returns the token of a member of a list: 20 letters and digits.
func (t Tokens) Make(p Purpose, list, member int64) string {
	number := binary.BigEndian.AppendUint32(nil, uint32(member))
	h := hmac.New(sha256.New, t.Secret)
	h.Write([]byte(p))
	h.Write(binary.BigEndian.AppendUint64([]byte{0}, uint64(list)))
	h.Write(number)
	return strings.ToLower(letters.EncodeToString(append(number, h.Sum(nil)[:checkSize]...)))
}

// Read returns the member whose token it is. NotFound when it was not made
// here for this list and purpose.
func (t Tokens) Read(p Purpose, list int64, token string) (member int64, err error) {
	raw, err := letters.DecodeString(strings.ToUpper(token))
	if err == nil && len(raw) == numberSize+checkSize {
		member = int64(binary.BigEndian.Uint32(raw))
		if hmac.Equal([]byte(strings.ToLower(token)), []byte(t.Make(p, list, member))) {
			return member, nil
		}
	}
	return 0, gomail.Errorf(gomail.NotFound, "the address or link was not made here")
}
