package config

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"syscall"

	"github.com/BurntSushi/toml"

	"gomail"
	"gomail/internal/disk"
)

// Edit sets keys in the text of a gomail.toml, in their places, and leaves the
// rest as it is, comments included. Values are as the environment gives them.
// It returns the keys that had another value. What it cannot do safely is
// refused with what to do by hand.
func Edit(text string, set map[string]string) (edited string, changed []string, err error) {
	wanted, now := Default(), Default()
	if _, err := toml.Decode(text, &now); err != nil {
		return "", nil, gomail.Errorf(gomail.Invalid, "%s", decodeProblem(err))
	}
	values, have := settings(&wanted), settings(&now)
	for _, key := range slices.Sorted(maps.Keys(set)) {
		i := slices.IndexFunc(values, func(s setting) bool { return s.key == key })
		if i < 0 {
			return "", nil, gomail.Errorf(gomail.Invalid, "there is no key %s; did you mean %s?", key, nearest(key))
		}
		if isTable(values[i].value.Type()) {
			return "", nil, gomail.Errorf(gomail.Invalid, "%s is a table for each: write it into the file by hand", key)
		}
		if err := values[i].set(set[key]); err != nil {
			return "", nil, gomail.Errorf(gomail.Invalid, "%s: %w", key, err)
		}
		if same(values[i], have[i]) {
			continue
		}
		changed = append(changed, key)
		if text, err = setLine(text, key, literal(values[i].value)); err != nil {
			return "", nil, err
		}
	}
	return text, changed, holds(text, values, changed)
}

func same(a, b setting) bool { return literal(a.value) == literal(b.value) }

// holds reads what was edited, to be sure that it says what it should.
func holds(text string, values []setting, changed []string) error {
	c := Default()
	_, err := toml.Decode(text, &c)
	for i, s := range settings(&c) {
		if err == nil && slices.Contains(changed, s.key) && !reflect.DeepEqual(literal(s.value), literal(values[i].value)) {
			err = errors.New("it would not be read as meant")
		}
	}
	if err != nil {
		return gomail.Errorf(gomail.Invalid, "%s cannot be set in a file of this form: write it by hand", strings.Join(changed, ", "))
	}
	return nil
}

var sectionLine = regexp.MustCompile(`^\s*\[\s*([a-z0-9_]+)\s*\]\s*(#.*)?$`)

// setLine gives a key its value: on its line, else on the one that shows it
// commented out, else on a new one below its section's head.
func setLine(text, key, value string) (string, error) {
	section, name, _ := strings.Cut(key, ".")
	lines := strings.Split(text, "\n")
	own, shown, head := -1, -1, -1
	inside := false
	for n, line := range lines {
		trimmed := strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(trimmed, "["):
			m := sectionLine.FindStringSubmatch(line)
			if inside = m != nil && m[1] == section; inside {
				head = n
			}
		case inside && assigns(trimmed, name):
			own = n
		case inside && shown < 0 && assigns(strings.TrimSpace(strings.TrimPrefix(trimmed, "#")), name):
			shown = n
		}
	}
	line := name + " = " + value
	switch {
	case own >= 0:
		comment, whole := trailingComment(lines[own])
		if !whole {
			return "", gomail.Errorf(gomail.Invalid, "%s stands on several lines: write it by hand", key)
		}
		lines[own] = line + comment
	case shown >= 0:
		comment, _ := trailingComment(strings.TrimPrefix(strings.TrimSpace(lines[shown]), "#"))
		lines[shown] = line + comment
	case head >= 0:
		lines = slices.Insert(lines, head+1, line)
	default:
		return strings.TrimRight(text, "\n") + fmt.Sprintf("\n\n[%s]\n%s\n", section, line), nil
	}
	return strings.Join(lines, "\n"), nil
}

func assigns(line, name string) bool {
	rest, ok := strings.CutPrefix(line, name)
	return ok && strings.HasPrefix(strings.TrimSpace(rest), "=")
}

// trailingComment returns the comment after a value with the space before it.
// whole: the value ends on its line.
func trailingComment(line string) (comment string, whole bool) {
	depth := 0
	var quote rune
	escaped := false
	for i, r := range line {
		switch {
		case escaped:
			escaped = false
		case quote != 0:
			escaped = r == '\\' && quote == '"'
			if r == quote {
				quote = 0
			}
		case r == '"' || r == '\'':
			quote = r
		case r == '[':
			depth++
		case r == ']':
			depth--
		case r == '#':
			return line[len(strings.TrimRight(line[:i], " \t")):], depth == 0
		}
	}
	return "", depth == 0 && quote == 0
}

// EditFile does it to a file, which keeps its owner and its rights. dir is as
// in Load. A configuration that would be refused is not written.
func EditFile(path, dir string, set map[string]string) (changed []string, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, gomail.Errorf(gomail.Invalid, "the configuration cannot be read: %w", err)
	}
	edited, changed, err := Edit(string(text), set)
	if err != nil || len(changed) == 0 {
		return nil, err
	}
	c := Default()
	if _, err := toml.Decode(edited, &c); err != nil {
		return nil, err
	}
	if dir != "" {
		c.Server.DataDir = dir
	}
	if err := c.complete(dir != "", ""); err != nil {
		return nil, err
	}
	return changed, replace(path, edited)
}

// replace writes a file anew, as durably as it was made.
func replace(path, text string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if err := disk.WriteFile(disk.DataName, disk.DataName, path, []byte(text)); err != nil {
		return fmt.Errorf("write the configuration: %w", err)
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && os.Geteuid() == 0 {
		if err := os.Chown(path, int(stat.Uid), int(stat.Gid)); err != nil {
			return fmt.Errorf("write the configuration: %w", err)
		}
	}
	return os.Chmod(path, info.Mode().Perm())
}
