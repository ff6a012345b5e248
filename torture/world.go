package main

import (
	"io"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/miekg/dns"
)

// world is what is around the server and keeps its power: a DNS, and a server
// that takes all mail.
type world struct {
	resolver string
	sink     string
	dns      *dns.Server
	smtp     *smtp.Server
	outbox   func() *outbox
	mute     atomic.Bool // the DNS does not answer
}

func newWorld(outbox func() *outbox) (*world, error) {
	w := &world{outbox: outbox}
	packets, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		packets.Close()
		return nil, err
	}
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	w.resolver, w.sink = packets.LocalAddr().String(), net.JoinHostPort(sinkName, port)
	w.dns = &dns.Server{PacketConn: packets, Handler: dns.HandlerFunc(w.answer)}
	w.smtp = smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &delivery{world: w}, nil }))
	w.smtp.Domain, w.smtp.MaxMessageBytes, w.smtp.ErrorLog = sinkName, 64<<20, nullLog{}
	go w.dns.ActivateAndServe()
	go w.smtp.Serve(listener)
	return w, nil
}

func (w *world) close() {
	w.dns.Shutdown()
	w.smtp.Close()
}

// sinkName is the one name that exists.
const sinkName = "sink.test"

// answer says where the other server is, and of all other names that they do
// not exist. Muted it says nothing.
func (w *world) answer(to dns.ResponseWriter, question *dns.Msg) {
	if w.mute.Load() {
		return
	}
	answer := new(dns.Msg)
	q := question.Question[0]
	if q.Name != sinkName+"." {
		answer.SetRcode(question, dns.RcodeNameError)
		to.WriteMsg(answer)
		return
	}
	answer.SetReply(question)
	if q.Qtype == dns.TypeA {
		head := dns.RR_Header{Name: q.Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 1}
		answer.Answer = append(answer.Answer, &dns.A{Hdr: head, A: net.IPv4(127, 0, 0, 1)})
	}
	to.WriteMsg(answer)
}

// delivery is a session at the other server.
type delivery struct{ world *world }

// Mail takes any sender.
func (delivery) Mail(string, *smtp.MailOptions) error { return nil }

// Rcpt puts a few off, so that the queue has something to keep.
func (delivery) Rcpt(string, *smtp.RcptOptions) error {
	if rand.IntN(40) == 0 {
		return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 7, 1}, Message: "later"}
	}
	return nil
}

// Data takes the message.
func (d delivery) Data(r io.Reader) error {
	message, err := io.ReadAll(r)
	if err == nil {
		d.world.outbox().arrived(message)
	}
	return err
}

// Reset does nothing: nothing is kept.
func (delivery) Reset() {}

// Logout does nothing.
func (delivery) Logout() error { return nil }

type nullLog struct{}

// Printf says nothing: the connections of a killed server end oddly.
func (nullLog) Printf(string, ...any) {}

// Println says nothing.
func (nullLog) Println(...any) {}

// patience is how long any one answer may take.
const patience = 30 * time.Second
