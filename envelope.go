package gomail

import (
	"net/netip"
	"time"
)

// Envelope is what SMTP says about a message beside its content, RFC 5321
// section 2.3.1.
type Envelope struct {
	From       Address // the reverse-path; null for bounces
	Recipients []Recipient
	SMTPUTF8   bool   // RFC 6531: the message or an address needs it
	EightBit   bool   // BODY=8BITMIME, RFC 6152
	Return     string // DSN RET: "FULL", "HDRS" or empty, RFC 3461 section 4.3
	EnvelopeID string // DSN ENVID, decoded, RFC 3461 section 4.4
	Client     Client // who handed it to us

	Release   time.Time // not to be delivered before, RFC 4865; zero: at once
	DeliverBy DeliverBy

	TLS TLSNeed
}

// TLSNeed says how a message insists on TLS on its way to its recipients.
type TLSNeed uint8

// How a message insists on TLS.
const (
	TLSByPolicy TLSNeed = iota // as the recipients' domains want it
	TLSRequired                // it only goes to servers that are verified and promise the same: REQUIRETLS, RFC 8689 section 2
	TLSOptional                // no policy holds it up: "TLS-Required: No", RFC 8689 section 3
)

// DeliverBy says by when a message is to be delivered, RFC 2852. The zero value
// says nothing.
type DeliverBy struct {
	Deadline time.Time
	Return   bool // by-mode R: what is late is returned; else (N) its sender is told, and it goes on
	Trace    bool // the sender wants to know when it is handed to another server
}

// Passed reports whether the deadline has passed.
func (d DeliverBy) Passed(now time.Time) bool {
	return !d.Deadline.IsZero() && !now.Before(d.Deadline)
}

// Mode is the by-mode with its by-trace, as they stand in the parameter BY.
func (d DeliverBy) Mode() string {
	mode := "N"
	if d.Return {
		mode = "R"
	}
	if d.Trace {
		mode += "T"
	}
	return mode
}

// Recipient is one forward-path and its DSN parameters, RFC 3461 section 4.
type Recipient struct {
	Address  Address
	Notify   Notify
	Original string // ORCPT, its address decoded: "rfc822;anna@example.com"; empty when absent
}

// Notify is a set of the conditions under which a sender wants a delivery
// status notification. The zero value is the default: failure, and delay.
type Notify uint8

// The NOTIFY keywords of RFC 3461 section 4.1.
const (
	NotifyNever Notify = 1 << iota
	NotifySuccess
	NotifyFailure
	NotifyDelay
)

// Client is the SMTP client of a session.
type Client struct {
	Addr     netip.AddrPort // its address
	Local    netip.AddrPort // ours
	Helo     string         // what it called itself
	ESMTP    bool           // it said EHLO
	LMTP     bool           // it said LHLO: another mail server of ours, over a socket of this machine
	TLS      *TLSInfo       // nil: plain text
	Account  AccountID      // the authenticated account, 0: none
	Received time.Time      // when the transaction began
}

// Remote names where the client is, for logs.
func (c *Client) Remote() string {
	if c.LMTP {
		return "LMTP socket"
	}
	return c.Addr.Addr().String()
}

// TLSInfo names what protects a connection, in the IANA's words.
type TLSInfo struct {
	Version string // "TLS1.3"
	Cipher  string // "TLS_AES_128_GCM_SHA256"
}

// Protocol returns the IANA's name for how the client spoke to us, for the
// "with" clause of Received (RFC 3848, RFC 6531 section 3.7.3 aside).
func (c *Client) Protocol() string {
	if c.LMTP {
		return "LMTP"
	}
	if !c.ESMTP {
		return "SMTP"
	}
	name := "ESMTP"
	if c.TLS != nil {
		name += "S"
	}
	if c.Account != 0 {
		name += "A"
	}
	return name
}
