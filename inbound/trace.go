package inbound

import (
	"fmt"
	"strings"
	"time"

	"gomail"
	"gomail/mailauth"
	"gomail/message"
)

// returnPath renders the envelope's sender, RFC 5321 section 4.4.
func (t *Transaction) returnPath() []byte {
	return []byte("Return-Path: <" + t.from.String() + ">\r\n")
}

// received renders our trace field, RFC 5321 section 4.4, for one recipient.
func (s *Service) received(t *Transaction, auth mailauth.Result, rcpt gomail.Address, now time.Time) string {
	value := fmt.Sprintf("from %s (%s) by %s with %s id %s for <%s>; %s",
		traceName(t.client.Helo), traceSource(t.client, auth.IPRev.Name), s.config.Hostname, t.client.Protocol(), t.id, rcpt, message.FormatDate(now))
	return message.FoldField("Received", value)
}

// traceName renders what the client called itself: the standard's domain or
// address literal, and nothing else, because it is the client's own word.
func traceName(helo string) string {
	clean := strings.Map(func(r rune) rune {
		if r > ' ' && r < 0x7f && !strings.ContainsRune(`()<>;\"`, r) {
			return r
		}
		return -1
	}, helo)
	if clean == "" {
		return "unknown"
	}
	return clean[:min(len(clean), gomail.MaxDomain)]
}

// traceSource renders where the connection really came from.
func traceSource(c *gomail.Client, name string) string {
	if c.LMTP {
		return "LMTP socket"
	}
	addr := c.Addr.Addr().Unmap()
	literal := addr.String()
	if addr.Is6() {
		literal = "IPv6:" + literal
	}
	if name == "" {
		return "[" + literal + "]"
	}
	return name + " [" + literal + "]"
}
