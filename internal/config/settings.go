package config

import (
	"encoding"
	"fmt"
	"net/url"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"gomail"
)

// setting is one key of the configuration.
type setting struct {
	key   string // "smtp.listen"
	value reflect.Value
}

// settings lists every key with its place in c.
func settings(c *Config) []setting {
	var all []setting
	sections := reflect.ValueOf(c).Elem()
	for i := range sections.NumField() {
		section := sections.Type().Field(i).Tag.Get("toml")
		fields := sections.Field(i)
		for j := range fields.NumField() {
			key := section + "." + fields.Type().Field(j).Tag.Get("toml")
			all = append(all, setting{key, fields.Field(j)})
		}
	}
	return all
}

// environment returns the name of the variable that overrides the setting.
func (s setting) environment() string {
	return "GOMAIL_" + strings.ToUpper(strings.ReplaceAll(s.key, ".", "_"))
}

// set reads a value from text; lists are separated by commas.
func (s setting) set(text string) error {
	v := s.value
	if v.Kind() != reflect.Slice {
		return setText(v, text)
	}
	list := reflect.MakeSlice(v.Type(), 0, 1)
	for item := range strings.SplitSeq(text, ",") {
		if item = strings.TrimSpace(item); item == "" {
			continue
		}
		one := reflect.New(v.Type().Elem()).Elem()
		if err := setText(one, item); err != nil {
			return err
		}
		list = reflect.Append(list, one)
	}
	v.Set(list)
	return nil
}

func setText(v reflect.Value, text string) error {
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return u.UnmarshalText([]byte(text))
	}
	switch v.Interface().(type) {
	case time.Duration:
		d, err := time.ParseDuration(text)
		v.SetInt(int64(d))
		return err
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Bool:
		b, err := strconv.ParseBool(text)
		v.SetBool(b)
		return err
	case reflect.Int:
		n, err := strconv.Atoi(text)
		v.SetInt(int64(n))
		return err
	default:
		return fmt.Errorf("it cannot be set from the environment: use gomail.toml")
	}
	return nil
}

