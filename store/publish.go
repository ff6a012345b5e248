package store

import (
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"gomail"
	"gomail/dnsplan"
)

// mostPublications is how many publications of a domain the journal keeps.
const mostPublications = 200

// AddConnection keeps a connection to a DNS provider.
func (s *Store) AddConnection(ctx context.Context, c dnsplan.Connection, sealed []byte) error {
	return s.update(ctx, func(t *tx) error {
		if known, err := t.int64("SELECT COUNT(*) FROM dns_connection WHERE name = ?", c.Name); err != nil || known > 0 {
			return cmpErr(err, gomail.Errorf(gomail.Exists, "there is a connection called %s already", c.Name))
		}
		_, err := t.write("INSERT INTO dns_connection (name, provider, credentials_sealed, created, tested) VALUES (?, ?, ?, ?, ?)",
			c.Name, c.Provider, sealed, toMicro(c.Created), toMicro(c.Tested))
		return err
	})
}

// Connections returns all connections in the order of their names.
func (s *Store) Connections(ctx context.Context) (all []dnsplan.Connection, err error) {
	err = s.read(ctx, func(c *conn) error {
		return c.query(func(rows *sql.Rows) error {
			var one dnsplan.Connection
			var created, tested int64
			err := rows.Scan(&one.Name, &one.Provider, &created, &tested)
			one.Created, one.Tested = timeOrZero(created), timeOrZero(tested)
			all = append(all, one)
			return err
		}, "SELECT name, provider, created, tested FROM dns_connection ORDER BY name")
	})
	return all, err
}

// Connection returns a connection with its sealed credentials.
func (s *Store) Connection(ctx context.Context, name string) (one dnsplan.Connection, sealed []byte, err error) {
	err = s.read(ctx, func(c *conn) error {
		var created, tested int64
		ok, err := c.row([]any{&one.Name, &one.Provider, &sealed, &created, &tested},
			"SELECT name, provider, credentials_sealed, created, tested FROM dns_connection WHERE name = ?", name)
		one.Created, one.Tested = timeOrZero(created), timeOrZero(tested)
		if err == nil && !ok {
			err = gomail.Errorf(gomail.NotFound, "there is no connection called %q to a DNS provider", name)
		}
		return err
	})
	return one, sealed, err
}

// SetConnectionTested notes when a connection's credentials last did their
// work.
func (s *Store) SetConnectionTested(ctx context.Context, name string, at time.Time) error {
	return s.update(ctx, func(t *tx) error {
		n, err := t.write("UPDATE dns_connection SET tested = ? WHERE name = ?", toMicro(at), name)
		return oneRow(n, err, "there is no connection called "+name)
	})
}

// RemoveConnection removes a connection with its credentials.
func (s *Store) RemoveConnection(ctx context.Context, name string) error {
	return s.update(ctx, func(t *tx) error {
		n, err := t.write("DELETE FROM dns_connection WHERE name = ?", name)
		return oneRow(n, err, "there is no connection called "+name)
	})
}

// AddPublication writes a publication into the journal of its domain and
// returns its identity. The oldest make room.
func (s *Store) AddPublication(ctx context.Context, p dnsplan.Publication) (id int64, err error) {
	content, err := publicationText(p)
	if err != nil {
		return 0, err
	}
	id = s.bodies.NextID()
	return id, s.update(ctx, func(t *tx) error {
		if _, err := t.write("INSERT INTO dns_publication (domain, id, undone, content) VALUES (?, ?, ?, ?)", p.Domain, id, toMicro(p.Undone), content); err != nil {
			return err
		}
		oldest, err := t.int64("SELECT COALESCE(MIN(id), 0) FROM (SELECT id FROM dns_publication WHERE domain = ? ORDER BY id DESC LIMIT ?) newest", p.Domain, mostPublications)
		if err != nil {
			return err
		}
		_, err = t.write("DELETE FROM dns_publication WHERE domain = ? AND id < ?", p.Domain, oldest)
		return err
	})
}

// UpdatePublication writes what became of a publication.
func (s *Store) UpdatePublication(ctx context.Context, p dnsplan.Publication) error {
	content, err := publicationText(p)
	if err != nil {
		return err
	}
	return s.update(ctx, func(t *tx) error {
		n, err := t.write("UPDATE dns_publication SET undone = ?, content = ? WHERE domain = ? AND id = ?", toMicro(p.Undone), content, p.Domain, p.ID)
		return oneRow(n, err, fmt.Sprintf("there is no publication %d of %s", p.ID, p.Domain))
	})
}

// publicationText is a publication without what stands in columns.
// octetsMark begins a value that is kept in base64: JSON holds Unicode alone,
// and a TXT record any octets. What is undone has to come back as it was.
const octetsMark = "\x00base64:"

func packOctets(text string) string {
	if utf8.ValidString(text) && !strings.HasPrefix(text, octetsMark) {
		return text
	}
	return octetsMark + base64.StdEncoding.EncodeToString([]byte(text))
}

func unpackOctets(text string) string {
	packed, ok := strings.CutPrefix(text, octetsMark)
	octets, err := base64.StdEncoding.DecodeString(packed)
	if !ok || err != nil {
		return text
	}
	return string(octets)
}

// eachValue returns results with every value's text changed.
func eachValue(results []dnsplan.Result, change func(string) string) []dnsplan.Result {
	changed := slices.Clone(results)
	for i := range changed {
		for _, values := range []*[]dnsplan.Value{&changed[i].Before, &changed[i].After} {
			*values = slices.Clone(*values)
			for j := range *values {
				(*values)[j].Text = change((*values)[j].Text)
			}
		}
	}
	return changed
}

func publicationText(p dnsplan.Publication) (string, error) {
	p.ID, p.Undone = 0, time.Time{}
	p.Results = eachValue(p.Results, packOctets)
	text, err := json.Marshal(p)
	if err != nil {
		return "", fmt.Errorf("write a publication: %w", err)
	}
	return string(text), nil
}

// Publications returns what was published for a domain, the newest first.
func (s *Store) Publications(ctx context.Context, domain string) (all []dnsplan.Publication, err error) {
	err = s.read(ctx, func(c *conn) error {
		return c.query(func(rows *sql.Rows) error {
			var p dnsplan.Publication
			var id, undone int64
			var content string
			if err := rows.Scan(&id, &undone, &content); err != nil {
				return err
			}
			if err := json.Unmarshal([]byte(content), &p); err != nil {
				return gomail.Errorf(gomail.Corrupt, "the journal of %s is damaged: %w", domain, err)
			}
			p.Results = eachValue(p.Results, unpackOctets)
			p.ID, p.Undone = id, timeOrZero(undone)
			all = append(all, p)
			return nil
		}, "SELECT id, undone, content FROM dns_publication WHERE domain = ? ORDER BY id DESC", domain)
	})
	return all, err
}

// timeOrZero is fromMicro for times that may not be known.
func timeOrZero(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return fromMicro(us)
}
