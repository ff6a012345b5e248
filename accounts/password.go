package accounts

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"golang.org/x/crypto/argon2"

	"gomail"
)

// Cost is what one password check takes, RFC 9106 section 3.1.
type Cost struct {
	MemoryKiB uint32
	Passes    uint32
}

// DefaultCost is 64 MiB and 3 passes.
var DefaultCost = Cost{MemoryKiB: 64 << 10, Passes: 3}

const (
	saltSize = 16
	hashSize = 32
)

// Lengths of a password, in octets.
const (
	MinPassword = 8
	MaxPassword = 1024
)

// hasher hashes passwords, a few at a time: a flood of sign-ins must not take
// the machine's memory.
type hasher struct {
	cost  Cost
	line  *line
	dummy string      // stands in for the hash of an unknown account
	tidy  *time.Timer // gives memory back when nobody has signed in for a moment
}

// tidyAfter is how long after the last check its memory is given back. Left to
// itself the runtime would keep the tens of megabytes of each for minutes.
const tidyAfter = 500 * time.Millisecond

func newHasher(cost Cost, parallel, perNetwork int) *hasher {
	h := &hasher{cost: cost, line: newLine(parallel, perNetwork)}
	salt := make([]byte, saltSize)
	rand.Read(salt)
	h.dummy = encodeHash(cost, salt, make([]byte, hashSize))
	h.tidy = time.AfterFunc(tidyAfter, debug.FreeOSMemory)
	return h
}

// hash returns a password's hash in the PHC string format.
func (h *hasher) hash(ctx context.Context, password string) (string, error) {
	if len(password) < MinPassword || len(password) > MaxPassword {
		return "", gomail.Errorf(gomail.Invalid, "the password needs %d to %d characters", MinPassword, MaxPassword)
	}
	salt := make([]byte, saltSize)
	rand.Read(salt)
	if err := h.line.enter(ctx, first); err != nil {
		return "", err
	}
	defer h.release()
	return encodeHash(h.cost, salt, argon2.IDKey([]byte(password), salt, h.cost.Passes, h.cost.MemoryKiB, 1, hashSize)), nil
}

// verify reports whether the password has the hash. An empty hash is that of
// an unknown account: the work is done all the same and the answer is no.
func (h *hasher) verify(ctx context.Context, r rank, password, encoded string) (bool, error) {
	known := encoded != ""
	if !known {
		encoded = h.dummy
	}
	cost, salt, want, err := decodeHash(encoded)
	if err != nil {
		return false, err
	}
	if err := h.line.enter(ctx, r); err != nil {
		return false, err
	}
	defer h.release()
	got := argon2.IDKey([]byte(password), salt, cost.Passes, cost.MemoryKiB, 1, uint32(len(want)))
	return subtle.ConstantTimeCompare(got, want) == 1 && known, nil
}

func (h *hasher) release() {
	runtime.GC() // or the next checks would pile up their memory on that of the last
	h.line.leave()
	h.tidy.Reset(tidyAfter)
}

func encodeHash(c Cost, salt, hash []byte) string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=1$%s$%s", argon2.Version, c.MemoryKiB, c.Passes, b64.EncodeToString(salt), b64.EncodeToString(hash))
}

func decodeHash(encoded string) (c Cost, salt, hash []byte, err error) {
	parts := strings.Split(encoded, "$")
	if len(parts) != 6 || parts[1] != "argon2id" {
		return c, nil, nil, gomail.Errorf(gomail.Corrupt, "the stored password is damaged: set a new one")
	}
	if _, err = fmt.Sscanf(parts[3], "m=%d,t=%d,p=1", &c.MemoryKiB, &c.Passes); err == nil {
		salt, err = base64.RawStdEncoding.DecodeString(parts[4])
	}
	if err == nil {
		hash, err = base64.RawStdEncoding.DecodeString(parts[5])
	}
	if err != nil || c.MemoryKiB > 1<<20 || c.Passes == 0 || c.Passes > 100 || len(hash) == 0 {
		return c, nil, nil, gomail.Errorf(gomail.Corrupt, "the stored password is damaged: set a new one")
	}
	return c, salt, hash, nil
}
