// Package store keeps everything that must not be lost: domains, accounts,
// mailboxes, messages and the queue in one SQLite database, bodies in the
// files of package blob. It implements the store interfaces of the services.
//
// Writing is grouped over all connections: bodies that wait together share one
// fdatasync of a pack, rows that wait together share one commit, and a writer
// learns of success only after both. There is no timer; a batch is what
// arrived while the one before it was being synced.
//
// The oracle for the order of changes is the consistency contract C1 to C4 in
// docs/decisions/002-consistency-contract.md; storetest holds every engine to
// it.
package store
