package setup

import (
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"

	"gomail"
	"gomail/internal/config"
)

// Unit is the service's unit file. The Debian package ships the same.
//
//go:embed gomail.service
var Unit string

// Step is one thing that setup saw to.
type Step struct {
	What string `json:"what"`
	Made bool   `json:"made"` // false: it was right already
}

// Installer carries out what was decided, step by step.
type Installer struct {
	Place   Place
	Answers Answers
	Binary  string // that is installed: the path that the unit runs
	steps   []Step
	owner   owner
	changed bool // the configuration that was there
}

// owner is who the files belong to; the zero value is who runs setup.
type owner struct {
	uid, gid int
	other    bool
}

// Steps returns what was seen to so far.
func (i *Installer) Steps() []Step { return i.steps }

func (i *Installer) done(made bool, format string, args ...any) {
	i.steps = append(i.steps, Step{fmt.Sprintf(format, args...), made})
}

// Prepare makes what the store needs before it is opened: user, directories
// and configuration. What is there already is compared, and never changed.
func (i *Installer) Prepare() error {
	for _, step := range []func() error{i.account, i.directories, i.configuration} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// account makes the system user.
func (i *Installer) account() error {
	if i.Place.Alone {
		return nil
	}
	known, err := user.Lookup(User)
	if err == nil {
		i.done(false, "user %s", User)
		return i.own(known)
	}
	out, err := exec.Command("useradd", "--system", "--user-group", "--home-dir", i.Place.DataDir, "--no-create-home", "--shell", "/usr/sbin/nologin", User).CombinedOutput()
	if err != nil {
		return gomail.Errorf(gomail.Unavailable, "the user %s could not be made: %s; make it (useradd --system %s) and run setup again", User, strings.TrimSpace(string(out)+" "+err.Error()), User)
	}
	if known, err = user.Lookup(User); err != nil {
		return fmt.Errorf("look up the user that was just made: %w", err)
	}
	i.done(true, "user %s", User)
	return i.own(known)
}

func (i *Installer) own(u *user.User) (err error) {
	i.owner.other = true
	if i.owner.uid, err = strconv.Atoi(u.Uid); err == nil {
		i.owner.gid, err = strconv.Atoi(u.Gid)
	}
	return err
}

// directories makes them, or sees that they are the service's own.
func (i *Installer) directories() error {
	for _, d := range []struct {
		path string
		mode fs.FileMode
		ours bool // the service's, not root's
	}{
		{filepath.Dir(i.Place.Config), i.Place.configMode(), i.Place.Alone}, {i.Place.DataDir, 0o700, true}, {i.Place.BackupDir, 0o700, true},
	} {
		made, err := i.directory(d.path, d.mode, d.ours)
		if err != nil {
			return err
		}
		if made || d.path != i.Place.DataDir || !i.Place.Alone {
			i.done(made, "directory %s", d.path)
		}
	}
	return nil
}

func (i *Installer) directory(path string, mode fs.FileMode, ours bool) (made bool, err error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := os.MkdirAll(path, mode); err != nil {
			return false, gomail.Errorf(gomail.Unavailable, "the directory %s could not be made: %w", path, err)
		}
		return true, i.give(path, ours)
	case err != nil:
		return false, gomail.Errorf(gomail.Unavailable, "the directory %s cannot be looked at: %w", path, err)
	case !info.IsDir():
		return false, gomail.Errorf(gomail.Exists, "%s is a file, and a directory has to be there: move it away and run setup again", path)
	}
	if ours {
		return false, i.owned(path, info)
	}
	return false, nil
}

// owned refuses a directory that belongs to somebody else: what stands in it
// is not ours to take.
func (i *Installer) owned(path string, info fs.FileInfo) error {
	uid := os.Geteuid()
	if i.owner.other {
		uid = i.owner.uid
	}
	if has, known := ownerOf(info); known && has != uid {
		// An empty directory of root's is what a package or an administrator
		// left for us.
		if entries, err := os.ReadDir(path); has == 0 && err == nil && len(entries) == 0 && os.Geteuid() == 0 {
			return i.give(path, true)
		}
		return gomail.Errorf(gomail.Forbidden, "%s belongs to %s: name another directory, or give it away with chown %s %s", path, userName(has), userName(uid), path)
	}
	return nil
}

