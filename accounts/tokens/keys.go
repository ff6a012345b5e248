package tokens

import (
	"context"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"gomail"
)

// How the issuer's keys are kept.
const (
	keysLife    = time.Hour        // after which they are asked for again
	keysLonger  = 24 * time.Hour   // so long where the issuer cannot be reached
	keysAtLeast = 30 * time.Second // between two questions, whatever keys tokens name
	mostKeys    = 100
)

// keys are the issuer's, as it published them last.
type keys struct {
	config Config

	turn  chan struct{} // held by whoever asks
	mu    sync.Mutex
	known []jose.JSONWebKey
	got   time.Time // when they came
	asked time.Time // when the issuer was asked last
}

func newKeys(c Config) *keys { return &keys{config: c, turn: make(chan struct{}, 1)} }

// find returns the keys that a token may be signed with: those of the name that
// it gives, or all. Unavailable while none are known.
func (k *keys) find(ctx context.Context, id string) ([]jose.JSONWebKey, error) {
	found, fresh := k.look(id)
	if fresh && len(found) > 0 {
		return found, nil
	}
	err := k.refresh(ctx, id)
	if found, _ = k.look(id); len(found) > 0 || err == nil {
		return found, nil
	}
	return nil, err
}

// look returns the keys of a name, and whether they are recent.
func (k *keys) look(id string) (found []jose.JSONWebKey, fresh bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	age := k.config.Clock().Sub(k.got)
	if k.got.IsZero() || age > keysLonger {
		return nil, false
	}
	for _, key := range k.known {
		if id == "" || key.KeyID == id || key.KeyID == "" {
			found = append(found, key)
		}
	}
	return found, age <= keysLife
}

// refresh asks the issuer, unless somebody just did. One asks at a time.
func (k *keys) refresh(ctx context.Context, id string) error {
	select {
	case k.turn <- struct{}{}:
		defer func() { <-k.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if found, fresh := k.look(id); fresh && len(found) > 0 {
		return nil // another has asked meanwhile
	}
	if !k.mayAsk() {
		return k.nothing()
	}
	known, err := k.fetch(ctx)
	if err != nil {
		return gomail.Errorf(gomail.Unavailable, "the issuer of tokens cannot be asked for its keys: %w", err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.known, k.got = known, k.config.Clock()
	return nil
}

// mayAsk notes a question, if it is time for one.
func (k *keys) mayAsk() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.config.Clock()
	if !k.asked.IsZero() && now.Sub(k.asked) < keysAtLeast {
		return false
	}
	k.asked = now
	return true
}

// nothing is what there is to say while the issuer is not asked: that a key is
// not known, or that none is.
func (k *keys) nothing() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.got.IsZero() || k.config.Clock().Sub(k.got) > keysLonger {
		return gomail.Errorf(gomail.Unavailable, "the issuer of tokens could not be asked for its keys a moment ago")
	}
	return nil
}

// fetch reads the issuer's keys. Those that are for encryption, or no public
// keys, are left out.
func (k *keys) fetch(ctx context.Context) ([]jose.JSONWebKey, error) {
	address := k.config.KeysURL
	if address == "" {
		c, err := discover(ctx, k.config)
		if err != nil {
			return nil, err
		}
		address = c.KeysURL
	}
	var set jose.JSONWebKeySet
	if err := getJSON(ctx, k.config.Client, address, &set); err != nil {
		return nil, err
	}
	var known []jose.JSONWebKey
	for _, key := range set.Keys {
		if key.Use != "enc" && key.Valid() && key.IsPublic() && len(known) < mostKeys {
			known = append(known, key)
		}
	}
	return known, nil
}
