package store_test

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"gomail"
	"gomail/inbound"
	"gomail/store"
)

func deliverOne(t *testing.T, s *store.Store, account gomail.AccountID, n int) {
	t.Helper()
	body := s.Stage()
	defer body.Close()
	fmt.Fprintf(body, "Subject: %d\r\n\r\n", n)
	if err := s.Deliver(t.Context(), inbound.Delivery{Body: body, Messages: []inbound.Incoming{
		{Account: account, Role: gomail.RoleInbox, Received: time.Now()},
	}}); err != nil {
		t.Fatal(err)
	}
}

func inboxTotal(t *testing.T, s *store.Store, account gomail.AccountID) int64 {
	t.Helper()
	boxes, err := s.Mailboxes(t.Context(), account)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range boxes {
		if m.Role == gomail.RoleInbox {
			return m.Total
		}
	}
	t.Fatal("no INBOX")
	return 0
}

// What is reserved behind the log's end is no part of it when the database is
// opened after a crash.
func TestReservedLog(t *testing.T) {
	dir, crashed := t.TempDir(), t.TempDir()
	s := open(t, dir)
	id := addAccounts(t, s, 1)[0]
	for n := range 3 {
		deliverOne(t, s, id, n)
	}
	log, err := os.ReadFile(filepath.Join(dir, "gomail.db-wal"))
	if err != nil || len(log) < 1<<20 || log[len(log)-1] != 0 {
		t.Fatalf("nothing is reserved: the log has %d octets, %v", len(log), err)
	}
	if err := os.CopyFS(crashed, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	os.Remove(filepath.Join(crashed, "gomail.db-shm"))
	if n := inboxTotal(t, open(t, crashed), id); n != 3 {
		t.Errorf("%d messages after the crash", n)
	}
}

// A log that is written without a pause begins anew, and its file keeps its
// size for that.
func TestLogBeginsAnew(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	id := addAccounts(t, s, 1)[0]
	header := make([]byte, 16)
	for n := 0; binary.BigEndian.Uint32(header[12:]) == 0; n++ { // how often it has
		if n == 10_000 {
			t.Fatal("the log never began anew")
		}
		deliverOne(t, s, id, n)
		f, err := os.Open(filepath.Join(dir, "gomail.db-wal"))
		if err != nil {
			t.Fatal(err)
		}
		_, err = f.ReadAt(header, 0)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
	}
	info, err := os.Stat(filepath.Join(dir, "gomail.db-wal"))
	if err != nil || info.Size() < 8<<20 {
		t.Errorf("the log was cut to %d octets, %v", info.Size(), err)
	}
}
