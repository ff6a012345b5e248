package main

import (
	"path/filepath"

	"github.com/landlock-lsm/go-landlock/landlock"
	landlocked "github.com/landlock-lsm/go-landlock/landlock/syscall"

	"gomail"
	"gomail/internal/config"
)

// confine gives up, for good and for the whole process, the access to all
// files but the server's own and to all TCP ports: its listeners are open.
// Whoever gets hold of the server then has no more files than it has. A kernel
// without Landlock (before 5.13) confines nothing, and none so far covers
// ports of multipath TCP.
// configFile is the configuration, which backups take along.
func (s *server) confine(configFile string) error {
	if !s.config.Server.Confine {
		return nil
	}
	read, write := s.needs(configFile)
	err := landlock.V5.BestEffort().RestrictPaths(
		landlock.RODirs(read...).IgnoreIfMissing(), landlock.ROFiles("/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf").IgnoreIfMissing(),
		landlock.RWFiles("/dev/null").IgnoreIfMissing(), landlock.RWDirs(write...).WithRefer().IgnoreIfMissing())
	if err == nil {
		// Port 0: connections from one of outbound.bind_addresses.
		err = landlock.Config{HandledAccessNet: landlocked.AccessNetBindTCP}.BestEffort().RestrictNet(landlock.BindTCP(0))
	}
	if err != nil {
		return gomail.Errorf(gomail.Unavailable, "the server could not be confined: %w; server.confine = false leaves it out", err)
	}
	return nil
}

// needs lists the directories that are read, and those that are written to.
func (s *server) needs(configFile string) (read, write []string) {
	c := s.config
	read = []string{
		"/proc", "/run/systemd/resolve", "/usr/share/zoneinfo",
		"/etc/ssl", "/etc/pki", "/etc/ca-certificates", "/usr/share/ca-certificates", "/usr/lib/ssl", "/usr/local/share/ca-certificates",
	}
	files := []string{c.OAuth.ClientSecretFile, c.Secrets.KeyFile, c.TLS.CertFile, c.TLS.KeyFile, c.TLS.ACMECAFile, configFile}
	for _, h := range c.Outbound.AllSmarthosts() {
		files = append(files, h.PasswordFile)
	}
	for _, f := range files {
		if f != "" { // its directory: a new file takes the old one's place
			read = append(read, filepath.Dir(f))
		}
	}
	write = []string{c.Server.DataDir, c.Store.BackupDir}
	for _, socket := range c.LMTP.Listen {
		write = append(write, filepath.Dir(socket))
	}
	return read, write
}

// mayBackUpTo refuses a place that a confined server cannot write to.
func mayBackUpTo(c config.Config, dir string) error {
	if !c.Server.Confine {
		return nil
	}
	for _, allowed := range []string{c.Store.BackupDir, c.Server.DataDir} {
		allowed, err := filepath.Abs(allowed) // as dir is
		if err != nil {
			return err
		}
		if rel, err := filepath.Rel(allowed, dir); err == nil && filepath.IsLocal(rel) {
			return nil
		}
	}
	return gomail.Errorf(gomail.Forbidden, "this server is confined (server.confine) and can write backups below %s only: name a directory there, or set store.backup_dir", c.Store.BackupDir)
}
