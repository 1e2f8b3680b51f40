package quickstart

import (
	_ "embed" // the unit
	"fmt"
	"strings"
	"text/template"

	"mimamori"
)

//go:embed unit.service
var unitText string

// Unit is a systemd unit for one installation.
type Unit struct {
	Program  string // absolute path of mimamori
	Config   string // absolute path of the configuration
	Data     string // absolute path of the data folder
	User     string
	LowPorts bool // listens on a port under 1024
}

// Text writes the unit. Everything the process does not need is closed to it.
func (u Unit) Text() (string, error) {
	for _, path := range []string{u.Program, u.Config, u.Data} {
		if !strings.HasPrefix(path, "/") || strings.ContainsAny(path, " \t\n\"'\\%$") {
			return "", fmt.Errorf("write the unit: %q is not an absolute path without spaces and signs: %w", path, mimamori.ErrInvalid)
		}
	}
	if u.User == "" || strings.Trim(u.User, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
		return "", fmt.Errorf("write the unit: %q is no user: %w", u.User, mimamori.ErrInvalid)
	}
	t, err := template.New("unit").Parse(unitText)
	if err != nil {
		return "", fmt.Errorf("write the unit: %w", err)
	}
	var out strings.Builder
	if err := t.Execute(&out, u); err != nil {
		return "", fmt.Errorf("write the unit: %w", err)
	}
	return out.String(), nil
}

// State is the name under /var/lib when the data folder is there: systemd then
// makes it and gives it to the user.
func (u Unit) State() string {
	name, ok := strings.CutPrefix(u.Data, "/var/lib/")
	if !ok || name == "" || strings.Contains(name, "..") {
		return ""
	}
	return name
}

// Home says that something lies under a home folder, which is else closed.
func (u Unit) Home() bool {
	for _, path := range []string{u.Program, u.Config, u.Data} {
		if strings.HasPrefix(path, "/home/") || strings.HasPrefix(path, "/root/") || strings.HasPrefix(path, "/run/user/") {
			return true
		}
	}
	return false
}
