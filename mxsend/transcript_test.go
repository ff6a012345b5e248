package mxsend

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"gomail"
	"gomail/queue"
	"gomail/tlspolicy"
)

var update = flag.Bool("update", false, "write the C: and R: lines of the transcripts anew")

// TestTranscripts plays testdata/*.txt, as the server. Their lines:
//
//	#         why the transcript is there
//	from:     the sender; rcpt: a recipient, with notify= and orcpt=
//	envelope: utf8, 8bit, ret=, envid=, by=seconds;mode
//	content:  the message, with Go's escapes
//	mx:, a:   the DNS: preference and host of example.net, addresses of a host
//	config:   tlsroot, tlsclock (its authority is not trusted), tls=wish, recipients=, messages=, smarthost=host:port (mx:0: straight to the MX)
//	          and for the smarthost before: auth=name:password, by=MECHANISM, opportunistic, senders=, destinations=
//	D:        the client connects to an address; D!: which does not answer
//	S:        a line that the server sends; S|: raw, with Go's escapes
//	C:        a line that the client must send; a star at its end: and anything more
//	TLS:      TLS begins; TLS!: the server spoils the handshake; TLS?: the client does
//	drop:     the server closes the connection
//	hang:     the server is silent until the client gives up
//	R:        the result of the recipients, in order
//	deliver:  another delivery of the same task begins
//	secure:   DNSSEC authenticates the MX and these hosts; secure!: asking for their TLSA records fails
//	tlsa:     a TLSA record of a host: usage, selector, matching type, and own, issuer or data
//	sts:      the MTA-STS policy of example.net: mode and hosts
//	P:        a session as it is counted for reports: policy, result, host
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no transcripts", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			cert := testCertificate(t) // outside the bubble, whose clock is not ours
			synctest.Test(t, func(t *testing.T) { playFile(t, file, cert) })
		})
	}
}

type dialed struct {
	addr   string
	answer chan net.Conn // closed: no answer
}

// stage is the server's side of a transcript.
type stage struct {
	t       *testing.T
	file    string
	cert    tls.Certificate
	cfg     Config
	zone    *zone
	task    queue.Task
	content string
	sender  *Sender
	dials   chan dialed
	results chan []queue.Result
	pending []string // results not yet checked
	told    []string // sessions not yet checked
	conn    net.Conn
	r       *bufio.Reader
	written []string
}

