package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"gomail"
	"gomail/lists"
)

// listSettings is what is written of a list.
type listSettings struct {
	Name        string   `json:"name,omitempty"`
	Post        string   `json:"post"`
	Posters     []string `json:"posters,omitempty"`
	ReplyToList bool     `json:"reply_to_list,omitempty"`
	MaxSize     int64    `json:"max_size,omitempty"`
	Owner       string   `json:"owner,omitempty"`
}

func writeListSettings(l lists.List) (string, error) {
	w := listSettings{Name: l.Name, Post: string(l.Post), ReplyToList: l.ReplyToList, MaxSize: l.MaxSize}
	if !l.Owner.IsNull() {
		w.Owner = l.Owner.String()
	}
	for _, a := range l.Posters {
		w.Posters = append(w.Posters, a.String())
	}
	text, err := json.Marshal(w)
	return string(text), err
}

// readListSettings fills in what was written.
func readListSettings(text string, l *lists.List) error {
	var w listSettings
	if err := json.Unmarshal([]byte(text), &w); err != nil {
		return gomail.Errorf(gomail.Corrupt, "the settings of the list %s cannot be read: %w", l.Address, err)
	}
	l.Name, l.Post, l.ReplyToList, l.MaxSize = w.Name, lists.Posting(w.Post), w.ReplyToList, w.MaxSize
	for _, text := range w.Posters {
		a, err := gomail.ParseAddress(text)
		if err != nil {
			return gomail.Errorf(gomail.Corrupt, "the list %s has the poster %q: %w", l.Address, text, err)
		}
		l.Posters = append(l.Posters, a)
	}
	if w.Owner == "" {
		return nil
	}
	var err error
	if l.Owner, err = gomail.ParseAddress(w.Owner); err != nil {
		err = gomail.Errorf(gomail.Corrupt, "the list %s has the owner %q: %w", l.Address, w.Owner, err)
	}
	return err
}

func readLists(c *conn, condition string, args ...any) (all []lists.List, err error) {
	err = c.query(func(rows *sql.Rows) error {
		var l lists.List
		var settings string
		var created int64
		if err := rows.Scan(&l.ID, &l.Address.Local, &l.Address.Domain, &settings, &created, &l.Members, &l.Active); err != nil {
			return sqlError(err)
		}
		l.Created = fromMicro(created)
		err := readListSettings(settings, &l)
		all = append(all, l)
		return err
	}, "SELECT l.id, l.local, d.name, l.settings, l.created, (SELECT COUNT(*) FROM list_member m WHERE m.list_id = l.id), (SELECT COUNT(*) FROM list_member m WHERE m.list_id = l.id AND m.status = 'active') FROM list l JOIN domain d ON d.id = l.domain_id"+condition, args...)
	return all, err
}

// Lists returns all lists in the order of their addresses.
func (s *Store) Lists(ctx context.Context) (all []lists.List, err error) {
	err = s.read(ctx, func(c *conn) error {
		all, err = readLists(c, " ORDER BY d.name, l.local")
		return err
	})
	return all, err
}

// ListAddresses returns the addresses of all lists.
func (s *Store) ListAddresses(ctx context.Context) (all []gomail.Address, err error) {
	err = s.read(ctx, func(c *conn) error {
		return c.query(func(rows *sql.Rows) error {
			var a gomail.Address
			err := rows.Scan(&a.Local, &a.Domain)
			all = append(all, a)
			return err
		}, "SELECT l.local, d.name FROM list l JOIN domain d ON d.id = l.domain_id")
	})
	return all, err
}

// ListAt returns the list with an address.
func (s *Store) ListAt(ctx context.Context, address gomail.Address) (l lists.List, err error) {
	err = s.read(ctx, func(c *conn) error {
		found, err := readLists(c, " WHERE l.local = ? AND d.name = ?", address.Local, address.Domain)
		if err != nil || len(found) == 0 {
			return cmpErr(err, gomail.Errorf(gomail.NotFound, "there is no list %s", address))
		}
		l = found[0]
		return nil
	})
	return l, err
}

