package resolver

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/miekg/dns"
)

// ednsSize is the UDP payload that passes without fragments nearly
// everywhere (the value of DNS Flag Day 2020).
const ednsSize = 1232

// ask sends one question to the servers in turn until one gives an answer
// that settles it: data, no data, or no such name.
func (r *Resolver) ask(ctx context.Context, q question) (*dns.Msg, error) {
	var last error
	first := r.preferred.Load()
	for i := range rounds * len(r.servers) {
		n := (int(first) + i) % len(r.servers)
		msg, err := r.askServer(ctx, r.servers[n], q)
		if err == nil {
			r.preferred.Store(uint32(n))
			return msg, nil
		}
		if ctx.Err() != nil {
			return nil, contextError(ctx, q.name)
		}
		last = failure(q.name, r.servers[n].address, err)
	}
	return nil, last
}

func failure(name, server string, err error) error {
	timeout := errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded)
	return &net.DNSError{Err: err.Error(), UnwrapErr: err, Name: name, Server: server, IsTimeout: timeout, IsTemporary: true}
}

// askServer asks one server: UDP, then TCP when that was cut short, and once
// more without EDNS for servers that choke on it (RFC 6891 section 7). The AD
// bit of one that is not trusted is taken away.
func (r *Resolver) askServer(ctx context.Context, s nameServer, q question) (*dns.Msg, error) {
	msg, err := r.attempt(ctx, s.address, message(q, s.trusted))
	if err == nil && (msg.Rcode == dns.RcodeFormatError || msg.Rcode == dns.RcodeNotImplemented) {
		plain := message(q, s.trusted)
		plain.Extra = nil
		msg, err = r.attempt(ctx, s.address, plain)
	}
	if err != nil {
		return nil, err
	}
	msg.AuthenticatedData = msg.AuthenticatedData && s.trusted
	switch msg.Rcode {
	case dns.RcodeSuccess, dns.RcodeNameError:
		return msg, nil
	}
	return nil, fmt.Errorf("the server answered %s", dns.RcodeToString[msg.Rcode])
}

// message is a query; with ad it asks for the AD bit (RFC 6840 section 5.7).
func message(q question, ad bool) *dns.Msg {
	msg := new(dns.Msg)
	msg.SetQuestion(q.name+".", q.qtype) // with a random id
	msg.SetEdns0(ednsSize, false)
	msg.AuthenticatedData = ad
	return msg
}

func (r *Resolver) attempt(ctx context.Context, server string, query *dns.Msg) (*dns.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	packed, err := query.Pack()
	if err != nil {
		return nil, err
	}
	msg, err := r.exchange(ctx, "udp", server, query, packed)
	if err == nil && msg.Truncated {
		msg, err = r.exchange(ctx, "tcp", server, query, packed)
	}
	return msg, err
}

// exchange sends one query over one connection and waits for its response.
func (r *Resolver) exchange(ctx context.Context, network, server string, query *dns.Msg, packed []byte) (*dns.Msg, error) {
	conn, err := r.dial(ctx, network, server)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	deadline, _ := ctx.Deadline()
	if err := conn.SetDeadline(deadline); err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if network == "tcp" {
		return exchangeTCP(conn, query, packed)
	}
	return exchangeUDP(conn, query, packed)
}

// exchangeUDP ignores datagrams that are no response to the query: they may
// be forged, and the true one may still come.
func exchangeUDP(conn net.Conn, query *dns.Msg, packed []byte) (*dns.Msg, error) {
	if _, err := conn.Write(packed); err != nil {
		return nil, err
	}
	buf := make([]byte, 4096)
	for {
		n, err := conn.Read(buf)
		if err != nil {
			return nil, err
		}
		if msg, ok := response(query, buf[:n]); ok {
			return msg, nil
		}
	}
}

func exchangeTCP(conn net.Conn, query *dns.Msg, packed []byte) (*dns.Msg, error) {
	framed := binary.BigEndian.AppendUint16(nil, uint16(len(packed)))
	if _, err := conn.Write(append(framed, packed...)); err != nil {
		return nil, err
	}
	var length [2]byte
	if _, err := io.ReadFull(conn, length[:]); err != nil {
		return nil, err
	}
	buf := make([]byte, binary.BigEndian.Uint16(length[:]))
	if _, err := io.ReadFull(conn, buf); err != nil {
		return nil, err
	}
	msg, ok := response(query, buf)
	if !ok || msg.Truncated {
		return nil, errors.New("the server's response over TCP does not belong to the question or is cut short")
	}
	return msg, nil
}

// response reads a response and reports whether it belongs to the query: its
// id and its question must be the query's (RFC 5452 section 4.2). What a
// truncated message fails to hold does not matter, so only its header and
// question are needed.
func response(query *dns.Msg, packed []byte) (*dns.Msg, bool) {
	msg := new(dns.Msg)
	err := msg.Unpack(packed)
	if err != nil && !msg.Truncated {
		return nil, false
	}
	if !msg.Response || msg.Id != query.Id {
		return nil, false
	}
	if len(msg.Question) == 0 {
		// A server that reports a format error may leave the question out.
		return msg, msg.Rcode == dns.RcodeFormatError || msg.Rcode == dns.RcodeNotImplemented
	}
	asked, got := query.Question[0], msg.Question[0]
	ok := len(msg.Question) == 1 && got.Qtype == asked.Qtype && got.Qclass == asked.Qclass &&
		sameName(got.Name, asked.Name[:len(asked.Name)-1])
	return msg, ok
}
