package imapd

import (
	"context"
	"runtime/debug"

	"gomail"
	"gomail/mailbox"
)

// How far messages with their contents are read ahead of their use: so many
// octets at a time, or one larger message, and so many times.
const (
	aheadOctets   = 32 << 10
	aheadMessages = 16
	aheadBatches  = 2
)

// ahead reads messages with their contents before they are used, in batches in
// the order in which they are asked for. A batch is read, or more is done with
// it, while the session uses the one before.
type ahead struct {
	box     mailbox.Box
	prepare func(*loaded) // what else is done with a message beside the session
	cancel  context.CancelFunc
	batches chan *aheadBatch
	err     error // of the store, once batches is closed
}

// aheadBatch is some messages on their way.
type aheadBatch struct {
	messages []loaded
	ready    chan struct{}
}

// readAhead begins to read messages. The caller calls stop.
func (s *session) readAhead(messages []gomail.MessageID, prepare func(*loaded)) *ahead {
	ctx, cancel := context.WithCancel(s.ctx)
	a := &ahead{box: s.view.box, prepare: prepare, cancel: cancel, batches: make(chan *aheadBatch, aheadBatches)}
	go a.read(ctx, messages)
	return a
}

// stop ends the reading and closes what nobody took.
func (a *ahead) stop() {
	a.cancel()
	for b := range a.batches {
		<-b.ready
		b.close()
	}
}

// read reads the messages' rows, some at a time: the first ones are soon on
// their way, and the store's reader is free again while the client takes the
// responses.
func (a *ahead) read(ctx context.Context, messages []gomail.MessageID) {
	defer close(a.batches)
	defer func() {
		if v := recover(); v != nil {
			a.err = gomail.Errorf(gomail.Internal, "reading messages panicked: %v: %s", v, debug.Stack())
		}
	}()
	for from, n := 0, 2*aheadMessages; from < len(messages); n = itemBatch {
		part := messages[from:min(len(messages), from+n)]
		items := make([]mailbox.Item, 0, len(part))
		a.err = a.box.Items(ctx, part, mailbox.WithContent, func(item mailbox.Item) error {
			items = append(items, item)
			return nil
		})
		if a.err != nil || !a.start(ctx, items, part, from) {
			return
		}
		from += len(part)
	}
}

// start has the contents of items opened, in batches. They are those of the
// messages that still exist; the first message's place is given. False: nobody
// wants them any more.
func (a *ahead) start(ctx context.Context, items []mailbox.Item, messages []gomail.MessageID, first int) bool {
	next := 0
	for len(items) > 0 {
		n := oneBatch(items)
		b := &aheadBatch{messages: make([]loaded, n), ready: make(chan struct{})}
		for i := range b.messages {
			for messages[next] != items[i].Message {
				next++ // gone meanwhile
			}
			b.messages[i] = loaded{Item: &items[i], place: first + next}
			next++
		}
		items = items[n:]
		select {
		case a.batches <- b:
			go b.open(ctx, a.prepare)
		case <-ctx.Done():
			a.err = ctx.Err()
			return false
		}
	}
	return true
}

// oneBatch returns how many of the first items make a batch.
func oneBatch(items []mailbox.Item) int {
	n, octets := 1, items[0].Size
	for n < min(len(items), aheadMessages) && octets+items[n].Size <= aheadOctets {
		octets += items[n].Size
		n++
	}
	return n
}

// open opens the contents of a batch and does with each message what is to be
// done.
func (b *aheadBatch) open(ctx context.Context, prepare func(*loaded)) {
	defer close(b.ready)
	for i := range b.messages {
		l := &b.messages[i]
		l.open(ctx)
		l.guarded(func() { prepare(l) })
	}
}

// use calls yield for each message once the batch is ready, and closes what was
// given to it.
func (b *aheadBatch) use(yield func(*loaded) error) error {
	<-b.ready
	defer b.close()
	for i := range b.messages {
		l := &b.messages[i]
		if err := yield(l); err != nil {
			return err
		}
		l.close()
	}
	return nil
}

func (b *aheadBatch) close() {
	for i := range b.messages {
		b.messages[i].close()
	}
}

// open opens the content.
func (l *loaded) open(ctx context.Context) {
	l.guarded(func() { l.content, l.err = l.Open(ctx) })
}

// guarded runs f, which is beside the session and so keeps a fault of its own
// from the other sessions.
func (l *loaded) guarded(f func()) {
	defer func() {
		if v := recover(); v != nil {
			l.err = gomail.Errorf(gomail.Internal, "reading message %d panicked: %v: %s", l.Message, v, debug.Stack())
			l.matchError = l.err
		}
	}()
	f()
}
