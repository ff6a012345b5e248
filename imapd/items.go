package imapd

import (
	"context"
	"runtime/debug"

	"gomail"
	"gomail/mailbox"
)

// itemBatch is how many messages are read at a time: the store's reader is
// free again while the client takes the responses.
const itemBatch = 500

// loaded is a message as it was read, with its content where that was asked.
type loaded struct {
	*mailbox.Item
	content gomail.Content
	err     error // of opening the content
}

func (l *loaded) close() {
	if l.content != nil {
		l.content.Close()
	}
}

// eachItem calls yield for those of the messages at the indexes that still
// exist, in this order. What yield is given is closed after it.
func (s *session) eachItem(indexes []int, depth mailbox.Depth, yield func(i int, l *loaded) error) error {
	batch := make([]mailbox.Item, 0, min(len(indexes), itemBatch))
	for len(indexes) > 0 && s.out.Err() == nil {
		part := indexes[:min(len(indexes), itemBatch)]
		indexes = indexes[len(part):]
		batch = batch[:0]
		err := s.view.box.Items(s.ctx, s.view.messages(part), depth, func(item mailbox.Item) error {
			batch = append(batch, item)
			return nil
		})
		if err == nil {
			err = s.eachOf(part, batch, depth, yield)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// eachOf calls yield for the items of a batch with the index of each. Items
// are in the order of the indexes; some may be missing.
func (s *session) eachOf(part []int, batch []mailbox.Item, depth mailbox.Depth, yield func(i int, l *loaded) error) error {
	next := func(k int) *loaded { return &loaded{Item: &batch[k]} }
	if depth == mailbox.WithContent {
		take, stop := s.openAhead(batch)
		defer stop()
		next = func(int) *loaded { return take() }
	}
	k := 0
	for _, i := range part {
		if k == len(batch) {
			break
		}
		if batch[k].Message != s.view.entries[i].Message {
			continue // gone meanwhile
		}
		l := next(k)
		if l == nil {
			return s.ctx.Err()
		}
		err := yield(i, l)
		l.close()
		if err != nil {
			return err
		}
		k++
	}
	return nil
}

// openAhead opens the contents of items in their order in the background: one
// waits and one is on its way while another is in use. take returns the next,
// nil when the session was cut; stop ends it and closes what nobody took.
func (s *session) openAhead(batch []mailbox.Item) (take func() *loaded, stop func()) {
	ctx, cancel := context.WithCancel(s.ctx)
	ready := make(chan *loaded, 1)
	go openAll(ctx, batch, ready)
	take = func() *loaded { return <-ready }
	stop = func() {
		cancel()
		for l := range ready {
			l.close()
		}
	}
	return take, stop
}

func openAll(ctx context.Context, batch []mailbox.Item, ready chan<- *loaded) {
	defer close(ready)
	for k := range batch {
		l := &loaded{Item: &batch[k]}
		l.open(ctx)
		select {
		case ready <- l:
		case <-ctx.Done():
			l.close()
			return
		}
	}
}

// open opens the content. It runs beside the session, so it keeps a fault of
// its own from the other sessions.
func (l *loaded) open(ctx context.Context) {
	defer func() {
		if v := recover(); v != nil {
			l.err = gomail.Errorf(gomail.Internal, "opening message %d panicked: %v: %s", l.Message, v, debug.Stack())
		}
	}()
	l.content, l.err = l.Open(ctx)
}