// AddList makes a list.
func (s *Store) AddList(ctx context.Context, l lists.List) (int64, error) {
	settings, err := writeListSettings(l)
	if err != nil {
		return 0, fmt.Errorf("write the settings: %w", err)
	}
	id := s.bodies.NextID()
	err = s.update(ctx, func(t *tx) error {
		domain, err := t.hosted(l.Address.Domain)
		if err != nil {
			return err
		}
		if err := t.addressFree(domain, l.Address); err != nil {
			return err
		}
		if forwards, err := t.int64("SELECT COUNT(*) FROM forward WHERE domain_id = ? AND local = ?", domain, l.Address.Local); err != nil || forwards > 0 {
			return cmpErr(err, gomail.Errorf(gomail.Exists, "the address %s is an alias that leads outside: remove it first", l.Address))
		}
		_, err = t.write("INSERT INTO list (id, domain_id, local, settings, next_member, created) VALUES (?, ?, ?, ?, 1, ?)", id, domain, l.Address.Local, settings, toMicro(l.Created))
		return err
	})
	return id, err
}

// noList returns Exists when an address is a list's.
func (t *tx) noList(domain int64, address gomail.Address) error {
	taken, err := t.int64("SELECT COUNT(*) FROM list WHERE domain_id = ? AND local = ?", domain, address.Local)
	if err == nil && taken > 0 {
		err = gomail.Errorf(gomail.Exists, "the address %s is a mailing list's", address)
	}
	return err
}

// UpdateList writes all of a list but its address.
func (s *Store) UpdateList(ctx context.Context, l lists.List) error {
	settings, err := writeListSettings(l)
	if err != nil {
		return fmt.Errorf("write the settings: %w", err)
	}
	return s.update(ctx, func(t *tx) error {
		n, err := t.write("UPDATE list SET settings = ? WHERE id = ?", settings, l.ID)
		return oneRow(n, err, "there is no list "+l.Address.String())
	})
}

// RemoveList removes a list with its members.
func (s *Store) RemoveList(ctx context.Context, id int64) error {
	return s.update(ctx, func(t *tx) error { return t.removeLists("id = ?", id) })
}

// removeLists removes those that meet a condition.
func (t *tx) removeLists(condition string, arg any) error {
	for _, table := range []string{"list_member", "list_post"} {
		if _, err := t.write("DELETE FROM "+table+" WHERE list_id IN (SELECT id FROM list WHERE "+condition+")", arg); err != nil {
			return err
		}
	}
	_, err := t.write("DELETE FROM list WHERE "+condition, arg)
	return err
}

const memberColumns = "SELECT n, address, status, since, bounces, last_bounce, diagnostic FROM list_member"

func readMembers(c *conn, condition string, args ...any) (all []lists.Member, err error) {
	err = c.query(func(rows *sql.Rows) error {
		var m lists.Member
		var address string
		var since, last int64
		if err := rows.Scan(&m.Number, &address, &m.Status, &since, &m.Bounces, &last, &m.Diagnostic); err != nil {
			return sqlError(err)
		}
		m.Since, m.LastBounce = fromMicro(since), maybeMicro(last)
		var err error
		if m.Address, err = gomail.ParseAddress(address); err != nil {
			return gomail.Errorf(gomail.Corrupt, "a list has the member %q: %w", address, err)
		}
		all = append(all, m)
		return nil
	}, memberColumns+condition, args...)
	return all, err
}

func folded(a gomail.Address) string { return strings.ToLower(a.String()) }

// ListMembers returns members in the order of their addresses.
func (s *Store) ListMembers(ctx context.Context, list int64, after string, limit int) (all []lists.Member, err error) {
	err = s.read(ctx, func(c *conn) error {
		all, err = readMembers(c, " WHERE list_id = ? AND folded > ? ORDER BY folded LIMIT ?", list, strings.ToLower(after), limit)
		return err
	})
	return all, err
}

// ListMember returns the member with an address.
func (s *Store) ListMember(ctx context.Context, list int64, address gomail.Address) (m lists.Member, err error) {
	err = s.read(ctx, func(c *conn) error {
		m, err = oneMember(c, " WHERE list_id = ? AND folded = ?", list, folded(address))
		return err
	})
	return m, err
}

