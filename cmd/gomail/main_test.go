package main

import (
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// Every command has an example in its help, and is named in it as it is called.
func TestEveryCommandHasAnExample(t *testing.T) {
	parser, err := kong.New(new(cli), kong.Name("gomail"))
	if err != nil {
		t.Fatal(err)
	}
	leaves := parser.Model.Leaves(false)
	if len(leaves) < 40 {
		t.Errorf("only %d commands were found", len(leaves))
	}
	for _, leaf := range leaves {
		call := "gomail " + strings.TrimPrefix(commandOf(leaf), "gomail ")
		if !strings.Contains(leaf.Detail, "Example: "+call) && !strings.Contains(leaf.Detail, call) {
			t.Errorf("%s has no example: %q", call, leaf.Detail)
		}
	}
}

func commandOf(n *kong.Node) string {
	if n.Parent == nil {
		return ""
	}
	return strings.TrimSpace(commandOf(n.Parent) + " " + n.Name)
}

// What is wrong with how a command is called exits with 2, before anything is
// touched, and in one line.
func TestUsageErrors(t *testing.T) {
	for _, args := range []string{
		"", "nothing", "dns", "dns check", "dns check example.com --nope", "dns plan example.com --json --zone", "dns plan example.com --zone --nsupdate",
		"dns history example.com --limit 0", "policy take example.com bimi on", "host mx mail.example.com",
	} {
		var out, errs strings.Builder
		code := run(t.Context(), strings.Fields(args), strings.NewReader(""), &out, &errs, []string{"GOMAIL_SERVER_DATA_DIR=/nonexistent"})
		if code != exitUsage || out.Len() > 0 || strings.Count(errs.String(), "\n") != 1 {
			t.Errorf("gomail %s: exit %d\n%s%s", args, code, out.String(), errs.String())
		}
	}
}
