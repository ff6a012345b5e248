package mxsend

import (
	"context"
	"net/netip"

	"gomail"
	"gomail/queue"
)

// failure is why something did not work, for all recipients concerned.
type failure struct {
	outcome  queue.Outcome
	code     int // 0: no server said so
	enhanced string
	text     string
	remote   string
	security queue.Security
	policy   string
	insisted bool // TLS was not as the policy demands
}

func (f failure) result() queue.Result {
	return queue.Result{Outcome: f.outcome, Code: f.code, Enhanced: f.enhanced, Text: f.text, Remote: f.remote, TLS: f.security, Policy: f.policy}
}

// attempt is one delivery attempt of one task.
type attempt struct {
	s       *Sender
	task    queue.Task
	content gomail.Content
	utf8    bool // the message needs SMTPUTF8
	results []queue.Result
	todo    []int // indexes of recipients that are not settled
	last    *failure
	final   bool // every failure so far was permanent
	alone   bool // another sender's mail to the site may go another way
	talked  bool // a server has greeted us, so others of its messages may fare better
	ruled   map[string]ruled
}

func newAttempt(s *Sender, task queue.Task, content gomail.Content) *attempt {
	a := &attempt{s: s, task: task, content: content, final: true}
	a.results = make([]queue.Result, len(task.Rcpts))
	a.todo = make([]int, len(task.Rcpts))
	for i := range a.todo {
		a.todo[i] = i
	}
	return a
}

// run settles every recipient.
func (a *attempt) run(ctx context.Context) {
	a.refuseUnsendable()
	if len(a.todo) == 0 {
		return
	}
	var err error
	if a.utf8, err = needsUTF8(a.task, a.content); err != nil {
		a.talked = true // the fault is the message's, not the site's
		a.note(failure{outcome: queue.Temporary, enhanced: "4.3.0", text: "reading the message: " + err.Error()})
		a.giveUp()
		return
	}
	r, f := a.s.route(ctx, a.task)
	a.alone = r.bySender
	if f != nil {
		a.note(*f)
		a.talked = ctx.Err() != nil
		a.giveUp()
		return
	}
	if !a.viaIdle(ctx, r) {
		a.viaHosts(ctx, r)
	}
	a.talked = a.talked || ctx.Err() != nil // we left, not they
	a.giveUp()
}

// refuseUnsendable settles addresses that cannot stand in a command: nothing
// may reach the wire that could end a line.
func (a *attempt) refuseUnsendable() {
	f := failure{outcome: queue.Permanent, enhanced: "5.1.3", text: "the address holds a control character"}
	if hasControl(a.task.Envelope.From.String()) {
		f.enhanced = "5.1.7"
		a.note(f)
		a.giveUp()
		return
	}
	for _, i := range append([]int(nil), a.todo...) {
		if hasControl(a.task.Rcpts[i].Address.String()) {
			a.settle(i, f.result())
		}
	}
}

// viaIdle uses connections that an earlier delivery has left, to the hosts
// that are preferred. It reports whether nothing is left to do.
func (a *attempt) viaIdle(ctx context.Context, r route) bool {
	for _, host := range r.hosts[:r.preferred] {
		p, f := a.policy(ctx, r, host)
		for f == nil {
			c := a.s.pool.take(r.key(host, p))
			if c == nil {
				break
			}
			// It may have been closed by the other side meanwhile: that says
			// nothing about the server.
			if a.use(ctx, c) {
				return true
			}
			if !c.exhausted() {
				break // it is good, but not for this message, and back in the pool
			}
		}
	}
	a.last, a.final = nil, true
	return false
}

// viaHosts connects to one address after the other until one has taken or
// refused the message.
func (a *attempt) viaHosts(ctx context.Context, r route) {
	tries := 0
	for _, host := range r.hosts {
		p, f := a.policy(ctx, r, host)
		var addrs []netip.Addr
		a.talked = a.talked || f != nil // other messages may insist on less
		if f == nil {
			addrs, f = a.s.addresses(ctx, r, host)
		}
		if f != nil {
			a.note(*r.temper(f))
			continue
		}
		for _, addr := range addrs {
			if tries++; tries > a.s.cfg.MaxHosts || ctx.Err() != nil {
				return
			}
			if a.viaAddress(ctx, r, p, host, addr) {
				return
			}
		}
	}
}

// viaAddress connects to one address, again as long as that gets on: a server
// may take only so many messages per connection.
func (a *attempt) viaAddress(ctx context.Context, r route, p policy, host string, addr netip.Addr) bool {
	for {
		before := len(a.todo)
		c, f := a.s.connect(ctx, r, p, host, addr)
		if f != nil {
			a.talked = a.talked || f.insisted
			a.note(*r.temper(f))
			return false
		}
		a.talked = true
		if a.use(ctx, c) {
			return true
		}
		if len(a.todo) == before {
			return false
		}
	}
}

// note remembers why a server could not be used.
func (a *attempt) note(f failure) {
	a.last = &f
	a.final = a.final && f.outcome == queue.Permanent
}

// giveUp settles what is left by the last failure. It is permanent only if
// every server failed for good.
func (a *attempt) giveUp() {
	if len(a.todo) == 0 {
		return
	}
	f := failure{outcome: queue.Temporary, enhanced: "4.4.1", text: "the delivery was interrupted"}
	if a.last != nil {
		f = *a.last
	}
	if f.outcome == queue.Permanent && !a.final {
		f.outcome = queue.Temporary
		f.enhanced = "4" + f.enhanced[1:]
	}
	result := f.result()
	result.Lost = f.outcome == queue.Temporary && !a.talked && !a.alone
	for _, i := range append([]int(nil), a.todo...) {
		a.settle(i, result)
	}
}

// settle writes down the result of one recipient.
func (a *attempt) settle(i int, r queue.Result) {
	r.N = a.task.Rcpts[i].N
	a.results[i] = r
	for k, t := range a.todo {
		if t == i {
			a.todo = append(a.todo[:k], a.todo[k+1:]...)
			return
		}
	}
}
