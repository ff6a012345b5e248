package main

import (
	"bufio"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"gomail"
	"gomail/cmd/gomail/internal/doctor"
	"gomail/cmd/gomail/internal/setup"
	"gomail/dnsplan"
	"gomail/internal/config"
	"gomail/internal/resolver"
	"gomail/web/api"
)

type setupCmd struct {
	printing
	Hostname      string            `help:"The mail host's full name, such as mail.example.com." placeholder:"NAME"`
	Domain        string            `help:"The first domain, such as example.com." placeholder:"DOMAIN"`
	Admin         string            `help:"The administrator's address in it, such as admin@example.com." placeholder:"ADDRESS"`
	Address       []string          `help:"An address by which the world reaches this machine; may be repeated. Default: those of its interfaces." placeholder:"IP"`
	ACMEEmail     string            `name:"acme-email" help:"The contact for certificates, which are then ordered by themselves. Default: the administrator." placeholder:"ADDRESS"`
	SelfSigned    bool              `help:"Order no certificates." xor:"certificates"`
	Set           map[string]string `help:"A further key of gomail.toml, also of one that is there; may be repeated." placeholder:"KEY=VALUE"`
	PasswordStdin bool              `help:"Read the administrator's password from standard input; otherwise one is made and printed."`
	Yes           bool              `help:"Ask nothing: what is not said has its default."`
	Browser       string            `help:"Ask in the browser instead, at this address." placeholder:"ADDRESS:PORT"`
	NoStart       bool              `help:"Do not start the service."`
}

// Help shows an example.
func (setupCmd) Help() string {
	return "Asks what it has to know, checks the machine and its surroundings, and makes configuration, store, secret key, service and administrator. " +
		"It changes nothing that is there already but what --set names: it can be run again at any time. With --dir everything is in one directory, for the user who runs it, without a service.\n\n" +
		"Example: sudo gomail setup\n\nExample: sudo gomail setup --hostname mail.example.com --domain example.com --admin admin@example.com --yes\n\n" +
		"Example: sudo gomail setup --browser 203.0.113.1:8443"
}

// installation is a set-up under way.
type installation struct {
	app      *app
	place    setup.Place
	answers  setup.Answers
	existing bool // there is a gomail.toml already
	start    bool
	plain    bool   // no certificates are ordered
	password string // of the administrator; empty: one is made
	in       *bufio.Reader
}

// installed is what came of it.
type installed struct {
	Hostname   string             `json:"hostname"`
	Domain     string             `json:"domain"`
	Admin      string             `json:"admin"`
	Password   string             `json:"password,omitempty"` // that was made
	Config     string             `json:"config"`
	Steps      []setup.Step       `json:"steps"`
	Conditions []doctor.Condition `json:"conditions"`
	Records    []dnsplan.Record   `json:"records"`
	Next       []string           `json:"next"` // what is left to people, in order
}

// Run sets up.
func (c setupCmd) Run(a *app) error {
	i, err := c.begin(a)
	if err != nil {
		return err
	}
	switch {
	case c.Browser != "":
		return i.inBrowser(c.Browser)
	case c.Yes:
		err = i.answers.Check()
	default:
		err = i.ask()
	}
	if err != nil {
		return err
	}
	if c.PasswordStdin {
		if i.password, _, err = (passwordFlags{PasswordStdin: true}).password(a); err != nil {
			return err
		}
	}
	conditions, err := i.examine()
	if err != nil {
		return err
	}
	if !c.JSON {
		tellConditions(a, conditions)
	}
	if !c.Yes {
		if err := i.confirm(conditions); err != nil {
			return err
		}
	}
	done, err := i.install(conditions)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(a, done)
	}
	tellInstalled(a, done)
	return nil
}

// begin gathers what is known: the flags, an earlier set-up, the machine.
func (c setupCmd) begin(a *app) (*installation, error) {
	place, err := setup.PlaceOf(a.configFile, a.dir)
	if err != nil {
		return nil, err
	}
	i := &installation{app: a, place: place, answers: setup.Suggest(), start: !c.NoStart, plain: c.SelfSigned}
	i.answers.Set = c.Set
	if err := i.resume(c); err != nil {
		return nil, err
	}
	for value, flag := range map[*string]string{&i.answers.Hostname: c.Hostname, &i.answers.Domain: c.Domain, &i.answers.Admin: c.Admin, &i.answers.ACMEEmail: c.ACMEEmail} {
		if flag != "" {
			*value = flag
		}
	}
	if len(c.Address) > 0 {
		i.answers.Addresses = nil
		for _, s := range c.Address {
			addresses, err := setup.ParseAddresses(s)
			if err != nil {
				return nil, err
			}
			i.answers.Addresses = append(i.answers.Addresses, addresses...)
		}
	}
	i.answers.FromHostname()
	if i.answers.ACMEEmail == "" && !c.SelfSigned && !i.existing {
		i.answers.ACMEEmail = i.answers.Admin
	}
	return i, nil
}

// resume takes what an earlier set-up wrote. What is asked for now must not
// contradict it.
func (i *installation) resume(c setupCmd) error {
	if _, err := os.Stat(i.place.Config); err != nil {
		return nil // the first time
	}
	if err := i.settable(c.Set); err != nil {
		return err
	}
	known, err := i.config()
	if err != nil {
		return err
	}
	i.existing = true
	if h := known.Server.Hostname; c.Hostname != "" && h != "" {
		if name, err := setup.CheckHostname(c.Hostname); err != nil || name != h {
			return gomail.Errorf(gomail.Exists, "%s has the hostname %s already, and setup changes nothing that is there: leave --hostname out, or edit the file", i.place.Config, h)
		}
	}
	i.answers.Hostname, i.answers.Addresses, i.answers.ACMEEmail = known.Server.Hostname, known.Server.PublicAddresses, known.TLS.ACMEEmail
	return nil
}

