package store

import (
	"cmp"
	"context"
	"database/sql"
	"slices"

	"gomail"
	"gomail/mailbox"
)

// forAnyone holds for rows of acl that are for anyone, if the account ? is of
// the domain of their owner.
const forAnyone = "g.grantee_id = 0 AND EXISTS (SELECT 1 FROM address o JOIN address r ON r.domain_id = o.domain_id WHERE o.account_id = g.account_id AND o.is_alias = 0 AND r.account_id = ? AND r.is_alias = 0)"

// grantOf makes a grant of a row; rights that are no rights are none.
func grantOf(grantee gomail.AccountID, negative bool, letters string) mailbox.Grant {
	rights, err := mailbox.ParseRights(letters)
	if err != nil {
		rights = 0
	}
	return mailbox.Grant{Account: grantee, Negative: negative, Rights: rights}
}

// GrantsTo returns those of a mailbox's grants that concern an account.
func (s *Store) GrantsTo(ctx context.Context, at mailbox.Place, account gomail.AccountID) (grants []mailbox.Grant, err error) {
	err = s.read(ctx, func(c *conn) error {
		return c.query(func(rows *sql.Rows) error {
			var grantee gomail.AccountID
			var negative bool
			var letters string
			err := rows.Scan(&grantee, &negative, &letters)
			grants = append(grants, grantOf(grantee, negative, letters))
			return err
		}, "SELECT g.grantee_id, g.negative, g.rights FROM acl g WHERE g.account_id = ? AND g.mailbox_id = ? AND (g.grantee_id = ? OR "+forAnyone+")",
			at.Account, at.Mailbox, account, account)
	})
	return grants, err
}

// Neighbours returns the accounts of which an account was given rights.
func (s *Store) Neighbours(ctx context.Context, account gomail.AccountID) (all []mailbox.Neighbour, err error) {
	err = s.read(ctx, func(c *conn) error {
		grants, err := readGrantsTo(c, account)
		if err != nil || len(grants) == 0 {
			return err
		}
		subscribed, err := readSharedSubscriptions(c, account)
		if err != nil {
			return err
		}
		for owner := range grants {
			n, err := readNeighbour(c, owner, subscribed)
			if err != nil {
				return err
			}
			n.Grants = grants[owner]
			all = append(all, n)
		}
		return nil
	})
	slices.SortFunc(all, func(a, b mailbox.Neighbour) int { return compareAddresses(a.Address, b.Address) })
	return all, err
}

// readGrantsTo reads the grants that concern an account, by owner and mailbox.
func readGrantsTo(c *conn, account gomail.AccountID) (map[gomail.AccountID]map[gomail.MailboxID][]mailbox.Grant, error) {
	grants := map[gomail.AccountID]map[gomail.MailboxID][]mailbox.Grant{}
	err := c.query(func(rows *sql.Rows) error {
		var owner, grantee gomail.AccountID
		var id gomail.MailboxID
		var negative bool
		var letters string
		err := rows.Scan(&owner, &id, &grantee, &negative, &letters)
		if grants[owner] == nil {
			grants[owner] = map[gomail.MailboxID][]mailbox.Grant{}
		}
		grants[owner][id] = append(grants[owner][id], grantOf(grantee, negative, letters))
		return err
	}, "SELECT g.account_id, g.mailbox_id, g.grantee_id, g.negative, g.rights FROM acl g WHERE g.grantee_id = ?"+
		" UNION ALL SELECT g.account_id, g.mailbox_id, g.grantee_id, g.negative, g.rights FROM acl g WHERE g.account_id <> ? AND "+forAnyone,
		account, account, account)
	return grants, err
}

func readSharedSubscriptions(c *conn, account gomail.AccountID) (map[mailbox.Place]bool, error) {
	subscribed := map[mailbox.Place]bool{}
	err := c.query(func(rows *sql.Rows) error {
		var p mailbox.Place
		err := rows.Scan(&p.Account, &p.Mailbox)
		subscribed[p] = true
		return err
	}, "SELECT owner_id, mailbox_id FROM shared_subscription WHERE account_id = ?", account)
	return subscribed, err
}

