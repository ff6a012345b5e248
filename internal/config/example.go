package config

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gomail"
	"gomail/internal/disk"
)

// Commented returns a gomail.toml in which every key stands with what it is:
// those of set with their values, the others with their defaults, commented
// out. Values of set are as the environment gives them: lists separated by
// commas. An unknown key is refused with the nearest known one.
func Commented(set map[string]string) (string, error) {
	c := Default()
	known := settings(&c)
	for _, key := range slices.Sorted(maps.Keys(set)) {
		i := slices.IndexFunc(known, func(s setting) bool { return s.key == key })
		if i < 0 {
			return "", gomail.Errorf(gomail.Invalid, "there is no key %s; did you mean %s?", key, nearest(key))
		}
		if err := known[i].set(set[key]); err != nil {
			return "", gomail.Errorf(gomail.Invalid, "%s: %w", key, err)
		}
	}
	var b strings.Builder
	b.WriteString("# The configuration of GoMail. Keys that are commented out have the value that\n# they show. gomail check-config reads the file and says what is wrong with it.\n# What changes while the server runs is not here: see the admin panel.\n")
	section := ""
	for i, k := range Reference() {
		if k.Section != section {
			section = k.Section
			fmt.Fprintf(&b, "\n# %s\n[%s]\n", k.SectionText, section)
		}
		if k.Table {
			// Tables would end their section: they are told of, not shown.
			fmt.Fprintf(&b, "# [[%s.%s]]: %s; the manual shows one.\n", k.Section, k.Name, k.Text)
			continue
		}
		off := "# "
		if _, ok := set[k.Section+"."+k.Name]; ok {
			off = ""
		}
		line := fmt.Sprintf("%s%s = %s", off, k.Name, literal(known[i].value))
		if k.Text != "" {
			line += "  # " + k.Text
		}
		b.WriteString(line + "\n")
	}
	return b.String(), nil
}

// WriteCommented writes what Commented returns to a file that must not exist
// yet, durably.
func WriteCommented(path string, set map[string]string, mode fs.FileMode) error {
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return gomail.Errorf(gomail.Exists, "%s exists already and is left as it is", path)
	}
	text, err := Commented(set)
	if err != nil {
		return err
	}
	if err := disk.WriteFile(disk.DataName, disk.DataName, path, []byte(text)); err != nil {
		return fmt.Errorf("write the configuration %s: %w", filepath.Base(path), err)
	}
	return os.Chmod(path, mode)
}
