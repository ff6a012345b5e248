package gomail

import "time"

// AccountID identifies an account. 0 is nobody: it owns the bodies of queued
// mail that no local account sent.
type AccountID int64

// Role is what an account may do beyond its own mail.
type Role string

// The roles.
const (
	RoleUser  Role = "user"  // reads and sends its own mail; may manage domains that it was given
	RoleAdmin Role = "admin" // manages the whole server
)

// Account is one person's or program's mail: its mailboxes, its addresses and
// its quota. Example: anna@example.com with 5 GB.
type Account struct {
	ID        AccountID
	Address   Address // the main address, also the name to sign in with
	Name      string  // shown to people, may be empty
	Role      Role
	Disabled  bool  // may not sign in, receives nothing
	QuotaMax  int64 // bytes, 0: unlimited
	QuotaUsed int64 // bytes
	Created   time.Time

	QuotaMessagesMax  int64 // messages, 0: unlimited
	QuotaMessagesUsed int64 // messages
}

// Room reports whether the account can take one message more, of so many bytes.
func (a Account) Room(bytes int64) bool {
	return (a.QuotaMax == 0 || a.QuotaUsed+bytes <= a.QuotaMax) && (a.QuotaMessagesMax == 0 || a.QuotaMessagesUsed < a.QuotaMessagesMax)
}

// Alias is an address that leads to an account of ours, or outside. One address
// may do both, and lead to several outside: then there are as many of these.
type Alias struct {
	Address Address
	Account AccountID // 0: it leads outside
	Target  Address   // the account's main address, or the one outside
}
