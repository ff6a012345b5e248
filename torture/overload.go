package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/emersion/go-smtp"
)

// What overload demands of the server.
const (
	mostMemory    = 400 << 20       // octets resident, whatever comes
	honestLatency = 2 * time.Second // 99 of 100 honest messages, from dialling to the acknowledgement
)

// assault is more than the server can take.
type assault struct {
	name string
	lead time.Duration // how long it takes until all of it is there
	run  func(ctx context.Context, o *overload)
}

func assaults() []assault {
	return []assault{
		{name: "nothing but honest clients", run: func(context.Context, *overload) {}},
		{name: "5,000 clients that say nothing", lead: 5 * time.Second, run: crowd(5000, 500, sayNothing)},
		{name: "5,000 clients that send an octet a second", lead: 5 * time.Second, run: crowd(5000, 500, drip("EHLO x\r\nNOOP\r\n"+strings.Repeat("NOOP\r\n", 1000)))},
		{name: "5,000 messages that arrive an octet a second", lead: 5 * time.Second, run: crowd(5000, 500, dripMessage)},
		{name: "5,000 IMAP clients that say nothing", lead: 10 * time.Second, run: crowd(5000, 500, imapNothing)},
		{name: "1,000 sign-ins at once, every few seconds", lead: 3 * time.Second, run: crowd(1000, 1000, guess)},
		{name: "ten times the load", run: crowd(640, 64, flood)},
	}
}

// overload is a server on the machine's own disk, and who comes to it.
type overload struct {
	*life
	server *server
	next   atomic.Int64 // of the names of messages
}

// crowd lets n clients from so many addresses do something, over and over.
func crowd(n, addresses int, do func(ctx context.Context, o *overload, from net.Addr)) func(context.Context, *overload) {
	return func(ctx context.Context, o *overload) {
		var all sync.WaitGroup
		for i := range n {
			from := &net.TCPAddr{IP: net.IPv4(127, 1, byte(i%addresses/250), byte(1+i%addresses%250))}
			all.Go(func() {
				for ctx.Err() == nil {
					do(ctx, o, from)
					rest(ctx, time.Duration(500+rand.IntN(1000))*time.Millisecond)
				}
			})
		}
		all.Wait()
	}
}

func rest(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// reach opens a connection that ends with ctx.
func reach(ctx context.Context, from net.Addr, to string, secure bool) (net.Conn, func()) {
	c, err := (&net.Dialer{LocalAddr: from, Timeout: 10 * time.Second}).DialContext(ctx, "tcp", to)
	if err != nil {
		return nil, nil
	}
	stop := context.AfterFunc(ctx, func() { c.Close() })
	end := func() { stop(); c.Close() }
	if secure {
		return tls.Client(c, insecure), end
	}
	return c, end
}

func sayNothing(ctx context.Context, o *overload, from net.Addr) {
	if c, end := reach(ctx, from, o.server.smtp, false); c != nil {
		defer end()
		io.Copy(io.Discard, c)
	}
}

func imapNothing(ctx context.Context, o *overload, from net.Addr) {
	if c, end := reach(ctx, from, o.server.imaps, true); c != nil {
		defer end()
		io.Copy(io.Discard, c)
	}
}

// drip sends a text, an octet a second.
func drip(text string) func(context.Context, *overload, net.Addr) {
	return func(ctx context.Context, o *overload, from net.Addr) {
		if c, end := reach(ctx, from, o.server.smtp, false); c != nil {
			defer end()
			go io.Copy(io.Discard, c)
			dripInto(ctx, c, text)
		}
	}
}

func dripInto(ctx context.Context, c net.Conn, text string) {
	for i := 0; i < len(text) && ctx.Err() == nil; i++ {
		if _, err := c.Write([]byte{text[i]}); err != nil {
			return
		}
		rest(ctx, time.Second)
	}
}

// dripMessage begins a message and lets it arrive an octet a second.
func dripMessage(ctx context.Context, o *overload, from net.Addr) {
	c, end := reach(ctx, from, o.server.smtp, false)
	if c == nil {
		return
	}
	defer end()
	r := bufio.NewReader(c)
	fmt.Fprintf(c, "EHLO x\r\nMAIL FROM:<a@elsewhere.test>\r\nRCPT TO:<%s>\r\nDATA\r\n", anna)
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		if strings.HasPrefix(line, "354") {
			break
		}
	}
	dripInto(ctx, c, strings.Repeat("Subject: x\r\n", 1000))
}

