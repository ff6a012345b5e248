package imapd

import (
	"cmp"
	"slices"
	"time"

	"gomail/mailbox"
	"gomail/message"
)

// thread answers THREAD and UID THREAD, RFC 5256 section 3.
func (s *session) thread(r *request) error {
	s.badCharset = false
	s.beginWork()
	p := searchParser{s: s, now: s.cfg.Clock()}
	s.dec.Space()
	algorithm := s.dec.Word()
	if algorithm != "ORDEREDSUBJECT" && algorithm != "REFERENCES" {
		s.dec.Fail("Unknown THREAD algorithm")
	}
	s.readOrderedSearch(&p)
	if err := s.dec.End(); err != nil {
		return err
	}
	if s.badCharset {
		return errBadCharset()
	}
	found, err := s.find(p.q)
	if err != nil {
		return err
	}
	all, err := s.threadables(found)
	if err != nil {
		return err
	}
	threads := orderedSubject
	if algorithm == "REFERENCES" {
		threads = references
	}
	s.out.Text("* THREAD")
	for i, node := range threads(all) {
		if i == 0 {
			s.out.Text(" ")
		}
		s.out.Text("(")
		s.writeThread(r, node)
		s.out.Text(")")
	}
	s.out.Text("\r\n")
	return nil
}

// threadable is what a message is threaded by.
type threadable struct {
	index      int // in the view
	id         string
	references []string // oldest first, without itself
	subject    string   // base subject, without case
	reply      bool
	date       time.Time
}

// threadables reads them in the order of the mailbox.
func (s *session) threadables(found []int) ([]threadable, error) {
	all := make([]threadable, 0, len(found))
	err := s.eachItem(found, mailbox.WithIndex, s.counted(len(found), func(i int, row *loaded) error {
		x, err := message.UnmarshalHead(row.Index)
		if err != nil {
			return err
		}
		t := threadable{index: i, references: x.References, date: sentDate(x.Date, row)}
		if ids := message.ParseMessageIDs(x.Envelope.MessageID); len(ids) > 0 {
			t.id = ids[0]
		}
		if ids := message.ParseMessageIDs(x.Envelope.InReplyTo); len(t.references) == 0 && len(ids) > 0 {
			t.references = ids[:1]
		}
		base, reply := message.BaseSubject(x.Envelope.Subject)
		t.subject, t.reply = fold(base), reply
		all = append(all, t)
		return nil
	}))
	return all, err
}

// threadNode is a message in its thread; without one it stands for a message
// that is not among those.
type threadNode struct {
	message  *threadable // nil: a dummy
	parent   *threadNode
	children []*threadNode
}

// date is that of the message, or of a dummy's first child.
func (n *threadNode) date() time.Time {
	for n.message == nil && len(n.children) > 0 {
		n = n.children[0]
	}
	if n.message == nil {
		return time.Time{}
	}
	return n.message.date
}

// order is where the message, or a dummy's first child, stands in the mailbox.
func (n *threadNode) order() int {
	for n.message == nil && len(n.children) > 0 {
		n = n.children[0]
	}
	if n.message == nil {
		return 0
	}
	return n.message.index
}

func sortNodes(nodes []*threadNode) {
	slices.SortStableFunc(nodes, func(a, b *threadNode) int {
		return cmp.Or(a.date().Compare(b.date()), cmp.Compare(a.order(), b.order()))
	})
}

// orderedSubject puts messages with one base subject into one thread: the
// oldest, and all others below it (RFC 5256 section 3, ORDEREDSUBJECT).
func orderedSubject(all []threadable) []*threadNode {
	nodes := make([]*threadNode, len(all))
	for i := range all {
		nodes[i] = &threadNode{message: &all[i]}
	}
	sortNodes(nodes)
	threads := map[string]*threadNode{}
	var roots []*threadNode
	for _, n := range nodes {
		if first := threads[n.message.subject]; first != nil {
			first.children = append(first.children, n)
			continue
		}
		threads[n.message.subject] = n
		roots = append(roots, n)
	}
	return roots
}

// writeThread writes a thread, RFC 5256 section 4: what has one child only
// goes on in a line, several are in parentheses each. It goes down chains
// without calling itself: they may be as long as the mailbox.
func (s *session) writeThread(r *request, n *threadNode) {
	type step struct {
		node  *threadNode
		text  string // written instead of a node
		first bool   // nothing stands before it
	}
	stack := []step{{node: n, first: true}}
	for len(stack) > 0 {
		top := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if top.node == nil {
			s.out.Text(top.text)
			continue
		}
		if top.node.message != nil {
			if !top.first {
				s.out.Text(" ")
			}
			s.out.Int(int64(s.number(r, top.node.message.index)))
		}
		children := top.node.children
		if len(children) == 1 && top.node.message != nil {
			stack = append(stack, step{node: children[0]})
			continue
		}
		if len(children) > 0 && top.node.message != nil {
			s.out.Text(" ")
		}
		for _, c := range slices.Backward(children) {
			stack = append(stack, step{text: ")"}, step{node: c, first: true}, step{text: "("})
		}
	}
}
