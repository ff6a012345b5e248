package storetest

import (
	"bytes"
	"context"
	"reflect"
	"time"

	"gomail"
	"gomail/dnsplan"
)

// publishing is what the writer of DNS asks of an engine; dnspub.Store, which
// an edge may not name.
type publishing interface {
	AddConnection(ctx context.Context, c dnsplan.Connection, sealed []byte) error
	Connections(ctx context.Context) ([]dnsplan.Connection, error)
	Connection(ctx context.Context, name string) (dnsplan.Connection, []byte, error)
	SetConnectionTested(ctx context.Context, name string, at time.Time) error
	RemoveConnection(ctx context.Context, name string) error
	AddPublication(ctx context.Context, p dnsplan.Publication) (int64, error)
	UpdatePublication(ctx context.Context, p dnsplan.Publication) error
	Publications(ctx context.Context, domain string) ([]dnsplan.Publication, error)
}

func testPublishing(f *fixture) {
	s, ok := f.store.(publishing)
	if !ok {
		f.Fatal("the engine does not keep connections and publications")
	}
	f.connections(s)
	f.publications(s)
}

func (f *fixture) connections(s publishing) {
	one := dnsplan.Connection{Name: "one", Provider: "desec", Created: time.Unix(1, 0).UTC()}
	two := dnsplan.Connection{Name: "a.two", Provider: "cloudflare", Created: time.Unix(2, 0).UTC(), Tested: time.Unix(3, 0).UTC()}
	f.ok(s.AddConnection(f.ctx, one, []byte{1, 2}))
	f.ok(s.AddConnection(f.ctx, two, []byte{0}))
	f.kind(s.AddConnection(f.ctx, one, []byte{9}), gomail.Exists)
	all, err := s.Connections(f.ctx)
	f.ok(err)
	if !reflect.DeepEqual(all, []dnsplan.Connection{two, one}) {
		f.Errorf("the connections are %+v", all)
	}
	f.ok(s.SetConnectionTested(f.ctx, "one", time.Unix(4, 0)))
	one.Tested = time.Unix(4, 0).UTC()
	got, sealed, err := s.Connection(f.ctx, "one")
	f.ok(err)
	if got != one || !bytes.Equal(sealed, []byte{1, 2}) {
		f.Errorf("found %+v with %v", got, sealed)
	}
	f.ok(s.RemoveConnection(f.ctx, "one"))
	_, _, err = s.Connection(f.ctx, "one")
	f.kind(err, gomail.NotFound)
	f.kind(s.SetConnectionTested(f.ctx, "one", time.Unix(4, 0)), gomail.NotFound)
	f.kind(s.RemoveConnection(f.ctx, "one"), gomail.NotFound)
	f.ok(s.RemoveConnection(f.ctx, "a.two"))
}

func (f *fixture) publications(s publishing) {
	pub := dnsplan.Publication{
		Domain: "example.com", Zone: "example.com", Connection: "one", At: time.Unix(5, 0).UTC(), Actor: "anna@example.com", Kind: "publish",
		Results: []dnsplan.Result{{
			Change:  dnsplan.Change{Name: "example.com", Type: "TXT", TTL: 60, After: []dnsplan.Value{{Text: "\"quoted\" \\ ;"}, {Text: "no text: \x80\xff\x00"}, {Text: "\x00base64:"}}, Action: dnsplan.Create},
			Outcome: dnsplan.Failed, Error: "interrupted",
		}},
	}
	first, err := s.AddPublication(f.ctx, pub)
	f.ok(err)
	second, err := s.AddPublication(f.ctx, pub)
	f.ok(err)
	if second <= first {
		f.Errorf("the identity %d does not follow %d", second, first)
	}
	pub.ID, pub.Undone = second, time.Unix(6, 0).UTC()
	pub.Results[0].Outcome, pub.Results[0].Error = dnsplan.Done, ""
	f.ok(s.UpdatePublication(f.ctx, pub))
	all, err := s.Publications(f.ctx, "example.com")
	f.ok(err)
	if len(all) != 2 || !reflect.DeepEqual(all[0], pub) || all[1].ID != first || all[1].Results[0].Outcome != dnsplan.Failed || !all[1].Undone.IsZero() {
		f.Errorf("the journal holds %+v", all)
	}
	other := pub
	other.ID, other.Domain = second+1, "example.com"
	f.kind(s.UpdatePublication(f.ctx, other), gomail.NotFound)
	if none, err := s.Publications(f.ctx, "example.org"); err != nil || len(none) > 0 {
		f.Errorf("another domain's journal holds %v, %v", none, err)
	}
	for range 210 {
		_, err = s.AddPublication(f.ctx, pub)
		f.ok(err)
	}
	if all, err = s.Publications(f.ctx, "example.com"); err != nil || len(all) != 200 || all[199].ID <= second {
		f.Errorf("the journal holds %d publications, %v", len(all), err)
	}
}
