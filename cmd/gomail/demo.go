package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"gomail"
	"gomail/accounts"
	"gomail/cmd/gomail/internal/sandbox"
	"gomail/dnsplan"
	"gomail/domains"
	"gomail/internal/config"
)

type demoCmd struct {
	JSON bool          `help:"Print one line of JSON once everything answers." name:"json"`
	For  time.Duration `help:"Stop by itself after this time." placeholder:"DURATION"`
}

// Help shows an example.
func (demoCmd) Help() string {
	return "Everything listens on loopback: this server, a DNS, another domain's mail server. Nothing leaves the machine.\n\nExample: gomail demo\n\nExample: gomail demo --json --dir /tmp/demo --for 10m"
}

// demoReport is what the demo says of itself.
type demoReport struct {
	Hostname    string        `json:"hostname"`
	Domain      string        `json:"domain"`
	Web         string        `json:"web"`
	SMTP        string        `json:"smtp"`
	Submission  string        `json:"submission"`
	Submissions string        `json:"submissions"`
	IMAP        string        `json:"imap"`
	IMAPS       string        `json:"imaps"`
	POP3        string        `json:"pop3"`
	POP3S       string        `json:"pop3s"`
	DNS         string        `json:"dns"`
	CAFile      string        `json:"ca_file"`
	DataDir     string        `json:"data_dir"`
	Admin       demoAccount   `json:"admin"`
	Accounts    []demoAccount `json:"accounts"`
	Remote      demoRemote    `json:"remote"`
}

type demoAccount struct {
	Address  string `json:"address"`
	Password string `json:"password"`
}

type demoRemote struct {
	Domain  string `json:"domain"`
	SMTP    string `json:"smtp"`
	Maildir string `json:"maildir"`
}

// Run runs the demo until it is told to stop.
func (c demoCmd) Run(a *app) error {
	ctx := a.ctx
	if c.For > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.For)
		defer cancel()
	}
	dir, cleanUp, err := demoDir(a.dir)
	if err != nil {
		return err
	}
	defer cleanUp()
	log := newLogger(a.stderr, config.Log{Level: slog.LevelWarn, Format: "text"})
	box, err := sandbox.New(filepath.Join(dir, "sandbox"), log)
	if err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	outer, stopOuter := context.WithCancel(context.WithoutCancel(ctx))
	g.Go(func() error { return box.Run(outer) })
	g.Go(func() error {
		defer stopOuter()
		s, report, err := c.start(ctx, dir, box, log)
		if err != nil {
			return err
		}
		if err := c.print(a, report); err != nil {
			return errors.Join(err, s.close())
		}
		return s.Run(ctx)
	})
	if err := g.Wait(); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// demoDir makes the directory that was named, or a temporary one that goes
// away with the demo.
func demoDir(dir string) (string, func(), error) {
	if dir != "" {
		dir, err := filepath.Abs(dir)
		if err != nil {
			return "", nil, err
		}
		return dir, func() {}, os.MkdirAll(dir, 0o700)
	}
	dir, err := os.MkdirTemp("", "gomail-demo-")
	return dir, func() { os.RemoveAll(dir) }, err
}

// start brings the server up in the sandbox: configuration, listeners,
// domain, accounts, DNS.
func (c demoCmd) start(ctx context.Context, dir string, box *sandbox.Sandbox, log *slog.Logger) (*server, demoReport, error) {
	r, err := box.Resolver()
	if err != nil {
		return nil, demoReport{}, err
	}
	s, err := newServer(ctx, demoConfig(dir, box), outside{resolver: r, dial: box.Dial}, log)
	if err != nil {
		return nil, demoReport{}, err
	}
	report := s.demoReport(box)
	box.MapPort(sandbox.Address, report.SMTP)
	box.MapWeb(sandbox.Address, s.bound["web.listen"][0].String())
	err = s.fillDemo(ctx, &report)
	if err == nil {
		err = s.publishDemo(ctx, box)
	}
	if err == nil {
		err = s.connectDemo(ctx, box)
	}
	if err == nil { // its keys are in the DNS now, and sign
		err = s.domains.AdvanceDomain(ctx, sandbox.Domain)
	}
	if err == nil { // so that gomail --dir finds ports and resolver
		err = config.Write(filepath.Join(dir, "gomail.toml"), s.boundConfig())
	}
	if err != nil {
		return nil, report, errors.Join(err, s.close())
	}
	return s, report, nil
}