func userName(uid int) string {
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		return u.Username
	}
	return "user " + strconv.Itoa(uid)
}

// give makes a file the service's; what is root's can be read by its group.
func (i *Installer) give(path string, ours bool) error {
	if !i.owner.other {
		return nil
	}
	uid := 0
	if ours {
		uid = i.owner.uid
	}
	return os.Chown(path, uid, i.owner.gid)
}

// configuration writes gomail.toml, or sets in the one that is there what was
// asked for by name, and nothing else.
func (i *Installer) configuration() error {
	path := i.Place.Config
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		if err := config.WriteCommented(path, i.Answers.settings(i.Place), 0o640); err != nil {
			return err
		}
		i.done(true, "configuration %s", path)
		return i.give(path, i.Place.Alone)
	}
	dir := ""
	if i.Place.Alone {
		dir = i.Place.DataDir
	}
	changed, err := config.EditFile(path, dir, i.Answers.Set)
	if i.changed = len(changed) > 0; i.changed {
		i.done(true, "configuration %s: %s", path, strings.Join(changed, ", "))
	} else if err == nil {
		i.done(false, "configuration %s", path)
	}
	return err
}

// Changed reports whether a configuration that was there has other values now.
func (i *Installer) Changed() bool { return i.changed }

// Finish gives to the service what was made since Prepare, and installs the
// unit. It returns whether the service can be started here.
func (i *Installer) Finish() (startable bool, err error) {
	if i.Place.Alone {
		return false, nil
	}
	err = filepath.WalkDir(i.Place.DataDir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return i.give(path, true)
	})
	if err == nil {
		err = i.give(i.Place.KeyFile, true)
	}
	if err != nil {
		return false, fmt.Errorf("give the data to the user %s: %w", User, err)
	}
	if err := i.unit(); err != nil {
		return false, err
	}
	_, err = os.Stat("/run/systemd/system")
	return err == nil, nil
}

// unit installs the unit file, unless the package did.
func (i *Installer) unit() error {
	for _, dir := range []string{"/usr/lib/systemd/system", "/lib/systemd/system"} {
		if _, err := os.Stat(filepath.Join(dir, "gomail.service")); err == nil {
			i.done(false, "service %s", filepath.Join(dir, "gomail.service"))
			return nil
		}
	}
	path := filepath.Join(i.Place.units, "gomail.service")
	text := strings.Replace(Unit, "/usr/bin/gomail serve", i.Binary+" serve", 1)
	if i.Place.Config != "/etc/gomail/gomail.toml" {
		text = strings.Replace(text, i.Binary+" serve", i.Binary+" serve --config "+i.Place.Config, 1)
	}
	if _, err := os.Stat(path); err == nil {
		i.done(false, "service %s", path)
		return nil
	}
	if err := os.MkdirAll(i.Place.units, 0o755); err != nil {
		return fmt.Errorf("install the service: %w", err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		return fmt.Errorf("install the service: %w", err)
	}
	i.done(true, "service %s", path)
	return nil
}

// Start has systemd run the service now and at every boot, anew when its
// configuration has changed.
func (i *Installer) Start() error {
	commands := [][]string{{"daemon-reload"}, {"enable", "--now", "gomail.service"}}
	if i.changed {
		commands = append(commands, []string{"restart", "gomail.service"})
	}
	for _, args := range commands {
		if out, err := exec.Command("systemctl", args...).CombinedOutput(); err != nil {
			return gomail.Errorf(gomail.Unavailable, "the service does not start: %s; journalctl -u gomail says why", strings.TrimSpace(string(out)))
		}
	}
	i.done(true, "service started, and with every boot")
	return nil
}
