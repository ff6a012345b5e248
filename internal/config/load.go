package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"

	"gomail"
)

// Find returns the file that is read when nothing else is said: config, or
// gomail.toml in dir, or with neither /etc/gomail/gomail.toml, or
// ./gomail.toml. Empty: there is none, and the defaults hold.
func Find(config, dir string) (string, error) {
	if config != "" {
		if _, err := os.Stat(config); err != nil {
			return "", gomail.Errorf(gomail.NotFound, "the configuration %s cannot be read: %w", config, err)
		}
		return config, nil
	}
	places := []string{"/etc/gomail/gomail.toml", "gomail.toml"}
	if dir != "" {
		places = []string{filepath.Join(dir, "gomail.toml")}
	}
	for _, p := range places {
		if _, err := os.Stat(p); err == nil {
			return p, nil
		} else if !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("look for the configuration: %w", err)
		}
	}
	return "", nil
}

// Load reads the configuration: the file that Find finds, the environment
// over it, dir over both. Errors name the file, the line and the key.
func Load(file, dir string, environ []string) (Config, error) {
	c := Default()
	path, err := Find(file, dir)
	if err != nil {
		return c, err
	}
	if path != "" {
		if err := c.readFile(path); err != nil {
			return c, err
		}
	}
	if err := c.readEnvironment(environ); err != nil {
		return c, err
	}
	if dir != "" {
		c.Server.DataDir = dir
	}
	return c, c.complete(dir != "", credential(environ))
}

// Planned returns the configuration that the environment makes of the
// defaults, with no file read.
func Planned(dir string, alone bool, environ []string) (Config, error) {
	c := Default()
	if err := c.readEnvironment(environ); err != nil {
		return c, err
	}
	c.Server.DataDir = dir
	return c, c.complete(alone, "")
}

// credential returns the path of the secret key that systemd hands over
// (LoadCredential=secret.key:...), empty when it hands over none.
func credential(environ []string) string {
	for _, e := range environ {
		if dir, ok := strings.CutPrefix(e, "CREDENTIALS_DIRECTORY="); ok {
			path := filepath.Join(dir, "secret.key")
			if _, err := os.Stat(path); err == nil {
				return path
			}
		}
	}
	return ""
}

// readFile reads a TOML file over what is set.
func (c *Config) readFile(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return gomail.Errorf(gomail.Invalid, "the configuration cannot be read: %w", err)
	}
	meta, err := toml.Decode(string(text), c)
	if err != nil {
		return gomail.Errorf(gomail.Invalid, "%s: %s", path, decodeProblem(err))
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		key := unknown[0].String()
		return gomail.Errorf(gomail.Invalid, "%s, line %d: there is no key %s; did you mean %s?", path, lineOf(string(text), unknown[0]), key, nearest(key))
	}
	return nil
}

// lastKey is how the library says where a wrong value stands.
var lastKey = regexp.MustCompile(`^line (\d+) \(last key "([^"]*)"\)`)

// decodeProblem says what is wrong and where.
func decodeProblem(err error) string {
	return lastKey.ReplaceAllString(strings.TrimPrefix(err.Error(), "toml: "), "line $1, key $2")
}

// lineOf finds where an unknown key stands: the library does not say.
func lineOf(text string, key toml.Key) int {
	table := ""
	last := key[len(key)-1]
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			table = strings.Trim(line, "[] ")
			if table == key.String() {
				return i + 1
			}
		}
		name, _, found := strings.Cut(line, "=")
		full := strings.TrimPrefix(table+"."+strings.Trim(strings.TrimSpace(name), `"'`), ".")
		if found && (full == key.String() || strings.Trim(strings.TrimSpace(name), `"'`) == last && strings.HasPrefix(key.String(), table)) {
			return i + 1
		}
	}
	return 1
}

// nearest returns the known key that takes the fewest changes.
func nearest(key string) string {
	best, least := "", 1<<30
	for _, s := range settings(&Config{}) {
		if d := distance(key, s.key); d < least {
			best, least = s.key, d
		}
	}
	return best
}

// distance is Levenshtein's.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := diagonal
			if a[i-1] != b[j-1] {
				cost++
			}
			diagonal = row[j]
			row[j] = min(cost, row[j]+1, row[j-1]+1)
		}
	}
	return row[len(b)]
}

// readEnvironment reads GOMAIL_SECTION_KEY over what is set. Lists are
// separated by commas.
func (c *Config) readEnvironment(environ []string) error {
	known := settings(c)
	for _, e := range environ {
		name, value, _ := strings.Cut(e, "=")
		if !strings.HasPrefix(name, "GOMAIL_") {
			continue
		}
		i := slices.IndexFunc(known, func(s setting) bool { return s.environment() == name })
		if i < 0 {
			return gomail.Errorf(gomail.Invalid, "the environment sets %s, which is no setting; did you mean %s?", name, nearestVariable(name, known))
		}
		if err := known[i].set(value); err != nil {
			return gomail.Errorf(gomail.Invalid, "the environment's %s: %w", name, err)
		}
	}
	return nil
}

func nearestVariable(name string, known []setting) string {
	best, least := "", 1<<30
	for _, s := range known {
		if d := distance(name, s.environment()); d < least {
			best, least = s.environment(), d
		}
	}
	return best
}

// Size is a number of octets, written as "50MB" (powers of ten), "50MiB" or a
// plain number.
type Size int64

var units = []struct {
	suffix string
	factor int64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40},
	{"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"B", 1}, {"", 1},
}

// ParseSize reads a size.
func ParseSize(s string) (Size, error) {
	for _, u := range units {
		if number, ok := strings.CutSuffix(s, u.suffix); ok {
			n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
			if err != nil || n < 0 || n*float64(u.factor) > 1<<62 {
				break
			}
			return Size(n * float64(u.factor)), nil
		}
	}
	return 0, gomail.Errorf(gomail.Invalid, "%q is no size: write 50MB, 5GiB or a number of octets", s)
}

// UnmarshalText reads a size from TOML.
func (s *Size) UnmarshalText(text []byte) (err error) {
	*s, err = ParseSize(string(text))
	return err
}
