package inbound

import (
	"context"
	"io"
	"slices"

	"gomail"
	"gomail/internal/spool"
	"gomail/mailauth"
	"gomail/message"
)

// Reader reads mail that tells the server something, such as reports about the
// domains that it hosts.
type Reader interface {
	// Wants reports whether mail with this envelope may be for the reader. It
	// is asked for every recipient that was accepted.
	Wants(ctx context.Context, from, to gomail.Address) bool

	// Read looks at a message that is fit for the inbox, before it is
	// delivered, and reports whether it has read it. It keeps what it learns:
	// the same message may come again. Nothing that it meets keeps the message
	// from its recipients.
	Read(ctx context.Context, a Arrived) bool
}

// Arrived is a message as a Reader sees it.
type Arrived struct {
	ID      string // of the message, in logs
	From    gomail.Address
	Auth    mailauth.Result
	Index   *message.Index
	Content io.ReaderAt // what Index is about
}

// maxRead is the size, in octets, of the largest message that is shown to
// readers. Those that report split what is larger.
const maxRead = 32 << 20

// wanted returns the readers that may be meant by a recipient.
func (t *Transaction) wanted(ctx context.Context, to gomail.Address) (wanted []Reader) {
	for _, r := range t.service.config.Readers {
		if r.Wants(ctx, t.from, to) {
			wanted = append(wanted, r)
		}
	}
	return wanted
}

// copy returns where the message is kept beside the body for readers and lists.
// nil: none wants it.
func (t *Transaction) copy() *spool.Spool {
	if !t.hasReaders() && !t.hasLists() {
		return nil
	}
	return spool.New(t.service.config.SpoolDir)
}

func (t *Transaction) hasReaders() bool {
	return slices.ContainsFunc(t.routes, func(r route) bool { return len(r.readers) > 0 })
}

// read shows the message to those readers that want it. What was read by all
// whom it is for is filed as read, beside the inbox.
func (s *Service) read(ctx context.Context, t *Transaction, auth mailauth.Result, v verdict, index *message.Index, content *spool.Spool) verdict {
	if !t.hasReaders() || v.role != gomail.RoleInbox || index.Size > maxRead {
		return v
	}
	a := Arrived{ID: t.id, From: t.from, Auth: auth, Index: index, Content: content}
	answers := map[Reader]bool{}
	unread := false
	for _, route := range t.routes {
		read := false
		for _, r := range route.readers {
			if _, asked := answers[r]; !asked {
				answers[r] = r.Read(ctx, a)
			}
			read = read || answers[r]
		}
		unread = unread || !read
	}
	if !unread {
		v.role, v.flags = gomail.RoleArchive, gomail.FlagSeen
	}
	return v
}