// guess signs in with a wrong password.
func guess(ctx context.Context, o *overload, from net.Addr) {
	c, end := reach(ctx, from, o.server.imaps, true)
	if c == nil {
		return
	}
	defer end()
	r := bufio.NewReader(c)
	fmt.Fprintf(c, "a LOGIN nobody%d@example.test wrong\r\n", o.next.Add(1))
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			o.answers.add("sign-in: no reply")
			return
		}
		if strings.HasPrefix(line, "a ") {
			f := strings.Fields(line)
			o.answers.add("sign-in: " + strings.Join(f[1:min(3, len(f))], " "))
			rest(ctx, 4*time.Second)
			return
		}
	}
}

// flood delivers as fast as the server takes it.
func flood(ctx context.Context, o *overload, from net.Addr) {
	conn, end := reach(ctx, from, o.server.smtp, false)
	if conn == nil {
		return
	}
	defer end()
	conn.SetDeadline(time.Now().Add(2 * patience))
	c := smtp.NewClient(conn)
	for ctx.Err() == nil {
		id := fmt.Sprint("flood", o.next.Add(1))
		o.bert.note(unsure, id)
		err := send(c, "somebody@elsewhere.test", id, bert)
		f := o.judge(err, 0)
		o.bert.note(f, id)
		if err != nil {
			return
		}
	}
}

// honest is a client who delivers now and then and comes again when told to.
type honest struct {
	took    timings // from the first dialling to the acknowledgement, refusals included
	refused tally
}

func (h *honest) run(ctx context.Context, o *overload, from net.Addr) {
	for ctx.Err() == nil {
		began := time.Now()
		for ctx.Err() == nil && !h.once(ctx, o, from) {
			rest(ctx, 100*time.Millisecond)
		}
		if ctx.Err() == nil {
			h.took.add(time.Since(began))
		}
		rest(ctx, 200*time.Millisecond)
	}
}

// once delivers a message over a connection of its own.
func (h *honest) once(ctx context.Context, o *overload, from net.Addr) bool {
	conn, end := reach(ctx, from, o.server.smtp, false)
	if conn == nil {
		h.refused.add("no connection")
		return false
	}
	defer end()
	conn.SetDeadline(time.Now().Add(patience))
	id := fmt.Sprint("honest", o.next.Add(1))
	o.anna.note(unsure, id)
	err := send(smtp.NewClient(conn), "somebody@elsewhere.test", id, anna)
	var reply *smtp.SMTPError
	switch {
	case err == nil:
		o.anna.note(there, id)
		o.acks.Add(1)
	case errors.As(err, &reply):
		o.anna.note(refused, id)
		h.refused.add(fmt.Sprint(reply.Code))
	case ctx.Err() == nil:
		h.refused.add("broken")
	}
	return err == nil
}

// signIns signs bert in over IMAP now and then.
func (h *honest) signIns(ctx context.Context, o *overload) {
	for ctx.Err() == nil {
		began := time.Now()
		for ctx.Err() == nil {
			c, err := signIn(o.server, bert)
			if err == nil {
				c.Close()
				h.took.add(time.Since(began))
				break
			}
			h.refused.add("sign-in")
			rest(ctx, 100*time.Millisecond)
		}
		rest(ctx, 200*time.Millisecond)
	}
}

