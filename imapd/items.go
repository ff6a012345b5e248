package imapd

import (
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
	place   int   // among the messages that were asked for

	fields [][]byte // by the items of a FETCH, where the index tells them

	matches    bool  // whether a search found it
	matchError error // why that could not be told
}

func (l *loaded) close() {
	if l.content != nil {
		l.content.Close()
		l.content = nil
	}
}

// eachItem calls yield for those of the messages at the indexes that still
// exist, in this order. What yield is given is closed after it.
func (s *session) eachItem(indexes []int, depth mailbox.Depth, yield func(i int, l *loaded) error) error {
	if depth == mailbox.WithContent && len(indexes) > 1 {
		return s.eachContent(indexes, func(int, *loaded) {}, yield)
	}
	batch := make([]mailbox.Item, 0, min(len(indexes), itemBatch))
	for len(indexes) > 0 && s.out.Err() == nil {
		part := indexes[:min(len(indexes), itemBatch)]
		indexes = indexes[len(part):]
		batch = batch[:0]
		err := s.view.box.Items(s.ctx, s.view.messages(part), depth, func(item mailbox.Item) error {
			batch = append(batch, item)
			return nil
		})
		place := 0
		for k := 0; k < len(batch) && err == nil; k++ {
			l := loaded{Item: &batch[k]}
			if depth == mailbox.WithContent {
				l.open(s.ctx)
			}
			for s.view.entries[part[place]].Message != l.Message {
				place++ // gone meanwhile
			}
			err = yield(part[place], &l)
			place++
			l.close()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// eachContent is eachItem for messages with their contents, which are read
// ahead; prepare is called for each beside the session, maybe for two at a time.
func (s *session) eachContent(indexes []int, prepare func(i int, l *loaded), yield func(i int, l *loaded) error) error {
	a := s.readAhead(s.view.messages(indexes), func(l *loaded) { prepare(indexes[l.place], l) })
	defer a.stop()
	for b := range a.batches {
		if err := b.use(func(l *loaded) error { return yield(indexes[l.place], l) }); err != nil {
			return err
		}
		if err := s.out.Err(); err != nil {
			return err
		}
	}
	return a.err
}
