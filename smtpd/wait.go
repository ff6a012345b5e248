package smtpd

import (
	"errors"
	"os"
	"time"
)

// interrupt asks the session to end when it next waits for a command, and
// wakes it if it does now.
func (c *conn) interrupt(crowded bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closing, c.crowded = true, crowded
	if c.waiting || crowded {
		c.raw.SetReadDeadline(time.Unix(1, 0))
	}
}

func (c *conn) isCrowded() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.crowded
}

func (c *conn) isClosing() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closing
}

// moreCommand waits for more of a command line. It fails when the line's
// deadline has passed or shutdown begins.
func (c *conn) moreCommand() error {
	if err := c.flush(); err != nil {
		return err
	}
	c.in.giveBack()
	if c.deadline.IsZero() {
		c.deadline = c.commandDeadline(time.Now())
	}
	if !c.beginWait() {
		return errClosing
	}
	err := c.in.read()
	if c.endWait() && errors.Is(err, os.ErrDeadlineExceeded) {
		return errClosing
	}
	return err
}

func (c *conn) commandDeadline(now time.Time) time.Time {
	deadline := now.Add(c.cfg.CommandTimeout)
	if c.cfg.Submission && !c.authenticated {
		if auth := c.opened.Add(c.cfg.AuthTimeout); auth.Before(deadline) {
			return auth
		}
	}
	return deadline
}

// beginWait sets the deadline, unless shutdown has begun. Between the chunks
// of a message shutdown does not interrupt.
func (c *conn) beginWait() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing && !c.tx.receiving {
		return false
	}
	c.waiting = !c.tx.receiving
	c.raw.SetReadDeadline(c.deadline)
	return true
}

// mayWait sets the deadline for more of a message, unless others need the seat:
// then it came too slowly.
func (c *conn) mayWait(deadline time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.crowded {
		return false
	}
	c.raw.SetReadDeadline(deadline)
	return true
}

// endWait reports whether shutdown has interrupted the wait.
func (c *conn) endWait() (interrupted bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	interrupted = c.closing && c.waiting
	c.waiting = false
	return interrupted
}

// pace tells how fast a message arrives. Only time spent waiting for the
// client counts, not the time that the backend takes.
type pace struct {
	octets int64
	waited time.Duration
}

// allowance is how much longer the client may keep us waiting.
func (p pace) allowance(rate int64) time.Duration {
	earned := time.Duration(float64(p.octets) / float64(rate) * float64(time.Second))
	return rateGrace + earned - p.waited
}

// usefulOctets is how much of a message has to arrive to be of use. Who sends
// less in the time for which a crowded server waits has to make room.
const usefulOctets = 16 << 10

// moreContent waits for more of a message.
func (c *conn) moreContent() error {
	if err := c.flush(); err != nil {
		return err
	}
	c.in.borrow()
	allowance := c.pace.allowance(c.cfg.MinTransferRate)
	if allowance <= 0 {
		return errTooSlow
	}
	before, had := time.Now(), c.in.w-c.in.r
	if !c.mayWait(before.Add(min(allowance, c.cfg.DataTimeout))) {
		return errTooSlow
	}
	err := c.in.read()
	c.pace.waited += time.Since(before)
	came := int64(c.in.w - c.in.r - had)
	if (c.pace.octets+came)/usefulOctets > c.pace.octets/usefulOctets {
		c.seat.Useful()
	}
	c.pace.octets += came
	return err
}

// What the tarpit lets pass, and how deep it gets.
const (
	tarpitFree = 3
	tarpitMost = 20
)

// tarpit has the reply to the client's nth fault wait. The session may end
// meanwhile.
func (c *conn) tarpit(n int) {
	steps := min(n-tarpitFree, tarpitMost)
	if c.cfg.Tarpit <= 0 || steps <= 0 {
		return
	}
	timer := time.NewTimer(time.Duration(steps) * c.cfg.Tarpit)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-c.ending:
	}
}
