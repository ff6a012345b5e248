// Package storetest is the conformance suite that every store engine passes:
// what the services rely on, the consistency contract C1 to C4 included.
package storetest

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"gomail"
	"gomail/accounts"
	"gomail/bounces"
	"gomail/domains"
	"gomail/filter"
	"gomail/inbound"
	"gomail/lists"
	"gomail/mailbox"
	"gomail/outbound"
	"gomail/queue"
	"gomail/reports"
	"gomail/reports/tlsrpt"
	"gomail/tlspolicy"
)

// Store is everything that the services ask of an engine.
type Store interface {
	accounts.Store
	domains.Store
	mailbox.Store
	queue.Store
	inbound.Store
	outbound.Store
	outbound.LimitStore
	reports.Store
	tlsrpt.Store

	// What mxsend/sts asks for.
	STSPolicies(ctx context.Context) ([]tlspolicy.CachedPolicy, error)
	SetSTSPolicy(ctx context.Context, p tlspolicy.CachedPolicy) error
	RemoveSTSPolicies(ctx context.Context, before time.Time) error
	// What mxsend asks for.
	TLSOffers(ctx context.Context, limit int) (map[string]time.Time, error)
	NoteTLSOffer(ctx context.Context, host string, at, before time.Time) error

	filter.Store
	bounces.Store
	lists.Store

	// Check returns every broken invariant it finds.
	Check(ctx context.Context, found func(problem string)) error
}

// Run holds an engine to the suite. open returns an empty store; the suite
// does not close it.
func Run(t *testing.T, open func(t *testing.T) Store) {
	suites := map[string]func(*fixture){
		"Accounts":           testAccounts,
		"Credentials":        testCredentials,
		"Domains":            testDomains,
		"AddressesAreFresh":  testAddressesAreFresh,
		"Forwards":           testForwards,
		"Publishing":         testPublishing,
		"Sessions":           testSessions,
		"SaveDates":          testSaveDates,
		"DeletedBytes":       testDeletedBytes,
		"Replace":            testReplace,
		"Tree":               testTree,
		"AppendAndFetch":     testAppend,
		"Flags":              testFlags,
		"CopyMoveExpunge":    testCopyMoveExpunge,
		"DeleteMailbox":      testDeleteMailbox,
		"Quota":              testQuota,
		"MessageQuota":       testMessageQuota,
		"Deliver":            testDeliver,
		"DeliverAllOrNone":   testDeliverAllOrNone,
		"Queue":              testQueue,
		"HeldAccount":        testHeldAccount,
		"QueueLease":         testQueueLease,
		"LargeSets":          testLargeSets,
		"Items":              testItems,
		"Metadata":           testMetadata,
		"MetadataMarks":      testMetadataMarks,
		"Threads":            testThreads,
		"Grants":             testGrants,
		"GrantsEnd":          testGrantsEnd,
		"Grantee":            testGrantee,
		"ManyGrants":         testManyGrants,
		"SharedMetadata":     testSharedMetadata,
		"AcrossAccounts":     testAcrossAccounts,
		"TextIndex":          testTextIndex,
		"MessagesFrom":       testMessagesFrom,
		"Reports":            testReports,
		"TLSReports":         testTLSReports,
		"STSPolicies":        testSTSPolicies,
		"TLSOffers":          testTLSOffers,
		"Acquaintances":      testAcquaintances,
		"Bounces":            testBounces,
		"Lists":              testLists,
		"ListPosts":          testListPosts,
		"PolicySteps":        testPolicySteps,
		"ChangesMissNothing": testChangesMissNothing,
		"RandomHistory":      testRandomHistory,
		"Model":              testModel,
	}
	for name, suite := range suites {
		t.Run(name, func(t *testing.T) {
			f := &fixture{T: t, store: open(t), ctx: t.Context()}
			f.domain = f.must(f.store.AddDomain(f.ctx, gomail.Domain{Name: "example.com", Created: time.Now()}, nil))
			suite(f)
			f.noProblems()
		})
	}
}

// fixture is one test with its store and the domain example.com.
type fixture struct {
	*testing.T
	ctx    context.Context
	store  Store
	domain gomail.DomainID
}

func (f *fixture) must(id gomail.DomainID, err error) gomail.DomainID {
	f.Helper()
	f.ok(err)
	return id
}

func (f *fixture) ok(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

// kind fails unless err is of the kind.
func (f *fixture) kind(err error, want gomail.Kind) {
	f.Helper()
	if err == nil || gomail.KindOf(err) != want {
		f.Errorf("got %v (%v), want the kind %v", err, gomail.KindOf(err), want)
	}
}

func (f *fixture) noProblems() {
	f.Helper()
	f.ok(f.store.Check(f.ctx, func(problem string) { f.Errorf("check: %s", problem) }))
}

// account makes local@example.com and returns its id and INBOX.
func (f *fixture) account(local string) (gomail.AccountID, gomail.MailboxID) {
	f.Helper()
	a, err := f.store.AddAccount(f.ctx, gomail.Account{Address: gomail.Address{Local: local, Domain: "example.com"}, Role: gomail.RoleUser, Created: time.Now()}, "hash")
	f.ok(err)
	return a.ID, f.role(a.ID, gomail.RoleInbox)
}

func (f *fixture) role(account gomail.AccountID, role gomail.MailboxRole) gomail.MailboxID {
	f.Helper()
	all, err := f.store.Mailboxes(f.ctx, account)
	f.ok(err)
	for _, m := range all {
		if m.Role == role {
			return m.ID
		}
	}
	f.Fatalf("no mailbox has the role %s", role)
	return 0
}

func (f *fixture) body(text string) gomail.Body {
	f.Helper()
	b := f.store.Stage()
	f.Cleanup(func() { b.Close() })
	_, err := io.Copy(b, strings.NewReader(text))
	f.ok(err)
	return b
}

// fill appends n messages and returns their UIDs.
func (f *fixture) fill(account gomail.AccountID, id gomail.MailboxID, n int) []gomail.UID {
	f.Helper()
	var uids []gomail.UID
	for i := range n {
		done, err := f.store.AppendMessages(f.ctx, account, id, []mailbox.Append{{Body: f.body(fmt.Sprintf("message %d", i)), Received: time.Now()}})
		f.ok(err)
		uids = append(uids, done[0].UID)
	}
	return uids
}

func (f *fixture) snapshot(account gomail.AccountID, id gomail.MailboxID) mailbox.Snapshot {
	f.Helper()
	s, err := f.store.Snapshot(f.ctx, account, id)
	f.ok(err)
	return s
}

func (f *fixture) text(c gomail.Content, err error) string {
	f.Helper()
	f.ok(err)
	defer c.Close()
	b, err := io.ReadAll(io.NewSectionReader(c, 0, c.Size()))
	f.ok(err)
	return string(b)
}

func uidsOf(entries []mailbox.Entry) []gomail.UID {
	var uids []gomail.UID
	for _, e := range entries {
		uids = append(uids, e.UID)
	}
	return uids
}

// within is a transfer from one mailbox of an account to another.
func within(account gomail.AccountID, from, to gomail.MailboxID, uids []gomail.UID) mailbox.Transfer {
	return mailbox.Transfer{From: mailbox.Place{Account: account, Mailbox: from}, To: mailbox.Place{Account: account, Mailbox: to}, UIDs: uids, Rights: mailbox.AllRights}
}
