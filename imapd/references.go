package imapd

import (
	"fmt"
	"slices"
)

// references threads by the References and In-Reply-To fields, RFC 5256
// section 3, REFERENCES.
func references(all []threadable) []*threadNode {
	t := referenceTree{byID: map[string]*threadNode{}, steps: leastSteps + 100*len(all)}
	for i := range all {
		t.add(&all[i], i)
	}
	var roots []*threadNode
	for _, n := range t.nodes {
		if n.parent == nil {
			roots = append(roots, n)
		}
	}
	roots = t.pruned(roots)
	sortNodes(roots)
	roots = gathered(roots)
	sortTree(roots)
	return roots
}

// referenceTree is what step 1 of the algorithm makes.
type referenceTree struct {
	byID  map[string]*threadNode
	nodes []*threadNode // in the order in which they were made
	steps int           // that may still be gone in search of loops
}

// leastSteps is how far loops are looked for in any mailbox. It is enough for
// conversations; who writes references so that more are needed gets them in
// several threads.
const leastSteps = 1_000_000

// node returns the node of a message id, made when it is not there.
func (t *referenceTree) node(id string) *threadNode {
	n := t.byID[id]
	if n == nil {
		n = &threadNode{}
		t.byID[id] = n
		t.nodes = append(t.nodes, n)
	}
	return n
}

// add links a message below the last of its references, and these below each
// other. A message whose id is missing or taken gets one of its own.
func (t *referenceTree) add(m *threadable, i int) {
	id := m.id
	if id == "" || t.byID[id] != nil && t.byID[id].message != nil {
		id = fmt.Sprint(i, " ") // no id holds a space
	}
	this := t.node(id)
	this.message = m
	var last *threadNode
	for _, ref := range m.references {
		n := t.node(ref)
		if last != nil && n.parent == nil {
			t.link(last, n)
		}
		last = n
	}
	unlink(this)
	if last != nil {
		t.link(last, this)
	}
}

// link puts a node below another, unless that would make a loop, which a node
// without children cannot.
func (t *referenceTree) link(parent, child *threadNode) {
	if parent == child {
		return
	}
	for n := parent; n != nil && len(child.children) > 0; n = n.parent {
		if t.steps--; n == child || t.steps < 0 {
			return
		}
	}
	child.parent = parent
	parent.children = append(parent.children, child)
}

func unlink(n *threadNode) {
	if n.parent == nil {
		return
	}
	at := slices.Index(n.parent.children, n)
	n.parent.children = slices.Delete(n.parent.children, at, at+1)
	n.parent = nil
}

// pruned takes dummies out, step 3: those without children go, others leave
// their children in their place; at the top only one child.
func (t *referenceTree) pruned(roots []*threadNode) []*threadNode {
	for _, n := range t.nodes {
		if n.message != nil {
			n.children = withoutDummies(n.children)
		}
	}
	kept := make([]*threadNode, 0, len(roots))
	for _, n := range roots {
		if n.message == nil {
			n.children = withoutDummies(n.children)
		}
		if n.message == nil && len(n.children) < 2 {
			kept = append(kept, n.children...)
		} else {
			kept = append(kept, n)
		}
	}
	return kept
}

// withoutDummies returns the messages that stand below nodes with nothing but
// dummies between. It looks at each dummy once: there may be as long a row of
// them as senders care to write.
func withoutDummies(nodes []*threadNode) (found []*threadNode) {
	stack := slices.Clone(nodes)
	slices.Reverse(stack)
	for len(stack) > 0 {
		n := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if n.message != nil {
			found = append(found, n)
			continue
		}
		for _, c := range slices.Backward(n.children) {
			stack = append(stack, c)
		}
	}
	return found
}

// bottomUp returns all nodes, children before their parents. Chains may be as
// long as the mailbox, so that nothing here calls itself.
func bottomUp(roots []*threadNode) []*threadNode {
	all := slices.Clone(roots)
	for i := 0; i < len(all); i++ {
		all = append(all, all[i].children...)
	}
	slices.Reverse(all)
	return all
}

// sortTree sorts all siblings by date, step 6: children first, since a dummy has
// the date of its first child.
func sortTree(roots []*threadNode) {
	for _, n := range bottomUp(roots) {
		sortNodes(n.children)
	}
	sortNodes(roots)
}

// gathered brings threads with one base subject together, step 5.
func gathered(roots []*threadNode) []*threadNode {
	for _, n := range bottomUp(roots) { // whose dates the subjects go by
		sortNodes(n.children)
	}
	table := map[string]*threadNode{}
	for _, n := range roots {
		subject, reply := n.subject()
		if subject == "" {
			continue
		}
		there := table[subject]
		if there == nil || n.message == nil && there.message != nil {
			table[subject] = n
			continue
		}
		if _, thereReply := there.subject(); there.message != nil && thereReply && !reply {
			table[subject] = n
		}
	}
	kept := make([]*threadNode, 0, len(roots))
	at := map[*threadNode]int{} // where in kept
	for _, n := range roots {
		subject, _ := n.subject()
		there := table[subject]
		if subject == "" || there == n {
			at[n] = len(kept)
			kept = append(kept, n)
			continue
		}
		if both := merge(there, n); both != there { // the table keeps the first of two that are alike
			kept[at[there]], at[both], table[subject] = both, at[there], both
		}
	}
	return kept
}

// subject is that of the message, or of a dummy's first child.
func (n *threadNode) subject() (base string, reply bool) {
	for n.message == nil && len(n.children) > 0 {
		n = n.children[0]
	}
	if n.message == nil {
		return "", false
	}
	return n.message.subject, n.message.reply
}

// merge brings a thread to the one of its subject that is in the table, and
// returns what stands there then.
func merge(there, n *threadNode) *threadNode {
	_, reply := n.subject()
	_, thereReply := there.subject()
	switch {
	case there.message == nil && n.message == nil:
		there.children = append(there.children, n.children...)
	case there.message == nil, reply && !thereReply && n.message != nil:
		there.children = append(there.children, n)
	default: // both are siblings below a dummy
		return &threadNode{children: []*threadNode{there, n}}
	}
	return there
}
