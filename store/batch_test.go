package store

import (
	"testing"

	"gomail"
	"gomail/store/blob"
)

// Writes whose bodies did not get to the disk, as when it is full, all fail:
// also where several are in one transaction, and are tried again each alone.
func TestBatchWithoutBodies(t *testing.T) {
	s, err := Open(t.Context(), Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	b := &batch{durable: []func() error{func() error { return gomail.Errorf(gomail.NoSpace, "the disk is full") }}}
	for range 2 {
		body := s.Stage()
		defer body.Close()
		body.Write([]byte("Subject: x\r\n\r\n"))
		f, err := seal(body)
		if err != nil || !f.InPack() {
			t.Fatal(err)
		}
		b.writes = append(b.writes, &write{frames: []*blob.Frame{f}, holders: 1, apply: func(*tx) error { return nil }, done: make(chan error, 1)})
	}
	s.committer <- b
	for i, w := range b.writes {
		if err := <-w.done; gomail.KindOf(err) != gomail.NoSpace {
			t.Errorf("write %d, whose body is lost: %v", i, err)
		}
	}
}
