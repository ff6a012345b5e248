package manual

import (
	"fmt"
	"strings"

	"github.com/alecthomas/kong"

	"gomail/internal/config"
)

// Commands returns the page gomail(1).
func Commands(app *kong.Application, version string) string {
	var b strings.Builder
	fmt.Fprintf(&b, ".TH GOMAIL 1 \"\" \"GoMail %s\" \"GoMail\"\n.SH NAME\ngomail \\- a mail server that knows its DNS\n", escape(version))
	b.WriteString(".SH SYNOPSIS\n.B gomail\n[\\fB\\-\\-config\\fR \\fIFILE\\fR] [\\fB\\-\\-dir\\fR \\fIDIR\\fR] \\fICOMMAND\\fR [\\fIARGUMENTS\\fR]\n")
	b.WriteString(".SH DESCRIPTION\nCommands talk to the server that runs on the data directory, through a socket in it, and work on the store themselves when none runs.\n" +
		"They exit with 0 on success, 1 when what they check is not right or when they fail, 2 when they are used wrongly.\n")
	b.WriteString(".SH OPTIONS\n")
	flags(&b, app.Flags)
	b.WriteString(".SH COMMANDS\n")
	for _, n := range app.Children {
		command(&b, n, "gomail")
	}
	b.WriteString(".SH FILES\n.TP\n.I /etc/gomail/gomail.toml\nThe configuration, see gomail.toml(5).\n.TP\n.I /var/lib/gomail\nThe data directory.\n.SH SEE ALSO\ngomail.toml(5)\n")
	return b.String()
}

// command writes a command, or those below it.
func command(b *strings.Builder, n *kong.Node, above string) {
	if n.Hidden {
		return
	}
	name := above + " " + n.Name
	if !n.Leaf() {
		for _, child := range n.Children {
			command(b, child, name)
		}
		return
	}
	fmt.Fprintf(b, ".SS \"%s", escape(name))
	for _, p := range n.Positional {
		fmt.Fprintf(b, " %s", escape(p.Summary()))
	}
	fmt.Fprintf(b, "\"\n%s\n", escape(n.Help))
	if n.Detail != "" {
		for paragraph := range strings.SplitSeq(n.Detail, "\n\n") {
			fmt.Fprintf(b, ".PP\n%s\n", escape(strings.TrimSpace(paragraph)))
		}
	}
	flags(b, n.Flags)
}

func flags(b *strings.Builder, all []*kong.Flag) {
	for _, f := range all {
		if f.Hidden || f.Name == "help" {
			continue
		}
		fmt.Fprintf(b, ".TP\n\\fB\\-\\-%s\\fR", escape(f.Name))
		if !f.IsBool() {
			fmt.Fprintf(b, "=\\fI%s\\fR", escape(f.FormatPlaceHolder()))
		}
		fmt.Fprintf(b, "\n%s\n", escape(f.Help))
	}
}

// Configuration returns the page gomail.toml(5).
func Configuration(version string) string {
	var b strings.Builder
	fmt.Fprintf(&b, ".TH GOMAIL.TOML 5 \"\" \"GoMail %s\" \"GoMail\"\n.SH NAME\ngomail.toml \\- configuration of the GoMail mail server\n", escape(version))
	b.WriteString(".SH DESCRIPTION\nEvery key has a default. An unknown one is an error. The environment overrides the file: GOMAIL_SMTP_LISTEN for listen in [smtp].\n")
	section := ""
	for _, k := range config.Reference() {
		if k.Section != section {
			section = k.Section
			fmt.Fprintf(&b, ".SH \"[%s]\"\n%s.\n", section, escape(k.SectionText))
		}
		if k.Table {
			fmt.Fprintf(&b, ".TP\n\\fB[[%s.%s]]\\fR\n%s; a table for each.\n", section, escape(k.Name), escape(k.Text))
			continue
		}
		fmt.Fprintf(&b, ".TP\n\\fB%s\\fR = %s\n%s\n", escape(k.Name), escape(k.Default), escape(k.Text))
	}
	b.WriteString(".SH SEE ALSO\ngomail(1)\n")
	return b.String()
}

// escape keeps a text from being taken for requests of roff.
func escape(s string) string {
	s = strings.NewReplacer(`\`, `\e`, "-", `\-`, "\n", " ").Replace(s)
	if strings.HasPrefix(s, ".") || strings.HasPrefix(s, "'") {
		s = `\&` + s
	}
	return s
}