// readNeighbour reads an account with its mailboxes, as one knows them that has
// subscribed to these.
func readNeighbour(c *conn, owner gomail.AccountID, subscribed map[mailbox.Place]bool) (mailbox.Neighbour, error) {
	a, err := readAccount(c, " WHERE a.id = ?", owner)
	if err != nil {
		return mailbox.Neighbour{}, err
	}
	boxes, err := readMailboxes(c, owner)
	for i := range boxes {
		boxes[i].Subscribed = subscribed[mailbox.Place{Account: owner, Mailbox: boxes[i].ID}]
	}
	return mailbox.Neighbour{Account: owner, Address: a.Address, Mailboxes: boxes}, err
}

// Grants returns the owner's grant and then a mailbox's own.
func (s *Store) Grants(ctx context.Context, at mailbox.Place) (grants []mailbox.Grant, err error) {
	err = s.read(ctx, func(c *conn) error {
		owner, err := readAccount(c, " WHERE a.id = ?", at.Account)
		if err != nil {
			return err
		}
		if grants, err = readGrants(c, at); err != nil {
			return err
		}
		slices.SortFunc(grants, compareGrants)
		grants = slices.Insert(grants, 0, mailbox.Grant{Account: at.Account, Address: owner.Address, Rights: mailbox.AllRights})
		return nil
	})
	return grants, err
}

func readGrants(c *conn, at mailbox.Place) (grants []mailbox.Grant, err error) {
	err = c.query(func(rows *sql.Rows) error {
		var grantee gomail.AccountID
		var negative bool
		var letters string
		var address gomail.Address
		err := rows.Scan(&grantee, &negative, &letters, &address.Local, &address.Domain)
		g := grantOf(grantee, negative, letters)
		g.Address = address
		grants = append(grants, g)
		return err
	}, "SELECT g.grantee_id, g.negative, g.rights, COALESCE(r.local, ''), COALESCE(d.name, '') FROM acl g LEFT JOIN address r ON r.account_id = g.grantee_id AND r.is_alias = 0 LEFT JOIN domain d ON d.id = r.domain_id"+
		" WHERE g.account_id = ? AND g.mailbox_id = ?", at.Account, at.Mailbox)
	return grants, err
}

// ChangeGrant changes, makes or removes a grant.
func (s *Store) ChangeGrant(ctx context.Context, at mailbox.Place, grant mailbox.Grant, change mailbox.RightsChange) error {
	return s.update(ctx, func(t *tx) error {
		a, m, err := t.place(at)
		if err != nil {
			return err
		}
		var grantee *accountRow
		if grant.Account != 0 {
			if grantee, err = t.account(grant.Account); err != nil {
				return err
			}
		}
		var letters string
		if _, err := t.row([]any{&letters}, "SELECT rights FROM acl WHERE account_id = ? AND mailbox_id = ? AND grantee_id = ? AND negative = ?", at.Account, at.Mailbox, grant.Account, grant.Negative); err != nil {
			return err
		}
		after := change.Apply(grantOf(grant.Account, grant.Negative, letters).Rights)
		if after.String() == letters {
			return nil
		}
		t.touch(a, m, t.next(a)) // who has it open is to look at its rights
		if grantee != nil {
			grantee.mailboxes = append(grantee.mailboxes, m.ID) // and who lists it now, or does not any more
		}
		return t.setGrant(at, grant, after)
	})
}

func (t *tx) setGrant(at mailbox.Place, grant mailbox.Grant, rights mailbox.Rights) error {
	if rights == 0 {
		_, err := t.write("DELETE FROM acl WHERE account_id = ? AND mailbox_id = ? AND grantee_id = ? AND negative = ?", at.Account, at.Mailbox, grant.Account, grant.Negative)
		return err
	}
	_, err := t.write("INSERT INTO acl (account_id, mailbox_id, grantee_id, negative, rights) VALUES (?, ?, ?, ?, ?) ON CONFLICT (account_id, mailbox_id, grantee_id, negative) DO UPDATE SET rights = excluded.rights",
		at.Account, at.Mailbox, grant.Account, grant.Negative, rights.String())
	if err != nil {
		return err
	}
	n, err := t.int64("SELECT COUNT(*) FROM acl WHERE account_id = ? AND mailbox_id = ?", at.Account, at.Mailbox)
	if err == nil && n > mailbox.MaxGrants {
		err = gomail.Errorf(gomail.TooMany, "a mailbox is shared by at most %d entries", mailbox.MaxGrants)
	}
	return err
}