// demoConfig is a server's configuration on free loopback ports.
func demoConfig(dir string, box *sandbox.Sandbox) config.Config {
	free := []string{"127.0.0.1:0"}
	c := config.Default()
	c.Server = config.Server{Hostname: sandbox.Hostname, DataDir: dir, PublicAddresses: []netip.Addr{netip.MustParseAddr(sandbox.Address)}}
	c.SMTP.Listen, c.SMTP.MaxConnectionsPerAddress = free, 1000
	c.Submission = config.Submission{Listen: free, TLSListen: free, MaxHold: c.Submission.MaxHold} // without limits
	c.IMAP.Listen, c.IMAP.TLSListen = free, free
	c.POP3.Listen, c.POP3.TLSListen = free, free
	c.IMAP.MaxConnectionsPerAddress = c.IMAP.MaxConnections
	c.Web.Listen, c.Web.HTTPListen = free, []string{}
	c.TLS = config.TLS{Mode: "files", CertFile: box.CertFile, KeyFile: box.KeyFile, MinVersion: "1.2"}
	c.TLS.ACMECAFile = box.CAFile
	c.TLS.ACMEDirectory = "https://" + sandbox.CAIssuer + "/directory"
	c.DNS = config.DNS{Resolvers: []string{box.DNS()}, ReachHosts: []string{sandbox.RemoteHost}}
	c.Outbound.AllowPrivateNetworks = true
	c.Secrets.KeyFile = filepath.Join(dir, "secret.key")
	return c
}

// boundConfig is the configuration with the ports that were really taken.
func (s *server) boundConfig() config.Config {
	c := s.config
	for key, list := range map[string]*[]string{
		"smtp.listen": &c.SMTP.Listen, "submission.listen": &c.Submission.Listen, "submission.tls_listen": &c.Submission.TLSListen,
		"imap.listen": &c.IMAP.Listen, "imap.tls_listen": &c.IMAP.TLSListen, "pop3.listen": &c.POP3.Listen, "pop3.tls_listen": &c.POP3.TLSListen, "web.listen": &c.Web.Listen,
	} {
		*list = []string{s.bound[key][0].String()}
	}
	return c
}

func (s *server) demoReport(box *sandbox.Sandbox) demoReport {
	at := func(key string) string { return s.bound[key][0].String() }
	return demoReport{
		Hostname: sandbox.Hostname, Domain: sandbox.Domain, Web: "https://" + at("web.listen"),
		SMTP: at("smtp.listen"), Submission: at("submission.listen"), Submissions: at("submission.tls_listen"),
		IMAP: at("imap.listen"), IMAPS: at("imap.tls_listen"), POP3: at("pop3.listen"), POP3S: at("pop3.tls_listen"), DNS: box.DNS(), CAFile: box.CAFile, DataDir: s.config.Server.DataDir,
		Remote: demoRemote{Domain: sandbox.RemoteDomain, SMTP: box.RemoteSMTP(), Maildir: box.RemoteMaildir()},
	}
}

// fillDemo makes the domain and the accounts, or finds them from an earlier
// run on the same directory.
func (s *server) fillDemo(ctx context.Context, report *demoReport) error {
	_, err := s.domains.Add(ctx, sandbox.Domain, domains.AddOptions{})
	if err != nil && gomail.KindOf(err) != gomail.Exists {
		return err
	}
	for _, local := range []string{"admin", "anna", "bert"} {
		made, err := s.demoAccount(ctx, gomail.Address{Local: local, Domain: sandbox.Domain})
		if err != nil {
			return err
		}
		if local == "admin" {
			report.Admin = made
		} else {
			report.Accounts = append(report.Accounts, made)
		}
	}
	return nil
}

// demoAccount makes an account, or gives one that exists a new password.
func (s *server) demoAccount(ctx context.Context, address gomail.Address) (demoAccount, error) {
	password := randomPassword()
	n := accounts.NewAccount{Address: address, Password: password, Role: gomail.RoleUser}
	if address.Local == "admin" {
		n.Role = gomail.RoleAdmin
	}
	_, err := s.accounts.Add(ctx, n)
	if gomail.KindOf(err) == gomail.Exists {
		var old gomail.Account
		if old, err = s.accounts.Find(ctx, address); err == nil {
			err = s.accounts.SetPassword(ctx, old.ID, password)
		}
	}
	return demoAccount{Address: address.String(), Password: password}, err
}