// withstand runs an assault beside honest clients and reports.
func (o *overload) withstand(ctx context.Context, a assault, last time.Duration) (problems []string) {
	ctx, end := context.WithCancel(ctx)
	defer end()
	var all sync.WaitGroup
	all.Go(func() { a.run(ctx, o) })
	rest(ctx, a.lead)
	var senders, readers honest
	for i := range 20 {
		all.Go(func() { senders.run(ctx, o, &net.TCPAddr{IP: net.IPv4(127, 9, 0, byte(1+i))}) })
	}
	for range 4 {
		all.Go(func() { readers.signIns(ctx, o) })
	}
	peak := o.watch(ctx, last)
	end()
	all.Wait()
	p99, signed := senders.took.percentile(0.99), readers.took.percentile(0.99)
	say("%-46s honest mail: %4d, p50 %6v, p99 %6v, put off: %v; sign-ins: %4d, p99 %6v, put off: %v; memory %d MB, %d goroutines, %d files",
		a.name, senders.took.count(), round(senders.took.percentile(0.5)), round(p99), &senders.refused,
		readers.took.count(), round(signed), &readers.refused, peak.memory>>20, peak.goroutines, peak.files)
	if answers := o.answers.String(); answers != "" {
		say("    others were told: %s", answers)
		o.answers.clear()
	}
	if senders.took.count() == 0 || p99 > honestLatency {
		problems = append(problems, fmt.Sprintf("%s: of %d honest messages 99 in 100 took up to %v", a.name, senders.took.count(), p99))
	}
	if readers.took.count() == 0 || signed > honestLatency {
		problems = append(problems, fmt.Sprintf("%s: of %d honest sign-ins 99 in 100 took up to %v", a.name, readers.took.count(), signed))
	}
	if peak.memory > mostMemory {
		problems = append(problems, fmt.Sprintf("%s: %d MB of memory", a.name, peak.memory>>20))
	}
	return append(problems, o.recovers(a)...)
}

func round(d time.Duration) time.Duration { return d.Round(time.Millisecond) }

// watch samples for a while and returns the highest of each figure.
func (o *overload) watch(ctx context.Context, last time.Duration) (peak sample) {
	for until := time.Now().Add(last); time.Now().Before(until) && o.server.running(); rest(ctx, 200*time.Millisecond) {
		if now, err := o.server.sample(); err == nil {
			peak = peak.max(now)
		}
	}
	return peak
}

// recovers demands that the server serves at once when it is over, and that
// connections and goroutines go.
func (o *overload) recovers(a assault) (problems []string) {
	var h honest
	began := time.Now()
	for !h.once(context.Background(), o, nil) && time.Since(began) < patience {
		time.Sleep(10 * time.Millisecond)
	}
	took := time.Since(began)
	var now sample
	var err error
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
		if now, err = o.server.sample(); err == nil && now.goroutines < 100 {
			break
		}
	}
	say("    afterwards: a message in %v; within %v %d goroutines, memory %d MB", round(took), round(time.Since(began)), now.goroutines, now.memory>>20)
	if took > honestLatency {
		problems = append(problems, fmt.Sprintf("%s: the first message afterwards took %v", a.name, took))
	}
	if err != nil || now.goroutines >= 100 {
		problems = append(problems, fmt.Sprintf("%s: %d goroutines stay (%v)", a.name, now.goroutines, err))
	}
	return problems
}

// overwhelm lets everything come that the server cannot take.
func (o options) overwhelm(ctx context.Context, dir string) error {
	l := &life{binary: o.binary, dir: dir, random: rand.New(rand.NewPCG(o.seed, 0)), plain: true, whenRefused: refused, strict: true}
	l.begin()
	w, err := newWorld(func() *outbox { return l.outbox })
	if err != nil {
		return err
	}
	defer w.close()
	l.world = w
	var problems []string
	err = l.mounted(func(config, data string) error {
		s, err := launch([]string{l.binary}, config, data)
		if err != nil {
			return err
		}
		defer s.kill()
		if wrong := l.resume(s); len(wrong) > 0 {
			return errors.New(wrong[0])
		}
		load := &overload{life: l, server: s}
		for _, a := range assaults() {
			if strings.Contains(a.name, o.only) && ctx.Err() == nil {
				problems = append(problems, load.withstand(ctx, a, max(o.last, 8*time.Second))...)
			}
		}
		problems = append(problems, l.verify(s)...)
		if !s.running() {
			fmt.Fprintln(os.Stderr, s.log.String())
		}
		return s.stop()
	})
	if len(problems) > 0 {
		err = errors.Join(err, errors.New(strings.Join(problems[:min(len(problems), 20)], "\n")))
	}
	return err
}
