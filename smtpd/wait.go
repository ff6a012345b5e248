package smtpd

import (
	"errors"
	"os"
	"time"
)

// interrupt asks the session to end when it next waits for a command, and
// wakes it if it does now.
func (c *conn) interrupt() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closing = true
	if c.waiting {
		c.raw.SetReadDeadline(time.Unix(1, 0))
	}
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
	c.raw.SetReadDeadline(before.Add(min(allowance, c.cfg.DataTimeout)))
	err := c.in.read()
	c.pace.waited += time.Since(before)
	c.pace.octets += int64(c.in.w - c.in.r - had)
	return err
}
