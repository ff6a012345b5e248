package main

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"gomail/dnsplan"
	"gomail/internal/config"
)

// notes are settings that nobody else changes.
type notes map[string]string

func (n notes) Setting(_ context.Context, key string) (string, error) { return n[key], nil }

func (n notes) SetSetting(_ context.Context, key, value string) error {
	n[key] = value
	return nil
}

// The plan of every domain follows the mail host's zone only when two looks
// agree, and one that was signed counts as such until nobody has seen it so for
// a while.
func TestSignaturesThatComeAndGo(t *testing.T) {
	const signed, unsigned, unknown = dnsplan.DNSSECSigned, dnsplan.DNSSECUnsigned, dnsplan.DNSSECUnknown
	type sight struct {
		after time.Duration
		dnsplan.DNSSEC
	}
	for _, test := range []struct {
		name    string
		known   dnsplan.DNSSEC
		sights  []sight
		want    dnsplan.DNSSEC
		changes int
	}{
		{"the first look counts", "", []sight{{0, unsigned}}, unsigned, 1},
		{"signed once", unsigned, []sight{{time.Minute, signed}, {time.Minute, unsigned}, {time.Minute, signed}}, unsigned, 0},
		{"signed twice", unsigned, []sight{{time.Minute, signed}, {time.Minute, signed}}, signed, 1},
		{"signed twice, between silence", unsigned, []sight{{time.Minute, signed}, {time.Minute, unknown}, {time.Minute, signed}}, signed, 1},
		{"unsigned for a moment", signed, []sight{{time.Minute, unsigned}, {time.Minute, unsigned}, {time.Minute, unsigned}, {time.Minute, signed}}, signed, 0},
		{"unsigned to one server above", signed, []sight{{time.Hour, unsigned}, {time.Hour, signed}, {time.Hour, unsigned}, {time.Hour, signed}, {time.Hour, unsigned}}, signed, 0},
		{"unsigned for good", signed, []sight{{time.Minute, unsigned}, {dnssecLife, unsigned}}, unsigned, 1},
		{"unsigned, looked at each hour", signed, []sight{{time.Hour, unsigned}, {time.Hour, unsigned}}, unsigned, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store, changes := notes{dnssecSetting: string(test.known)}, 0
				var now dnsplan.DNSSEC
				s := &serverSettings{
					config: config.Config{Server: config.Server{Hostname: "mail.example.com"}}, store: store,
					look: func(context.Context, string) dnsplan.DNSSEC { return now },
					told: func() { changes++ },
				}
				for _, seen := range test.sights {
					time.Sleep(seen.after)
					now = seen.DNSSEC
					if err := s.refresh(t.Context()); err != nil {
						t.Fatal(err)
					}
					if err := s.noticed(t.Context(), "example.com", now); err != nil {
						t.Fatal(err)
					}
					s.looked = time.Time{} // as if the next were due
				}
				if got := store[dnssecSetting]; got != string(test.want) || changes != test.changes {
					t.Errorf("the zone is %s after %d changes, want %s after %d", got, changes, test.want, test.changes)
				}
			})
		})
	}
}
