// Command gomail is a complete mail server and its administration in one
// binary. All wiring is here: it alone knows which store, which resolver and
// which protocols go together.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"gomail/internal/config"
)

// version is set when a release is built.
var version = "0.1.0-dev"

// cli is every command with its flags.
type cli struct {
	Config string `help:"The configuration file. Default: gomail.toml in --dir, or /etc/gomail/gomail.toml, or ./gomail.toml." placeholder:"FILE"`
	Dir    string `help:"The data directory, with its own gomail.toml if there is one." placeholder:"DIR"`

	Setup       setupCmd       `cmd:"" help:"Install the mail server on this machine, step by step."`
	Serve       serveCmd       `cmd:"" help:"Run the mail server."`
	Demo        demoCmd        `cmd:"" help:"Run a server with its own little internet, to try things out."`
	CheckConfig checkConfigCmd `cmd:"" help:"Read the configuration and say what is wrong with it."`
	Check       checkCmd       `cmd:"" help:"Hold the store against every invariant."`
	Backup      backupCmd      `cmd:"" help:"Back the store up, also while the server runs."`
	Restore     restoreCmd     `cmd:"" help:"Make a data directory from a backup."`
	Collect     collectCmd     `cmd:"" help:"Give back the space of expunged messages now."`
	Doctor      doctorCmd      `cmd:"" help:"Look at everything that a healthy installation needs."`
	Version     versionCmd     `cmd:"" help:"Print the version."`
	Completion  completionCmd  `cmd:"" help:"Print a shell's completion script."`
	Manual      manualCmd      `cmd:"" hidden:"" help:"Write man pages and completions."`

	Domain   domainCmd   `cmd:"" help:"Hosted domains."`
	DNS      dnsCmd      `cmd:"" name:"dns" help:"The DNS records that a domain needs."`
	DKIM     dkimCmd     `cmd:"" name:"dkim" help:"DKIM keys."`
	Account  accountCmd  `cmd:"" help:"Accounts."`
	Alias    aliasCmd    `cmd:"" help:"Aliases: further addresses of accounts, and addresses that lead outside."`
	List     listCmd     `cmd:"" help:"Mailing lists and their members."`
	ACL      aclCmd      `cmd:"" name:"acl" help:"Mailboxes that accounts share with others."`
	Queue    queueCmd    `cmd:"" help:"Mail that waits to be delivered."`
	Suppress suppressCmd `cmd:"" help:"Addresses to which mail is not sent, because it came back."`
	Bounces  bouncesCmd  `cmd:"" help:"What became of the mail that was sent."`
	Policy   policyCmd   `cmd:"" help:"Policy ladders: DMARC, SPF, MTA-STS and TLSA, step by step."`
	Explain  explainCmd  `cmd:"" help:"Say why messages were accepted, refused, put into Junk, signed, delayed."`
	Report   reportCmd   `cmd:"" help:"What others reported about the domains: DMARC and TLS reports."`
	Cert     certCmd     `cmd:"" help:"Certificates."`
	Host     hostCmd     `cmd:"" help:"What all domains share."`
}

// Exit codes.
const (
	exitOK    = 0
	exitFalse = 1 // what was checked is not right, or the command failed
	exitUsage = 2
)

// errNotRight ends a command with exitFalse when what is wrong has been
// printed already.
var errNotRight = errors.New("not right")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Environ())
	stop()
	os.Exit(code)
}

// run is the program without its process.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, environ []string) int {
	var c cli
	exited := -1
	parser, err := kong.New(&c, kong.Name("gomail"), kong.Description("A mail server that knows its DNS."),
		kong.Writers(stdout, stderr), kong.Exit(func(code int) { exited = code }), kong.UsageOnError(),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true}))
	if err != nil {
		fmt.Fprintln(stderr, "gomail:", err)
		return exitUsage
	}
	command, err := parser.Parse(args)
	if exited >= 0 { // --help was printed
		return exited
	}
	if err != nil {
		fmt.Fprintf(stderr, "gomail: %v; see gomail --help\n", err)
		return exitUsage
	}
	app := &app{ctx: ctx, stdin: stdin, stdout: stdout, stderr: stderr, environ: environ, configFile: c.Config, dir: c.Dir, model: parser.Model}
	switch err := command.Run(app); {
	case errors.Is(err, errNotRight):
		return exitFalse
	case err != nil:
		fmt.Fprintln(stderr, "gomail:", err)
		return exitFalse
	}
	return exitOK
}

// app is what every command works with.
type app struct {
	ctx            context.Context
	stdin          io.Reader
	stdout, stderr io.Writer
	environ        []string
	configFile     string
	dir            string
	model          *kong.Application // every command, for the manual
	create         bool              // the command may begin a new installation
	keepUser       bool              // the command gives what it makes to the service's user itself
}

// config reads the configuration.
func (a *app) config() (config.Config, error) {
	return config.Load(a.configFile, a.dir, a.environ)
}

type versionCmd struct{}

// Help shows an example.
func (versionCmd) Help() string { return "Example: gomail version" }

// Run prints the version.
func (versionCmd) Run(a *app) error {
	_, err := fmt.Fprintln(a.stdout, "gomail", version)
	return err
}

type checkConfigCmd struct{}

// Help shows an example.
func (checkConfigCmd) Help() string {
	return "A smarthost is tried, sign-in included, and so is the issuer of tokens.\n\nExample: gomail check-config --config /etc/gomail/gomail.toml"
}

// Run reads the configuration as serve would.
func (checkConfigCmd) Run(a *app) error {
	path, err := config.Find(a.configFile, a.dir)
	if err != nil {
		return err
	}
	c, err := a.config()
	if err != nil {
		return err
	}
	if err := servable(c); err != nil {
		return err
	}
	if path == "" {
		path = "no file: the defaults"
	}
	failed := false
	tell := func(what, found string, err error) {
		if err != nil {
			failed = true
			fmt.Fprintln(a.stderr, "gomail:", err)
			return
		}
		fmt.Fprintf(a.stdout, "The %s %s.\n", what, found)
	}
	err = probeSmarthosts(a.ctx, c, func(host, found string, err error) { tell("smarthost "+host, found, err) })
	if err == nil {
		err = probeIssuer(a.ctx, c.OAuth, func(found string, err error) { tell("issuer "+c.OAuth.Issuer, found, err) })
	}
	if err == nil && failed {
		err = errNotRight
	}
	if err == nil {
		_, err = fmt.Fprintf(a.stdout, "The configuration is right (%s).\n", path)
	}
	return err
}
