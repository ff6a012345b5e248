// Package mailbox is the mailbox engine: the tree of an account's mailboxes,
// appending, flags, moving and expunging, UIDs and modification sequences
// (RFC 9051 section 2.3.1, RFC 7162), quota, and the feed of changes from
// which IMAP sessions and JMAP clients keep up.
//
// Every operation is scoped to one account: a Service hands out Account
// values, and whatever they can reach belongs to that account. What the
// engine promises about order is the contract C1 to C4 in
// docs/decisions/002-consistency-contract.md: whoever has seen sequence S has seen
// everything up to S.
//
// Protocols stay outside: names are UTF-8 paths, flags are bits and keywords.
package mailbox