// Grantee returns the account of an address that shares a domain with owner.
func (s *Store) Grantee(ctx context.Context, owner gomail.AccountID, address gomail.Address) (id gomail.AccountID, err error) {
	ok, err := s.readOne(ctx, []any{&id}, "SELECT x.account_id FROM address x JOIN domain d ON d.id = x.domain_id WHERE d.name = ? AND x.local = ?"+
		" AND EXISTS (SELECT 1 FROM address o JOIN address r ON r.domain_id = o.domain_id WHERE o.account_id = ? AND r.account_id = x.account_id)",
		address.Domain, address.Local, owner)
	if err == nil && !ok {
		err = gomail.Errorf(gomail.NotFound, "there is no account %s in your domain with which a mailbox could be shared", address)
	}
	return id, err
}

// SubscribeShared sets whether an account subscribes to another's mailbox.
func (s *Store) SubscribeShared(ctx context.Context, account gomail.AccountID, at mailbox.Place, subscribed bool) error {
	return s.update(ctx, func(t *tx) error {
		if _, err := t.account(account); err != nil {
			return err
		}
		if _, _, err := t.place(at); err != nil {
			return err
		}
		text := "DELETE FROM shared_subscription WHERE account_id = ? AND owner_id = ? AND mailbox_id = ?"
		if subscribed {
			text = "INSERT INTO shared_subscription (account_id, owner_id, mailbox_id) VALUES (?, ?, ?) ON CONFLICT (account_id, owner_id, mailbox_id) DO NOTHING"
		}
		_, err := t.write(text, account, at.Account, at.Mailbox)
		return err
	})
}

// inheritGrants shares a new mailbox as the one above it is.
func (t *tx) inheritGrants(account gomail.AccountID, parent, id gomail.MailboxID) error {
	if parent == 0 {
		return nil
	}
	_, err := t.write("INSERT INTO acl (account_id, mailbox_id, grantee_id, negative, rights) SELECT account_id, ?, grantee_id, negative, rights FROM acl WHERE account_id = ? AND mailbox_id = ?", id, account, parent)
	return err
}

// unshare removes what others have of a mailbox that goes.
func (t *tx) unshare(account gomail.AccountID, id gomail.MailboxID) error {
	if _, err := t.write("DELETE FROM acl WHERE account_id = ? AND mailbox_id = ?", account, id); err != nil {
		return err
	}
	for _, table := range []string{"shared_subscription", "shared_metadata"} {
		if _, err := t.write("DELETE FROM "+table+" WHERE owner_id = ? AND mailbox_id = ?", account, id); err != nil {
			return err
		}
	}
	return nil
}

// unshareAccount removes what an account that goes shared, and what was shared
// with it.
func (t *tx) unshareAccount(id gomail.AccountID) error {
	if _, err := t.write("DELETE FROM acl WHERE account_id = ? OR grantee_id = ?", id, id); err != nil {
		return err
	}
	for _, table := range []string{"shared_subscription", "shared_metadata"} {
		if _, err := t.write("DELETE FROM "+table+" WHERE account_id = ? OR owner_id = ?", id, id); err != nil {
			return err
		}
	}
	return nil
}

// Within returns those of the messages that are in a mailbox, in their order.
func (s *Store) Within(ctx context.Context, at mailbox.Place, messages []gomail.MessageID) ([]gomail.MessageID, error) {
	if len(messages) == 0 {
		return nil, nil
	}
	wanted := make(map[gomail.MessageID]bool, len(messages))
	for _, id := range messages {
		wanted[id] = true
	}
	there := make(map[gomail.MessageID]bool, len(messages))
	err := s.read(ctx, func(c *conn) error {
		return readEntries(c, at.Account, at.Mailbox, " AND highest >= ? AND lowest <= ?", func(e *entry) {
			if wanted[e.Message] {
				there[e.Message] = true
			}
		}, int64(slices.Min(messages)), int64(slices.Max(messages)))
	})
	kept := make([]gomail.MessageID, 0, len(messages))
	for _, id := range messages {
		if there[id] {
			kept = append(kept, id)
		}
	}
	return kept, err
}

func compareGrants(a, b mailbox.Grant) int {
	switch {
	case a.Account != b.Account && (a.Account == 0) != (b.Account == 0):
		return map[bool]int{true: 1, false: -1}[a.Account == 0]
	case a.Account != b.Account:
		return compareAddresses(a.Address, b.Address)
	}
	return map[bool]int{true: 1, false: -1}[a.Negative]
}

// compareAddresses orders by domain, then by local part.
func compareAddresses(a, b gomail.Address) int {
	if a.Domain != b.Domain {
		return cmp.Compare(a.Domain, b.Domain)
	}
	return cmp.Compare(a.Local, b.Local)
}