// complete fills in what follows from other settings and refuses what cannot
// work. alone says that the data directory was given on the command line.
func (c *Config) complete(alone bool, credential string) error {
	switch {
	case c.Secrets.KeyFile != "":
	case credential != "":
		c.Secrets.KeyFile = credential
	case alone:
		c.Secrets.KeyFile = filepath.Join(c.Server.DataDir, "secret.key")
	default:
		c.Secrets.KeyFile = "/etc/gomail/secret.key"
	}
	if c.Store.BackupDir == "" {
		c.Store.BackupDir = "/var/backups/gomail"
		if alone {
			c.Store.BackupDir = filepath.Clean(c.Server.DataDir) + "-backups"
		}
	}
	if c.Server.Hostname != "" {
		name, err := gomail.CanonicalDomain(c.Server.Hostname)
		if err != nil {
			return gomail.Errorf(gomail.Invalid, "server.hostname: %w", err)
		}
		c.Server.Hostname = name
	}
	for i, r := range c.DNS.Resolvers {
		c.DNS.Resolvers[i] = withPort(r, "53")
	}
	if err := canonicalNames("reports.skip", c.Reports.Skip); err != nil {
		return err
	}
	if err := canonicalNames("smtp.trusted_sealers", c.SMTP.TrustedSealers); err != nil {
		return err
	}
	checks := []struct {
		key, value string
		allowed    []string
	}{
		{"smtp.authentication", c.SMTP.Authentication, []string{"observe", "quarantine", "reject"}},
		{"smtp.greylist", c.SMTP.Greylist, []string{"off", "suspicious", "all"}},
		{"smtp.block_list_action", c.SMTP.BlockListAction, []string{"refuse", "junk"}},
		{"milter.unavailable", c.Milter.Unavailable, []string{"tempfail", "accept"}},
		{"tls.mode", c.TLS.Mode, []string{"acme", "files", "self-signed"}},
		{"tls.min_version", c.TLS.MinVersion, []string{"1.2", "1.3"}},
		{"dkim.default_algorithm", c.DKIM.DefaultAlgorithm, []string{"both", "ed25519", "rsa"}},
		{"log.format", c.Log.Format, []string{"text", "json"}},
	}
	if err := c.Outbound.check(); err != nil {
		return err
	}
	if err := c.Web.check(); err != nil {
		return err
	}
	if err := c.OAuth.check(); err != nil {
		return err
	}
	if err := c.LMTP.check(); err != nil {
		return err
	}
	if c.Submission.MaxHold < 0 || c.Submission.MaxHold > maxHold {
		return gomail.Errorf(gomail.Invalid, "submission.max_hold is %s: it has to be between 0 and %s", c.Submission.MaxHold, maxHold)
	}
	if c.SMTP.GreylistDelay <= 0 || c.SMTP.GreylistDelay > maxGreylistDelay {
		return gomail.Errorf(gomail.Invalid, "smtp.greylist_delay is %s: it has to be longer than nothing and at most %s, or servers give up", c.SMTP.GreylistDelay, maxGreylistDelay)
	}
	if c.SMTP.Tarpit < 0 || c.SMTP.Tarpit > maxTarpit {
		return gomail.Errorf(gomail.Invalid, "smtp.tarpit is %s: it has to be between 0 and %s", c.SMTP.Tarpit, maxTarpit)
	}
	if c.Milter.Timeout <= 0 {
		return gomail.Errorf(gomail.Invalid, "milter.timeout is %s: it has to be longer than nothing, such as 30s", c.Milter.Timeout)
	}
	for key, n := range map[string]int{
		"messages_per_hour": c.Submission.MessagesPerHour, "messages_per_day": c.Submission.MessagesPerDay,
		"recipients_per_hour": c.Submission.RecipientsPerHour, "recipients_per_day": c.Submission.RecipientsPerDay,
		"first_day_messages_per_hour": c.Submission.FirstDayMessagesPerHour, "first_day_recipients_per_hour": c.Submission.FirstDayRecipientsPerHour,
	} {
		if n < 0 {
			return gomail.Errorf(gomail.Invalid, "submission.%s is %d: it cannot be negative; 0 means any number", key, n)
		}
	}
	for _, k := range checks {
		if !slices.Contains(k.allowed, k.value) {
			return gomail.Errorf(gomail.Invalid, "%s is %q: it has to be one of %s", k.key, k.value, strings.Join(k.allowed, ", "))
		}
	}
	if c.TLS.Mode == "files" && (c.TLS.CertFile == "" || c.TLS.KeyFile == "") {
		return gomail.Errorf(gomail.Invalid, "tls.mode is files: tls.cert_file and tls.key_file have to name the certificate and its key")
	}
	return c.TLS.checkACME()
}

// canonicalNames makes domain names canonical, in their place.
func canonicalNames(key string, names []string) error {
	for i, name := range names {
		canonical, err := gomail.CanonicalDomain(name)
		if err != nil {
			return gomail.Errorf(gomail.Invalid, "%s: %w", key, err)
		}
		names[i] = canonical
	}
	return nil
}

// checkACME refuses what no authority could be asked with.
func (t TLS) checkACME() error {
	if t.ACMEDirectory != "" {
		u, err := url.Parse(t.ACMEDirectory)
		if err != nil || u.Scheme != "https" || u.Hostname() == "" {
			return gomail.Errorf(gomail.Invalid, "tls.acme_directory is %q: it has to be the URL of the authority's directory, such as https://acme-v02.api.letsencrypt.org/directory", t.ACMEDirectory)
		}
	}
	if t.ACMEEmail != "" {
		if _, err := gomail.ParseAddress(t.ACMEEmail); err != nil {
			return gomail.Errorf(gomail.Invalid, "tls.acme_email: %w", err)
		}
	}
	return nil
}

// Bounds of what makes others wait. RFC 5321 section 4.5.3.2 gives replies five
// minutes; the tarpit's twentieth step stays below.
const (
	maxGreylistDelay = 4 * time.Hour
	maxTarpit        = 10 * time.Second
)

// maxHold is what an interval of nine digits can say, and more than anybody
// waits.
const maxHold = 10 * 365 * 24 * time.Hour

func withPort(host, port string) string {
	if strings.HasPrefix(host, "[") && strings.Contains(host, "]:") {
		return host
	}
	if strings.Count(host, ":") == 1 {
		return host
	}
	return "[" + strings.Trim(host, "[]") + "]:" + port
}
