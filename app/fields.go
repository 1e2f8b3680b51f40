package app

import (
	"fmt"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Field is one thing that can be configured.
type Field struct {
	Key     string // as "policy.wait"
	Kind    string // text, number, true/false, duration, list, map
	Unit    string // of a number or a duration; empty: it has none
	Default string // as it would stand in the file; empty: none
	Example string // as it would stand in the file; empty: see Default
	Meaning string
}

// Fields lists everything that can be configured, in the order of the file.
func Fields() []Field {
	var out []Field
	walk(reflect.ValueOf(DefaultConfig()), "", func(key string, v reflect.Value) {
		f := Field{Key: key, Kind: kindOf(v), Unit: units[key], Meaning: meanings[key], Example: examples[key]}
		if f.Kind == "duration" && f.Unit == "" {
			f.Unit = "h, m, s"
		}
		if !v.IsZero() {
			f.Default = inline(v)
		}
		out = append(out, f)
	})
	return out
}

func walk(v reflect.Value, before string, visit func(string, reflect.Value)) {
	for i := range v.NumField() {
		name := yamlName(v.Type().Field(i))
		if name == "-" {
			continue
		}
		if f := v.Field(i); f.Kind() == reflect.Struct {
			walk(f, before+name+".", visit)
		} else {
			visit(before+name, f)
		}
	}
}

func yamlName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
	if name == "" {
		return strings.ToLower(f.Name)
	}
	return name
}

func kindOf(v reflect.Value) string {
	if v.Type().String() == "time.Duration" {
		return "duration"
	}
	switch v.Kind() {
	case reflect.Bool:
		return "true/false"
	case reflect.Float64, reflect.Int:
		return "number"
	case reflect.Slice:
		return "list"
	case reflect.Map:
		return "map"
	}
	return "text"
}

// inline writes a value as it stands behind its key, on one line.
func inline(v reflect.Value) string {
	if v.Type().String() == "time.Duration" {
		return shortDuration(fmt.Sprint(v.Interface()))
	}
	var node yaml.Node
	if err := node.Encode(v.Interface()); err != nil {
		return fmt.Sprint(v.Interface())
	}
	flow(&node)
	out, err := yaml.Marshal(&node)
	if err != nil {
		return fmt.Sprint(v.Interface())
	}
	return strings.TrimSpace(string(out))
}

func flow(n *yaml.Node) {
	n.Style |= yaml.FlowStyle
	for _, c := range n.Content {
		flow(c)
	}
}

// shortDuration writes 5h0m0s as 5h.
func shortDuration(s string) string {
	s = strings.TrimSuffix(s, "m0s")
	if s != "" && strings.HasSuffix(s, "h0") {
		return strings.TrimSuffix(s, "0")
	}
	if s != "" && s[len(s)-1] >= '0' && s[len(s)-1] <= '9' {
		return s + "m"
	}
	return s
}

// Annotated writes a configuration as a file for people: above each field what
// it means, what differs from the default set, the rest there to be set.
func Annotated(c Config, head string) string {
	var out strings.Builder
	for line := range strings.Lines(head) {
		out.WriteString("# " + line)
	}
	out.WriteString("\n")
	annotate(&out, reflect.ValueOf(c), reflect.ValueOf(DefaultConfig()), "", "")
	return out.String()
}

func annotate(out *strings.Builder, v, usual reflect.Value, before, indent string) {
	for i := range v.NumField() {
		name := yamlName(v.Type().Field(i))
		if name == "-" {
			continue
		}
		f, d := v.Field(i), usual.Field(i)
		if f.Kind() == reflect.Struct {
			sign := "#"
			if !reflect.DeepEqual(f.Interface(), d.Interface()) {
				sign = ""
			}
			if indent == "" {
				out.WriteString("\n")
			}
			fmt.Fprintf(out, "%s%s%s:\n", indent, sign, name)
			annotate(out, f, d, before+name+".", indent+"  ")
			continue
		}
		key := before + name
		words, sign, value := kindOf(f), "#", examples[key]
		if u := units[key]; u != "" {
			words += ", " + u
		}
		if !d.IsZero() {
			value = inline(d)
		}
		if !reflect.DeepEqual(f.Interface(), d.Interface()) {
			if !d.IsZero() {
				words += ", default " + value
			}
			sign, value = "", inline(f)
		}
		fmt.Fprintf(out, "%s# %s (%s)\n%s%s%s: %s\n", indent, meanings[key], words, indent, sign, name, value)
	}
}

// Words tells a field in three lines, as config describe prints it.
func (f Field) Words() string {
	kind := f.Kind
	if f.Unit != "" {
		kind += ", " + f.Unit
	}
	if f.Default != "" {
		kind += ", default " + f.Default
	}
	out := fmt.Sprintf("%s  (%s)\n    %s\n", f.Key, kind, f.Meaning)
	if f.Example != "" {
		out += "    as " + f.Example + "\n"
	}
	return out
}

// ConfigurationDocument is docs/configuration.md.
func ConfigurationDocument() string {
	var out strings.Builder
	out.WriteString(`# Configuration

<!-- Written by make docs from app/config.go, app/load.go and app/examples.go. -->

One YAML file, named by ` + "`--config` or `MIMAMORI_CONFIG`" + `. What is absent has the value given here; what is unknown, doubled or of the wrong kind is
refused with its line. ` + "`mimamori quickstart`" + ` writes a whole file with these words in it, ` + "`mimamori config check`" + ` says what is wrong with one and how
to mend it, ` + "`mimamori config describe`" + ` prints this list. How to run with it is in [operations.md](operations.md).
`)
	section := "-"
	for _, f := range Fields() {
		at, _, nested := strings.Cut(f.Key, ".")
		if !nested {
			at = ""
		}
		if at != section {
			section = at
			title := at
			if at == "" {
				title = "at the top"
			}
			fmt.Fprintf(&out, "\n## %s\n\n| field | meaning | kind | unless set | example |\n|---|---|---|---|---|\n", title)
		}
		kind := f.Kind
		if f.Unit != "" {
			kind += ", " + f.Unit
		}
		fmt.Fprintf(&out, "| `%s` | %s | %s | %s | %s |\n", f.Key, cell(f.Meaning), kind, quoted(f.Default), quoted(f.Example))
	}
	return out.String()
}

func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

func quoted(s string) string {
	if s == "" {
		return ""
	}
	return "`" + cell(s) + "`"
}