// publishDemo puts the domain's plan into the sandbox's DNS.
func (s *server) publishDemo(ctx context.Context, box *sandbox.Sandbox) error {
	if err := s.settings.refresh(ctx); err != nil {
		return err
	}
	records, err := s.plan(ctx, sandbox.Domain)
	if err != nil {
		return err
	}
	rrs, err := dnsplan.RRs(records)
	if err != nil {
		return err
	}
	box.Publish(rrs)
	return s.republishDemo(ctx, box)
}

// republishDemo puts back what an earlier run on the same directory published
// for further domains: the sandbox's DNS forgets, and the store does not.
func (s *server) republishDemo(ctx context.Context, box *sandbox.Sandbox) error {
	all, err := s.domains.List(ctx)
	if err != nil {
		return err
	}
	for _, d := range all {
		journal, err := s.publisher.Publications(ctx, d.Name)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(journal, func(p dnsplan.Publication) bool { return p.Kind != "undo" && p.Undone.IsZero() }) {
			continue
		}
		records, err := s.plan(ctx, d.Name)
		if err != nil {
			return err
		}
		own := slices.DeleteFunc(records, func(r dnsplan.Record) bool { return !strings.HasSuffix("."+r.Name, "."+d.Name) })
		rrs, err := dnsplan.RRs(own)
		if err != nil {
			return err
		}
		box.Publish(rrs)
	}
	return nil
}

// sandboxConnection is the demo's DNS provider: its own DNS, which takes
// updates.
const sandboxConnection = "sandbox"

// connectDemo connects the server with the sandbox's DNS as one does with a
// provider. The key changes with every start.
func (s *server) connectDemo(ctx context.Context, box *sandbox.Sandbox) error {
	err := s.publisher.Disconnect(ctx, sandboxConnection)
	if err != nil && gomail.KindOf(err) != gomail.NotFound {
		return err
	}
	key := box.TSIG()
	_, err = s.publisher.Connect(ctx, dnsplan.NewConnection{Name: sandboxConnection, Provider: "rfc2136", Credentials: map[string]string{
		"server": key.Server, "key_name": key.Name, "algorithm": key.Algorithm, "key": key.Secret,
	}})
	return err
}

// print says where everything is: to a program as one line of JSON, to a
// person in words.
func (c demoCmd) print(a *app, r demoReport) error {
	if c.JSON {
		return json.NewEncoder(a.stdout).Encode(r)
	}
	fmt.Fprintf(a.stdout, `GoMail is running in its own little internet. Nothing leaves this machine.

  Admin panel   %s
                sign in as %s, password %s
  Read mail     IMAP with TLS %s, with STARTTLS %s
                POP3 with TLS %s, with STLS %s
  Send mail     submission with TLS %s, with STARTTLS %s
`, r.Web, r.Admin.Address, r.Admin.Password, r.IMAPS, r.IMAP, r.POP3S, r.POP3, r.Submissions, r.Submission)
	for _, x := range r.Accounts {
		fmt.Fprintf(a.stdout, "                %s, password %s\n", x.Address, x.Password)
	}
	fmt.Fprintf(a.stdout, `  Certificates  trust %s
  DNS           %s (dig @127.0.0.1 -p %s %s MX)
  A stranger    %s takes mail for anyone@%s; it arrives in %s
  Data          %s (gomail --dir %s domain list)
  Another one   %s is registered and empty: add it in the panel, and publish
                its records with the connection “%s”

Try:  swaks --server %s --to %s --from you@%s
Stop: Ctrl-C
`, r.CAFile, r.DNS, r.DNS[len("127.0.0.1:"):], r.Domain, r.Remote.SMTP, r.Remote.Domain, r.Remote.Maildir, r.DataDir, r.DataDir, sandbox.FreshDomain, sandboxConnection,
		r.Remote.SMTP, r.Accounts[0].Address, r.Remote.Domain)
	return nil
}
