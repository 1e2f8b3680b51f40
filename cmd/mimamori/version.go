package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"mimamori/app"
)

type versionCmd struct {
	SBOM bool `name:"sbom" help:"Print what this program is made of: a CycloneDX 1.6 bill of materials (JSON)."`
}

// Run prints the version with the commit that it was built from, which Go
// stamps into the program.
func (c versionCmd) Run(s *streams) error {
	info, ok := debug.ReadBuildInfo()
	if c.SBOM {
		if !ok {
			return errors.New("this program was built without module information")
		}
		enc := json.NewEncoder(s.out)
		enc.SetIndent("", "  ")
		enc.SetEscapeHTML(false)
		return enc.Encode(bill(info))
	}
	_, err := fmt.Fprintf(s.out, "mimamori %s (%s%s %s/%s)\n", app.Version, stamp(info), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}

// stamp is the commit, its day, and whether the tree held more than it.
func stamp(info *debug.BuildInfo) string {
	if info == nil {
		return ""
	}
	said := map[string]string{}
	for _, v := range info.Settings {
		said[v.Key] = v.Value
	}
	commit := said["vcs.revision"]
	if commit == "" {
		return ""
	}
	out := "commit " + commit[:min(12, len(commit))]
	if said["vcs.modified"] == "true" {
		out += " and changes"
	}
	if day, _, ok := strings.Cut(said["vcs.time"], "T"); ok {
		out += " of " + day
	}
	return out + ", "
}

// The part of CycloneDX 1.6 that is used. No time and no serial number: the
// same program has the same bill, byte for byte.
type (
	cdx struct {
		Schema     string         `json:"$schema"`
		Format     string         `json:"bomFormat"`
		Spec       string         `json:"specVersion"`
		Version    int            `json:"version"`
		Metadata   cdxMetadata    `json:"metadata"`
		Components []cdxComponent `json:"components"`
	}
	cdxMetadata struct {
		Component cdxComponent `json:"component"`
	}
	cdxComponent struct {
		Type       string        `json:"type"`
		Ref        string        `json:"bom-ref"`
		Name       string        `json:"name"`
		Version    string        `json:"version"`
		PURL       string        `json:"purl,omitempty"`
		Properties []cdxProperty `json:"properties,omitempty"`
	}
	cdxProperty struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	}
)

// bill lists the modules that are linked into the program, the standard
// library among them. A module's sum is go.sum's (h1), which is no hash of one
// file and so stands as a property.
func bill(info *debug.BuildInfo) cdx {
	out := cdx{Schema: "http://cyclonedx.org/schema/bom-1.6.schema.json", Format: "CycloneDX", Spec: "1.6", Version: 1,
		Metadata: cdxMetadata{cdxComponent{Type: "application", Ref: "mimamori", Name: "mimamori", Version: app.Version}}}
	for _, v := range info.Settings {
		if v.Key == "vcs.revision" || v.Key == "vcs.time" || v.Key == "vcs.modified" || v.Key == "CGO_ENABLED" || v.Key == "GOOS" || v.Key == "GOARCH" {
			m := &out.Metadata.Component
			m.Properties = append(m.Properties, cdxProperty{"go:" + v.Key, v.Value})
		}
	}
	library := func(name, version, sum string) {
		c := cdxComponent{Type: "library", Name: name, Version: version, PURL: "pkg:golang/" + name + "@" + version}
		c.Ref = c.PURL
		if sum != "" {
			c.Properties = []cdxProperty{{"go:sum", sum}}
		}
		out.Components = append(out.Components, c)
	}
	library("stdlib", strings.TrimPrefix(info.GoVersion, "go"), "")
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		library(m.Path, m.Version, m.Sum)
	}
	return out
}