func oneMember(c *conn, condition string, args ...any) (lists.Member, error) {
	found, err := readMembers(c, condition, args...)
	if err != nil || len(found) == 0 {
		return lists.Member{}, cmpErr(err, gomail.Errorf(gomail.NotFound, "the list has no such member"))
	}
	return found[0], nil
}

// AddListMembers adds those that are no members yet.
func (s *Store) AddListMembers(ctx context.Context, list int64, addresses []gomail.Address, at time.Time, most int) (added int, err error) {
	err = s.update(ctx, func(t *tx) error {
		added = 0
		var next int64
		if known, err := t.row([]any{&next}, "SELECT next_member FROM list WHERE id = ?", list); err != nil || !known {
			return cmpErr(err, gomail.Errorf(gomail.NotFound, "the list is gone"))
		}
		for _, a := range addresses {
			n, err := t.write("INSERT INTO list_member (list_id, n, folded, address, status, since, bounces, last_bounce, diagnostic) VALUES (?, ?, ?, ?, ?, ?, 0, 0, '') ON CONFLICT (list_id, folded) DO NOTHING",
				list, next+int64(added), folded(a), a.String(), lists.Active, toMicro(at))
			if err != nil {
				return err
			}
			added += int(n)
		}
		count, err := t.int64("SELECT COUNT(*) FROM list_member WHERE list_id = ?", list)
		if err != nil || count > int64(most) {
			return cmpErr(err, gomail.Errorf(gomail.TooMany, "a list has %d members at most", most))
		}
		_, err = t.write("UPDATE list SET next_member = ? WHERE id = ?", next+int64(added), list)
		return err
	})
	if err != nil {
		added = 0
	}
	return added, err
}

// ChangeListMember writes what change makes of a member.
func (s *Store) ChangeListMember(ctx context.Context, list, number int64, change func(lists.Member) lists.Member) (before, now lists.Member, err error) {
	err = s.update(ctx, func(t *tx) error {
		if before, err = oneMember(t.conn, " WHERE list_id = ? AND n = ?", list, number); err != nil {
			return err
		}
		if now = change(before); now == before {
			return nil
		}
		_, err := t.write("UPDATE list_member SET status = ?, since = ?, bounces = ?, last_bounce = ?, diagnostic = ? WHERE list_id = ? AND n = ?",
			now.Status, toMicro(now.Since), now.Bounces, toMicro(now.LastBounce), now.Diagnostic, list, number)
		return err
	})
	return before, now, err
}

// RemoveListMember removes a member.
func (s *Store) RemoveListMember(ctx context.Context, list int64, address gomail.Address) error {
	return s.update(ctx, func(t *tx) error {
		n, err := t.write("DELETE FROM list_member WHERE list_id = ? AND folded = ?", list, folded(address))
		return oneRow(n, err, "the list has no member "+address.String())
	})
}

// ListPosts returns when a post was distributed, and how many were of late.
func (s *Store) ListPosts(ctx context.Context, list int64, digest string, since time.Time) (at time.Time, count int, err error) {
	err = s.read(ctx, func(c *conn) error {
		micro, err := c.int64("SELECT at FROM list_post WHERE list_id = ? AND digest = ?", list, digest)
		if err != nil {
			return err
		}
		at = maybeMicro(micro)
		n, err := c.int64("SELECT COUNT(*) FROM list_post WHERE list_id = ? AND at >= ?", list, toMicro(since))
		count = int(n)
		return err
	})
	return at, count, err
}

// noteDistribution notes that a list distributes a post, and forgets what is
// long past. Exists when it has done so before.
func (t *tx) noteDistribution(d *lists.Distribution) error {
	if d == nil {
		return nil
	}
	if _, err := t.write("DELETE FROM list_post WHERE list_id = ? AND at < ?", d.List, toMicro(d.At.Add(-lists.KeepPosts))); err != nil {
		return err
	}
	n, err := t.write("INSERT INTO list_post (list_id, digest, at) VALUES (?, ?, ?) ON CONFLICT (list_id, digest) DO NOTHING", d.List, d.Digest, toMicro(d.At))
	if err == nil && n == 0 {
		err = gomail.Errorf(gomail.Exists, "the list has distributed this message before")
	}
	return err
}