func playFile(t *testing.T, file string, cert tls.Certificate) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	s := &stage{t: t, file: file, cert: cert, zone: newZone(), content: "Subject: x\r\n\r\nhello\r\n"}
	s.task = taskFor(t, "bob@example.com")
	s.task.Site = "example.net"
	s.dials = make(chan dialed)
	s.results = make(chan []queue.Result, 1)
	s.cfg = Config{Hostname: "mail.example.com", Resolver: s.zone, AllowPrivateNetworks: true, Dial: s.dial, Secure: s.zone, Session: s.session}
	for i, line := range strings.Split(strings.TrimRight(string(text), "\n"), "\n") {
		s.play(i, line)
	}
	s.sender.Close()
	if strings.Contains(string(text), "\nP:") && len(s.told) > 0 {
		t.Errorf("%s: sessions not in the transcript: %q", file, s.told)
	}
	if len(s.pending) > 0 {
		t.Errorf("%s: results not in the transcript: %q", file, s.pending)
	}
	if *update {
		if err := os.WriteFile(file, []byte(strings.Join(s.written, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func (s *stage) dial(ctx context.Context, _, addr string) (net.Conn, error) {
	d := dialed{addr, make(chan net.Conn)}
	select {
	case s.dials <- d:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	c, ok := <-d.answer
	if !ok {
		return nil, errors.New("connection refused")
	}
	return c, nil
}

func (s *stage) play(i int, line string) {
	kind, rest, _ := strings.Cut(line, ":")
	rest = strings.TrimPrefix(rest, " ")
	words := strings.Fields(rest)
	switch kind {
	case "from":
		s.task.Envelope.From = mustAddress(s.t, rest)
	case "rcpt":
		s.addRecipient(words)
	case "envelope":
		s.setEnvelope(words)
	case "content":
		s.content = s.unquote(rest)
	case "config":
		s.configure(words)
	case "mx":
		pref, _ := strconv.Atoi(words[0])
		s.zone.mx["example.net"] = append(s.zone.mx["example.net"], &net.MX{Host: words[1] + ".", Pref: uint16(pref)})
	case "a":
		s.zone.addr[words[0]] = words[1:]
	case "secure", "secure!":
		s.zone.authenticate(words, kind == "secure!")
	case "tlsa":
		s.addTLSA(words)
	case "sts":
		s.cfg.STS = func(context.Context, string) (*tlspolicy.Policy, *tlspolicy.Failure) {
			return &tlspolicy.Policy{Mode: tlspolicy.Mode(words[0]), MX: words[1:], MaxAge: time.Hour}, nil
		}
	case "P":
		line = "P: " + s.checkSession(i, rest)
	case "deliver":
		s.deliver()
	case "D", "D!":
		s.accept(i, rest, kind == "D!")
	case "S":
		s.say(i, rest+"\r\n")
	case "S|":
		s.say(i, s.unquote(rest))
	case "C":
		line = "C: " + s.hear(i, rest)
	case "TLS":
		s.startTLS(i)
	case "TLS?":
		c := tls.Server(s.conn, &tls.Config{Certificates: []tls.Certificate{s.cert}, MaxVersion: tls.VersionTLS12})
		if err := c.Handshake(); err == nil {
			s.t.Fatalf("%s:%d: the client trusts the certificate", s.file, i+1)
		}
		s.conn.Close()
	case "TLS!":
		s.conn.Read(make([]byte, 1<<10))
		io.WriteString(s.conn, "no TLS here, only a broken server\r\n")
		io.Copy(io.Discard, s.conn)
		s.conn.Close()
	case "drop":
		s.conn.Close()
	case "hang":
		io.Copy(io.Discard, s.conn)
		s.conn.Close()
	case "R":
		line = "R: " + s.checkResult(i, rest)
	case "":
	default:
		if !strings.HasPrefix(kind, "#") {
			s.t.Fatalf("%s:%d: no such kind of line: %s", s.file, i+1, line)
		}
	}
	s.written = append(s.written, strings.TrimRight(line, " "))
}

func (s *stage) unquote(text string) string {
	raw, err := strconv.Unquote(`"` + text + `"`)
	if err != nil {
		s.t.Fatalf("%s: %v: %s", s.file, err, text)
	}
	return raw
}

func (s *stage) addRecipient(words []string) {
	r := queue.Recipient{Recipient: gomail.Recipient{Address: mustAddress(s.t, words[0])}, N: len(s.task.Rcpts)}
	for _, w := range words[1:] {
		switch key, value, _ := strings.Cut(w, "="); key {
		case "notify":
			n, _ := strconv.Atoi(value)
			r.Notify = gomail.Notify(n)
		case "orcpt":
			r.Original = value
		}
	}
	s.task.Rcpts = append(s.task.Rcpts, r)
}

func (s *stage) setEnvelope(words []string) {
	e := &s.task.Envelope
	for _, w := range words {
		switch key, value, _ := strings.Cut(w, "="); key {
		case "utf8":
			e.SMTPUTF8 = true
		case "requiretls":
			e.TLS = gomail.TLSRequired
		case "tls-optional":
			e.TLS = gomail.TLSOptional
		case "8bit":
			e.EightBit = true
		case "ret":
			e.Return = value
		case "by":
			seconds, mode, _ := strings.Cut(value, ";")
			n, _ := strconv.Atoi(seconds)
			e.DeliverBy = gomail.DeliverBy{Deadline: time.Now().Add(time.Duration(n) * time.Second), Return: mode[0] == 'R', Trace: len(mode) > 1}
		case "envid":
			e.EnvelopeID = s.unquote(value)
		}
	}
}

func (s *stage) configure(words []string) {
	for _, w := range words {
		key, value, _ := strings.Cut(w, "=")
		n, _ := strconv.Atoi(value)
		switch key {
		case "tlsroot":
			pool := x509.NewCertPool()
			leaf, _ := x509.ParseCertificate(s.cert.Certificate[0])
			pool.AddCert(leaf)
			s.cfg.TLS = &tls.Config{RootCAs: pool, Time: func() time.Time { return leaf.NotBefore.Add(time.Minute) }}
		case "tlsclock": // nobody is trusted, and the certificate is valid
			leaf, _ := x509.ParseCertificate(s.cert.Certificate[0])
			s.cfg.TLS = &tls.Config{RootCAs: x509.NewCertPool(), Time: func() time.Time { return leaf.NotBefore.Add(time.Minute) }}
		case "smarthost":
			host, port, _ := strings.Cut(value, ":")
			n, _ := strconv.Atoi(port)
			s.cfg.Smarthosts = append(s.cfg.Smarthosts, Smarthost{Host: strings.TrimPrefix(host, "mx"), Port: n})
		case "tls":
			wish, _ := ParseWish(value)
			s.cfg.Destinations = []Destination{{TLS: wish}}
		case "auth", "by", "opportunistic", "senders", "destinations":
			s.configureSmarthost(&s.cfg.Smarthosts[len(s.cfg.Smarthosts)-1], key, value)
		case "recipients":
			s.cfg.MaxRecipients = n
		case "messages":
			s.cfg.MaxMessages = n
		default:
			s.t.Fatalf("unknown config word %q", w)
		}
	}
}

func (s *stage) configureSmarthost(h *Smarthost, key, value string) {
	switch key {
	case "auth":
		h.Username, h.Password, _ = strings.Cut(value, ":")
	case "by":
		h.Mechanism = value
	case "opportunistic":
		h.Opportunistic = true
	case "senders":
		h.Senders = strings.Split(value, ",")
	case "destinations":
		h.Destinations = strings.Split(value, ",")
	}
}

func (s *stage) deliver() {
	if s.sender == nil {
		s.sender = New(s.cfg)
	}
	go func() { s.results <- s.sender.Deliver(s.t.Context(), s.task, contentOf(s.content)) }()
}

func (s *stage) accept(i int, addr string, refuse bool) {
	if s.sender == nil {
		s.deliver()
	}
	var d dialed
	select {
	case d = <-s.dials:
	case r := <-s.results:
		s.t.Fatalf("%s:%d: no connection but results %+v", s.file, i+1, r)
	}
	if d.addr != addr {
		s.t.Fatalf("%s:%d: the client connects to %s, want %s", s.file, i+1, d.addr, addr)
	}
	if refuse {
		close(d.answer)
		return
	}
	client, server := net.Pipe()
	s.conn = server
	s.r = bufio.NewReaderSize(server, 1<<20)
	d.answer <- client
}

func (s *stage) say(i int, text string) {
	if _, err := io.WriteString(s.conn, text); err != nil {
		s.t.Fatalf("%s:%d: %v", s.file, i+1, err)
	}
}

func (s *stage) hear(i int, want string) string {
	got, err := s.r.ReadString('\n')
	if err != nil {
		got = fmt.Sprintf("<%v>", err)
	} else if !strings.HasSuffix(got, "\r\n") {
		s.t.Errorf("%s:%d: the line %q does not end in CRLF", s.file, i+1, got)
	}
	got = strings.TrimRight(got, "\r\n")
	if start, ok := strings.CutSuffix(want, "*"); ok && strings.HasPrefix(got, start) {
		return want
	}
	if got != want && !*update {
		s.t.Fatalf("%s:%d:\n got  C: %s\n want C: %s", s.file, i+1, got, want)
	}
	return got
}

func (s *stage) startTLS(i int) {
	now := func() time.Time {
		leaf, _ := x509.ParseCertificate(s.cert.Certificate[0])
		return leaf.NotBefore.Add(time.Minute)
	}
	c := tls.Server(s.conn, &tls.Config{Certificates: []tls.Certificate{s.cert}, Time: now})
	if err := c.Handshake(); err != nil {
		s.t.Fatalf("%s:%d: %v", s.file, i+1, err)
	}
	s.conn, s.r = c, bufio.NewReader(c)
}

// checkResult compares one line of the results, waiting for them first.
func (s *stage) checkResult(i int, want string) string {
	if len(s.pending) == 0 {
		if s.sender == nil {
			s.deliver()
		}
		for _, r := range <-s.results {
			s.pending = append(s.pending, fmt.Sprintf("%d %s %d %s %q %s %s%s", r.N, outcomeName(r.Outcome), r.Code, r.Enhanced, r.Text, r.Remote, strings.TrimSpace(r.TLS.Version+" "+string(r.TLS.Verified)), marks(r)))
		}
	}
	got := strings.TrimRight(s.pending[0], " ")
	s.pending = s.pending[1:]
	if got != want && !*update {
		s.t.Fatalf("%s:%d:\n got  R: %s\n want R: %s", s.file, i+1, got, want)
	}
	return got
}

// session takes down what is counted; it is told before the results are.
func (s *stage) session(x tlspolicy.Session) {
	result := string(x.Failure.Type)
	if result == "" {
		result = "success"
	}
	s.told = append(s.told, strings.TrimSpace(fmt.Sprintf("%s %s %s", x.Policy, result, x.Failure.ReceivingMX)))
}

func (s *stage) checkSession(i int, want string) string {
	got := "<none>"
	if len(s.told) > 0 {
		got, s.told = s.told[0], s.told[1:]
	}
	if got != want && !*update {
		s.t.Fatalf("%s:%d:\n got  P: %s\n want P: %s", s.file, i+1, got, want)
	}
	return got
}

func (s *stage) addTLSA(words []string) {
	name, _ := dns.NewRR("_25._tcp." + words[0] + ". 300 IN TLSA " + strings.Join(append(words[1:4:4], "00"), " "))
	rr := name.(*dns.TLSA)
	leaf, _ := x509.ParseCertificate(s.cert.Certificate[0])
	switch rr.Certificate = words[4]; words[4] {
	case "own":
		rr.Certificate, _ = dns.CertificateToDANE(rr.Selector, rr.MatchingType, leaf)
	case "other":
		rr.Certificate = strings.Repeat("ab", 32)
	}
	s.zone.tlsa[words[0]] = append(s.zone.tlsa[words[0]], rr)
}

func marks(r queue.Result) (s string) {
	if r.PassedBy {
		s += " by"
	}
	if r.PassedOn {
		s += " passed-on"
	}
	if r.Lost {
		s += " lost"
	}
	return s
}

var makeCertificate = sync.OnceValues(func() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		DNSNames:     []string{"mx.example.net", "relay.example.com"},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
		IsCA:         true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
})

func testCertificate(t testing.TB) tls.Certificate {
	cert, err := makeCertificate()
	if err != nil {
		t.Fatal(err)
	}
	return cert
}
