package config

import (
	_ "embed"
	"encoding"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"time"
)

// The comments beside the fields are the reference: read from the source
// itself, they cannot say anything else than what a developer reads.
//
//go:embed config.go
var source string

// Key is one key of gomail.toml.
type Key struct {
	Section     string // "smtp"
	SectionText string // what the section is
	Name        string // "listen"
	Text        string // what the key is
	Default     string // as TOML, empty: none
	Environment string // the variable that overrides it, empty: none can
	Table       bool   // an array of tables, [[section.name]]
}

// Reference lists every key in the order of the file.
var Reference = sync.OnceValue(func() []Key {
	texts, c := fieldTexts(), Default()
	var keys []Key
	sections := reflect.ValueOf(&c).Elem()
	for i := range sections.NumField() {
		section, fields := sections.Type().Field(i), sections.Field(i)
		for j := range fields.NumField() {
			field := fields.Type().Field(j)
			k := Key{
				Section: section.Tag.Get("toml"), SectionText: texts[section.Name], Name: field.Tag.Get("toml"),
				Text: texts[section.Type.Name()+"."+field.Name], Table: isTable(field.Type),
			}
			if !k.Table {
				k.Environment = setting{key: k.Section + "." + k.Name}.environment()
				k.Default = literal(fields.Field(j))
			}
			keys = append(keys, k)
		}
	}
	return keys
})

// isTable reports whether a value is written as an array of tables.
func isTable(t reflect.Type) bool {
	return t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Struct && !t.Elem().Implements(reflect.TypeFor[encoding.TextMarshaler]())
}

// fieldTexts reads the comments: of a struct by its name, of a field by
// "Struct.Field".
func fieldTexts() map[string]string {
	texts := map[string]string{}
	file, err := parser.ParseFile(token.NewFileSet(), "config.go", source, parser.ParseComments)
	if err != nil {
		panic(err) // it has been compiled
	}
	for _, d := range file.Decls {
		general, ok := d.(*ast.GenDecl)
		if !ok || general.Tok != token.TYPE {
			continue
		}
		for _, s := range general.Specs {
			spec := s.(*ast.TypeSpec)
			structure, ok := spec.Type.(*ast.StructType)
			if !ok {
				continue
			}
			texts[spec.Name.Name] = strings.TrimPrefix(oneLine(general.Doc), spec.Name.Name+" is ")
			for _, f := range structure.Fields.List {
				for _, name := range f.Names {
					texts[spec.Name.Name+"."+name.Name] = oneLine(f.Comment)
				}
			}
		}
	}
	return texts
}

func oneLine(c *ast.CommentGroup) string {
	return strings.TrimSuffix(strings.Join(strings.Fields(c.Text()), " "), ".")
}

// literal writes a value as TOML.
func literal(v reflect.Value) string {
	switch x := v.Interface().(type) {
	case Size:
		return strconv.Quote(x.String())
	case time.Duration:
		return strconv.Quote(shortDuration(x))
	}
	if v.Kind() == reflect.Slice {
		items := make([]string, v.Len())
		for i := range items {
			items[i] = literal(v.Index(i))
		}
		return "[" + strings.Join(items, ", ") + "]"
	}
	if m, ok := v.Interface().(encoding.TextMarshaler); ok {
		text, err := m.MarshalText()
		if err != nil {
			panic(err) // the types here cannot fail
		}
		return strconv.Quote(strings.ToLower(string(text)))
	}
	if v.Kind() == reflect.String {
		return strconv.Quote(v.String())
	}
	return fmt.Sprint(v.Interface())
}

// shortDuration leaves out what is zero: 120h, not 120h0m0s.
func shortDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// String writes a size as ParseSize reads it.
func (s Size) String() string {
	for _, u := range units {
		if u.suffix != "" && u.factor > 1 && int64(s) >= u.factor && int64(s)%u.factor == 0 && strings.Contains(u.suffix, "i") {
			if next := u.factor << 10; int64(s)%next == 0 {
				continue
			}
			return strconv.FormatInt(int64(s)/u.factor, 10) + u.suffix
		}
	}
	return strconv.FormatInt(int64(s), 10)
}