// settable refuses to set what other things were made by, and what cannot be
// set in the file that is there.
func (i *installation) settable(set map[string]string) error {
	for _, key := range []string{"server.hostname", "server.data_dir", "secrets.key_file", "store.url", "store.blobs"} {
		if _, asked := set[key]; asked {
			return gomail.Errorf(gomail.Exists, "%s is there already, and setup does not change %s in it: leave it out, or edit the file", i.place.Config, key)
		}
	}
	if len(set) == 0 {
		return nil
	}
	text, err := os.ReadFile(i.place.Config)
	if err != nil {
		return gomail.Errorf(gomail.Invalid, "the configuration cannot be read: %w", err)
	}
	_, _, err = config.Edit(string(text), set)
	return err
}

// config reads the configuration of the place, with what is to be set in it.
func (i *installation) config() (config.Config, error) {
	environ := i.app.environ
	for key, value := range i.answers.Set {
		environ = append(slices.Clip(environ), "GOMAIL_"+strings.ToUpper(strings.ReplaceAll(key, ".", "_"))+"="+value)
	}
	if i.place.Alone {
		return config.Load("", i.place.DataDir, environ)
	}
	return config.Load(i.place.Config, "", environ)
}

// planned is the configuration that there is, or will be.
func (i *installation) planned() (config.Config, error) {
	if i.existing {
		return i.config()
	}
	return i.place.Planned(i.answers)
}

// examine looks at the machine and its surroundings.
func (i *installation) examine() ([]doctor.Condition, error) {
	c, err := i.planned()
	if err != nil {
		return nil, err
	}
	r, err := resolver.New(resolver.Config{Servers: c.DNS.Resolvers, TrustAD: c.DNS.TrustAD})
	if err != nil {
		return nil, err
	}
	prober, err := newProber(c, outside{})
	if err != nil {
		return nil, err
	}
	p := doctor.Patient{Config: c, Resolver: r, Running: listening(filepath.Join(c.Server.DataDir, socketName)), Clock: time.Now}
	return doctor.BeforeInstall(i.app.ctx, p, prober), nil
}

// install carries out what was decided.
func (i *installation) install(conditions []doctor.Condition) (installed, error) {
	done := installed{Hostname: i.answers.Hostname, Domain: i.answers.Domain, Admin: i.answers.Admin, Config: i.place.Config, Conditions: conditions}
	binary, err := os.Executable()
	if err != nil { // there is no /proc
		binary = "/usr/bin/gomail"
	}
	installer := &setup.Installer{Place: i.place, Answers: i.answers, Binary: binary}
	if err := installer.Prepare(); err != nil {
		return done, err
	}
	if err := i.fill(&done); err != nil {
		return done, err
	}
	startable, err := installer.Finish()
	if err == nil && startable && i.start {
		err = installer.Start()
	}
	done.Steps = slices.Concat(installer.Steps(), done.Steps)
	done.Next = i.next(done, startable && i.start)
	if installer.Changed() && !(startable && i.start) {
		done.Next = append([]string{"If the server runs, start it anew: " + yesNo(i.place.Alone, "stop it, then gomail --dir "+i.place.DataDir+" serve", "systemctl restart gomail") + ". The configuration has changed."}, done.Next...)
	}
	return done, err
}

// fill makes the first domain and its administrator, where they are missing.
// The store and the secret key are made with them.
func (i *installation) fill(done *installed) error {
	a := *i.app
	a.create, a.keepUser = true, true
	if i.place.Alone {
		a.dir = i.place.DataDir
	} else {
		a.configFile = i.place.Config
	}
	return a.with(func(c *client) error {
		if err := i.addDomain(&a, c, done); err != nil {
			return err
		}
		if err := i.addAdmin(&a, c, done); err != nil {
			return err
		}
		return c.call(a.ctx, http.MethodGet, "/domains/"+seg(i.answers.Domain)+"/records", nil, &done.Records)
	})
}

func (i *installation) addDomain(a *app, c *client, done *installed) error {
	var all []api.Domain
	if err := c.call(a.ctx, http.MethodGet, "/domains", nil, &all); err != nil {
		return err
	}
	known := slices.ContainsFunc(all, func(d api.Domain) bool { return d.Name == i.answers.Domain })
	done.Steps = append(done.Steps, setup.Step{What: "domain " + i.answers.Domain + " with DKIM keys", Made: !known})
	if known {
		return nil
	}
	return c.call(a.ctx, http.MethodPost, "/domains", api.NewDomain{Name: i.answers.Domain}, nil)
}

func (i *installation) addAdmin(a *app, c *client, done *installed) error {
	var all []api.Account
	if err := c.call(a.ctx, http.MethodGet, "/accounts", nil, &all); err != nil {
		return err
	}
	at := slices.IndexFunc(all, func(x api.Account) bool { return x.Address == i.answers.Admin })
	done.Steps = append(done.Steps, setup.Step{What: "administrator " + i.answers.Admin, Made: at < 0})
	if at >= 0 {
		if all[at].Role != string(gomail.RoleAdmin) {
			return gomail.Errorf(gomail.Exists, "%s is an account already, and no administrator: name another address, or run gomail account set %s --role admin", i.answers.Admin, i.answers.Admin)
		}
		return nil
	}
	password := i.password
	if password == "" {
		password = randomPassword()
		done.Password = password
	}
	return c.call(a.ctx, http.MethodPost, "/accounts", api.NewAccount{Address: i.answers.Admin, Role: string(gomail.RoleAdmin), Password: password}, nil)
}

// errStopped ends a set-up that was not confirmed.
var errStopped = errors.New("nothing was changed")
