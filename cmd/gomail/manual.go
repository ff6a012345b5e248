package main

import (
	"fmt"
	"os"
	"path/filepath"

	"gomail/cmd/gomail/internal/manual"
)

type completionCmd struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// Help shows an example.
func (completionCmd) Help() string {
	return "Packages install it already.\n\nExample: gomail completion bash > /usr/share/bash-completion/completions/gomail"
}

// Run prints the script.
func (c completionCmd) Run(a *app) error {
	_, err := fmt.Fprint(a.stdout, manual.Completion(a.model, c.Shell))
	return err
}

// manualCmd writes what a package ships beside the program.
type manualCmd struct {
	To string `arg:"" name:"dir" help:"Where to."`
}

// Help shows an example.
func (manualCmd) Help() string { return "Example: gomail manual /tmp/manual" }

// Run writes man pages and completions.
func (c manualCmd) Run(a *app) error {
	files := map[string]string{
		"man/gomail.1": manual.Commands(a.model, version), "man/gomail.toml.5": manual.Configuration(version),
	}
	for _, shell := range manual.Shells {
		files["completion/gomail."+shell] = manual.Completion(a.model, shell)
	}
	for name, text := range files {
		path := filepath.Join(c.To, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}
