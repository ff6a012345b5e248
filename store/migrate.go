package store

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/pressly/goose/v3"

	"gomail"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// migrate brings the database's schema up to date and returns from which
// version to which that went. The store is kept as it was before. A schema from
// a newer GoMail is refused: going back needs what was kept, or a backup.
func migrate(ctx context.Context, path string) (from, to int64, err error) {
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(10000)&_pragma=synchronous(FULL)")
	if err != nil {
		return 0, 0, fmt.Errorf("open the database: %w", err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	files, err := fs.Sub(clustered{migrationFiles}, "migrations")
	if err != nil {
		return 0, 0, err
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, files, goose.WithGoMigrations(packEntries()), goose.WithAllowOutofOrder(true)) // their numbers were given out before they were written
	if err != nil {
		return 0, 0, fmt.Errorf("read the migrations: %w", err)
	}
	current, newest, err := provider.GetVersions(ctx)
	if err != nil {
		return 0, 0, sqlError(fmt.Errorf("read the schema's version: %w", err))
	}
	if current > newest {
		return 0, 0, gomail.Errorf(gomail.Invalid, "the data directory was written by a newer GoMail (schema %d, this one knows %d): use that version, or go back to what was kept in "+BeforeUpgrade+" (docs/operate/upgrade.md)", current, newest)
	}
	if current > 0 && current < newest {
		if err := keepBefore(ctx, db, filepath.Dir(path), current, newest); err != nil {
			return 0, 0, err
		}
	}
	if _, err := provider.Up(ctx); err != nil {
		return 0, 0, sqlError(fmt.Errorf("bring the database up to date: %w", err))
	}
	return current, newest, nil
}

// newestSchema returns the version of the schema that this GoMail writes.
func newestSchema() (int64, error) {
	names, err := fs.Glob(migrationFiles, "migrations/*.sql")
	if err != nil || len(names) == 0 {
		return 0, fmt.Errorf("read the migrations: %w", err)
	}
	return goose.NumericComponent(names[len(names)-1])
}

// clustered is the migrations as SQLite reads them: tables marked "clustered"
// become WITHOUT ROWID.
type clustered struct{ embed.FS }

// Open opens a migration and replaces the mark.
func (c clustered) Open(name string) (fs.File, error) {
	f, err := c.FS.Open(name)
	if err != nil || !strings.HasSuffix(name, ".sql") {
		return f, err
	}
	text, err := io.ReadAll(f)
	if err != nil {
		return nil, err
	}
	return &textFile{File: f, Reader: strings.NewReader(strings.ReplaceAll(string(text), "/*clustered*/", "WITHOUT ROWID"))}, nil
}

type textFile struct {
	fs.File
	*strings.Reader
}

// Read reads the replaced text, not the file.
func (f *textFile) Read(p []byte) (int, error) { return f.Reader.Read(p) }
