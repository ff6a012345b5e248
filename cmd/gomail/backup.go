package main

import (
	"context"
	"fmt"
	"path/filepath"
	"text/tabwriter"
	"time"

	"gomail"
	"gomail/certs"
	"gomail/internal/config"
	"gomail/store"
	"gomail/web/api"
)

type backupCmd struct {
	printing
	To      string `arg:"" name:"dir" help:"The directory for the backup. One with an earlier backup is brought up to date."`
	Secrets bool   `name:"with-secrets" help:"Take the secret key and other secrets along."`
}

// Help shows an example.
func (backupCmd) Help() string {
	return "Works while the server runs, and without one. A backup that is interrupted leaves the earlier one in the directory as it was. It exits 1 when damage was found on the way.\n\nExample: gomail backup /srv/backup/gomail"
}

// Run makes the backup.
func (c backupCmd) Run(a *app) error {
	to, err := backupPath(c.To)
	if err != nil {
		return err
	}
	file, err := config.Find(a.configFile, a.dir)
	if err != nil {
		return err
	}
	if file != "" {
		if file, err = filepath.Abs(file); err != nil {
			return err
		}
	}
	var report api.BackupReport
	err = a.with(func(client *client) (err error) {
		report, err = client.backUp(a, api.BackupRequest{To: to, Secrets: c.Secrets, Config: file})
		return err
	})
	if err != nil {
		return err
	}
	err = c.show(a, report, func(w *tabwriter.Writer) { tellBackup(w, report) })
	if err == nil && len(report.Problems) > 0 {
		err = errNotRight
	}
	return err
}

// backupPath returns the whole path of a directory. What is a URL stays one,
// to be refused with its sentence.
func backupPath(dir string) (string, error) {
	if isURL(dir) {
		return "", gomail.Errorf(gomail.Invalid, "%s: this version backs up to a directory only; copy it on from there with a tool of your choice", dir)
	}
	return filepath.Abs(dir)
}

func tellBackup(w *tabwriter.Writer, r api.BackupReport) {
	fmt.Fprintf(w, "Backed up %d messages of %d accounts to %s: %s, of which %s were new. It holds all that was acknowledged before %s.\n",
		r.Messages, r.Accounts, r.To, amount(r.Octets), amount(r.Copied), r.Instant.Local().Format(time.DateTime))
	if r.Secrets {
		fmt.Fprintln(w, "The secret key is in it: whoever can read the backup can use your DKIM keys and your credentials at DNS providers.")
	} else {
		fmt.Fprintf(w, "The secret key is not in it: keep a copy of %s elsewhere. Without it the DKIM keys in the backup cannot be used.\n", r.KeyFile)
	}
	for _, p := range r.Problems {
		fmt.Fprintln(w, "Problem:", p)
	}
}

// backup makes a backup of the store, with what lies beside it.
func (s *services) backup(ctx context.Context, request api.BackupRequest, progress func(done, total int64)) (api.BackupReport, error) {
	if err := mayBackUpTo(s.config, request.To); err != nil {
		return api.BackupReport{}, err
	}
	r, err := s.store.Backup(ctx, store.BackupOptions{
		To: request.To, Version: version, Extra: s.beside(request), Progress: progress,
	})
	if err != nil {
		return api.BackupReport{}, err
	}
	return api.BackupReport{
		To: request.To, Instant: r.Instant, Epoch: r.Manifest.Epoch, Accounts: r.Accounts, Messages: r.Messages, Queued: r.Queued,
		Files: len(r.Files), Octets: r.Octets, Copied: r.Copied, Secrets: r.Secrets, KeyFile: s.config.Secrets.KeyFile,
		Problems: append([]string{}, r.Problems...),
	}, nil
}

// beside lists the files beside the store that a backup takes along.
func (s *services) beside(request api.BackupRequest) []store.ExtraFile {
	var all []store.ExtraFile
	if request.Config != "" {
		all = append(all, store.ExtraFile{Path: request.Config, Name: s.placeOf(request.Config)})
	}
	if !request.Secrets {
		return all
	}
	all = append(all, store.ExtraFile{Path: s.config.Secrets.KeyFile, Name: "secret.key", Secret: true})
	own := filepath.Join(s.config.Server.DataDir, certs.SelfSignedFile)
	all = append(all, store.ExtraFile{Path: own, Name: certs.SelfSignedFile, Secret: true})
	if secret := s.config.OAuth.ClientSecretFile; secret != "" {
		all = append(all, store.ExtraFile{Path: secret, Name: filepath.Join("config", "oauth-client-secret"), Secret: true})
	}
	return append(all, s.smarthostPasswords()...)
}

// smarthostPasswords lists the files that hold them, each once.
func (s *services) smarthostPasswords() (all []store.ExtraFile) {
	seen := map[string]bool{"": true}
	for _, h := range s.config.Outbound.AllSmarthosts() {
		if seen[h.PasswordFile] {
			continue
		}
		seen[h.PasswordFile] = true
		name := "smarthost-password"
		if len(all) > 0 {
			name += fmt.Sprintf("-%d", len(all)+1)
		}
		all = append(all, store.ExtraFile{Path: h.PasswordFile, Name: filepath.Join("config", name), Secret: true})
	}
	return all
}

// placeOf is where a configuration file belongs: in the data directory, or
// elsewhere.
func (s *services) placeOf(path string) string {
	data, err := filepath.Abs(s.config.Server.DataDir)
	if err == nil && filepath.Dir(path) == data {
		return filepath.Base(path)
	}
	return filepath.Join("config", filepath.Base(path))
}
