// Package ladder knows the steps by which a domain's policies become strict:
// DMARC none → quarantine → reject (RFC 9989), SPF ~all → -all (RFC 7208),
// MTA-STS testing → enforce (RFC 8461), and TLSA from not published to
// published (RFC 7672).
//
// A step is offered with evidence in numbers, naming whose mail would be lost
// and how to authorise it; it is taken only when somebody asks for it; and
// afterwards it is watched, with the way back at hand.
//
// It is pure: evidence, history and time are parameters, and what it returns
// are settings, which somebody else saves and publishes.
package ladder
