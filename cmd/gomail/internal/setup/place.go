package setup

import (
	"io/fs"
	"os"
	"path/filepath"

	"gomail"
)

// User is who the service runs as.
const User = "gomail"

// Place is where an installation goes.
type Place struct {
	Config    string // gomail.toml
	DataDir   string
	KeyFile   string
	BackupDir string
	Alone     bool   // all in one directory, for the user who runs setup; no service
	units     string // where unit files go; empty: there is no service
}

// configMode is of the configuration's directory: the service's group reads
// it, and where all is in one directory that is its owner's alone.
func (p Place) configMode() fs.FileMode {
	if p.Alone {
		return 0o700
	}
	return 0o750
}

// PlaceOf returns the place that the flags name: with --dir alone everything
// is in that directory; otherwise it is the machine's one installation.
func PlaceOf(config, dir string) (Place, error) {
	if dir != "" {
		dir, err := filepath.Abs(dir)
		if err != nil {
			return Place{}, err
		}
		p := Place{Config: filepath.Join(dir, "gomail.toml"), DataDir: dir, KeyFile: filepath.Join(dir, "secret.key"), BackupDir: dir + "-backups", Alone: true}
		if config != "" {
			return p, gomail.Errorf(gomail.Invalid, "--config and --dir do not go together here: with --dir the configuration is %s", p.Config)
		}
		return p, nil
	}
	p := Place{Config: "/etc/gomail/gomail.toml", DataDir: "/var/lib/gomail", KeyFile: "/etc/gomail/secret.key", BackupDir: "/var/backups/gomail", units: "/etc/systemd/system"}
	if config != "" {
		config, err := filepath.Abs(config)
		if err != nil {
			return p, err
		}
		p.Config = config
	}
	if os.Geteuid() != 0 {
		return p, gomail.Errorf(gomail.Forbidden, "setting up the service needs root: run sudo gomail setup, or gomail setup --dir DIR for an installation of your own in one directory")
	}
	return p, nil
}
