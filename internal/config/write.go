package config

import (
	"bytes"
	"fmt"
	"os"

	"github.com/BurntSushi/toml"
)

// Write writes the configuration so that Load reads the same.
func Write(path string, c Config) error {
	var text bytes.Buffer
	if err := toml.NewEncoder(&text).Encode(c); err != nil {
		return fmt.Errorf("write the configuration: %w", err)
	}
	return os.WriteFile(path, text.Bytes(), 0o600)
}
