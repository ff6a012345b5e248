package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"gomail"
	"gomail/cmd/gomail/internal/doctor"
	"gomail/cmd/gomail/internal/setup"
	"gomail/dnsplan"
)

// ask asks for each decision, with what is known as its default, until the
// answer is one.
func (i *installation) ask() error {
	in := bufio.NewReader(io.LimitReader(i.app.stdin, 1<<16))
	fmt.Fprintf(i.app.stdout, "GoMail is set up in %s. Enter takes what is shown in brackets.\n\n", i.place.DataDir)
	x := &i.answers
	if !i.existing {
		if err := i.question(in, "The mail host's full name", x.Hostname, func(s string) (err error) { x.Hostname, err = setup.CheckHostname(s); return err }); err != nil {
			return err
		}
		x.FromHostname()
	}
	if err := i.question(in, "Your domain, what stands after the @", x.Domain, func(s string) (err error) {
		old := x.Domain
		if x.Domain, err = setup.CheckDomain(s, x.Hostname); err == nil && x.Domain != old && strings.HasSuffix(x.Admin, "@"+old) {
			x.Admin = ""
			x.FromHostname()
		}
		return err
	}); err != nil {
		return err
	}
	if err := i.question(in, "The administrator's address", x.Admin, func(s string) (err error) { x.Admin, err = setup.CheckAdmin(s, x.Domain); return err }); err != nil {
		return err
	}
	if i.existing {
		return x.Check()
	}
	if err := i.question(in, "Addresses by which the world reaches this machine", setup.JoinAddresses(x.Addresses), func(s string) (err error) { x.Addresses, err = setup.ParseAddresses(s); return err }); err != nil {
		return err
	}
	suggested := x.Admin
	if i.plain {
		suggested = "-"
	}
	return i.question(in, "Contact for certificates, which are then ordered by themselves (- for none)", suggested, func(s string) error {
		if x.ACMEEmail = s; s == "-" {
			x.ACMEEmail = ""
		}
		return x.Check()
	})
}

// question asks until take accepts the answer.
func (i *installation) question(in *bufio.Reader, text, suggested string, take func(string) error) error {
	for {
		fmt.Fprintf(i.app.stdout, "%s [%s]: ", text, suggested)
		line, err := in.ReadString('\n')
		if err != nil && (line == "" || !errors.Is(err, io.EOF)) {
			return gomail.Errorf(gomail.Invalid, "the questions were not answered to their end: %w; nothing was changed. Flags with --yes need no answers", errStopped)
		}
		answer := strings.TrimSpace(line)
		if answer == "" {
			answer = suggested
		}
		if err := take(answer); err == nil {
			i.in = in
			return nil
		} else {
			fmt.Fprintf(i.app.stdout, "  %s.\n", capital(err.Error()))
		}
	}
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// confirm asks whether to go on, with what stands in the way counted.
func (i *installation) confirm(conditions []doctor.Condition) error {
	problems := 0
	for _, c := range conditions {
		if c.State == doctor.Problem {
			problems++
		}
	}
	text, suggested := "Install now? y or n", "y"
	if problems > 0 {
		text, suggested = fmt.Sprintf("%d of these keep the server from working. Install all the same? y or n", problems), "n"
	}
	yes := false
	err := i.question(i.in, text, suggested, func(s string) error {
		switch strings.ToLower(s) {
		case "y", "yes":
			yes = true
		case "n", "no":
		default:
			return errors.New("write y or n")
		}
		return nil
	})
	if err == nil && !yes {
		err = gomail.Errorf(gomail.Invalid, "stopped as you said: %w", errStopped)
	}
	return err
}

// words are the states as a person reads them.
var words = map[doctor.State]string{doctor.OK: "ok", doctor.Warning: "to do", doctor.Problem: "PROBLEM", doctor.Unknown: "not known"}

func tellConditions(a *app, all []doctor.Condition) {
	fmt.Fprintln(a.stdout, "\nWhat this machine and its surroundings are like:")
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	for _, c := range all {
		row(w, "  "+words[c.State], c.Check, c.Found)
	}
	_ = w.Flush() // standard output is gone: nobody reads
	fmt.Fprintln(a.stdout)
}

func tellInstalled(a *app, d installed) {
	for _, s := range d.Steps {
		fmt.Fprintf(a.stdout, "  %s  %s\n", yesNo(s.Made, "made   ", "as it was"), s.What)
	}
	fmt.Fprintf(a.stdout, "\nThe records to publish for %s:\n\n", d.Domain)
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	for _, r := range d.Records {
		if r.Requirement == dnsplan.Required || r.Requirement == dnsplan.Recommended {
			row(w, "  "+r.Name, r.Type, priority(r), r.Value)
		}
	}
	_ = w.Flush() // as above
	if d.Password != "" {
		fmt.Fprintf(a.stdout, "\nSign in as %s with the password %s\nIt is not shown again.\n", d.Admin, d.Password)
	}
	fmt.Fprintln(a.stdout, "\nWhat is left, in this order:")
	for n, text := range d.Next {
		fmt.Fprintf(a.stdout, "%3d. %s\n", n+1, text)
	}
}

// next lists what is left to people, in the order in which it helps.
func (i *installation) next(d installed, started bool) (all []string) {
	for _, c := range d.Conditions {
		if c.State == doctor.Problem {
			all = append(all, capital(c.Check)+": "+c.Mend)
		}
	}
	at := ""
	if i.place.Alone {
		at = " --dir " + i.place.DataDir
	}
	if !started {
		all = append(all, "Start the server: "+yesNo(i.place.Alone, "gomail"+at+" serve", "systemctl enable --now gomail"))
	}
	for _, c := range d.Conditions {
		if c.State == doctor.Warning && c.Who == doctor.ByProvider {
			all = append(all, c.Mend)
		}
	}
	all = append(all,
		"Publish the records at your DNS provider: by hand, or with gomail"+at+" dns connection add and gomail"+at+" dns publish "+d.Domain+".",
		"Wait until they are seen: gomail"+at+" dns check "+d.Domain+" --wait",
	)
	for _, c := range d.Conditions {
		if c.Mend != "" && (c.State == doctor.Unknown || c.State == doctor.Warning && c.Who == doctor.ByYou) {
			all = append(all, capital(c.Check)+": "+c.Mend)
		}
	}
	return append(all,
		"Open https://"+d.Hostname+"/admin/ and add the people: or gomail"+at+" account add anna@"+d.Domain,
		"Keep a copy of "+i.place.KeyFile+" elsewhere, and back up: gomail"+at+" backup "+i.place.BackupDir,
	)
}
