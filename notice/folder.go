package notice

import (
	"bytes"
	_ "embed" // the page
	"fmt"
	"html/template"
	"os"
	"path/filepath"

	"mimamori"
)

//go:embed preview.html
var previewPage string

// WriteFolder writes the preview of all notices in both languages: a text file
// each, as mailed, and index.html with all of them. What stands in the folder
// under the same names is written over.
func WriteFolder(dir string, h House) error {
	page, err := template.New("preview").Parse(previewPage)
	if err != nil {
		return fmt.Errorf("write the preview: %w", err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("write the preview: %w", err)
	}
	all := map[mimamori.Lang][]Previewed{}
	for _, l := range []mimamori.Lang{mimamori.Japanese, mimamori.English} {
		if all[l], err = Preview(h, l); err != nil {
			return err
		}
		for _, p := range all[l] {
			if err := os.WriteFile(filepath.Join(dir, p.File()), []byte(p.Subject+"\n\n"+p.Body), 0o644); err != nil {
				return fmt.Errorf("write the preview: %w", err)
			}
		}
	}
	var b bytes.Buffer
	if err := page.Execute(&b, map[string]any{"JA": all[mimamori.Japanese], "EN": all[mimamori.English]}); err != nil {
		return fmt.Errorf("write the preview: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "index.html"), b.Bytes(), 0o644); err != nil {
		return fmt.Errorf("write the preview: %w", err)
	}
	return nil
}

// File is the name of its text file: "ja-contained.txt".
func (p Previewed) File() string { return string(p.Lang) + "-" + p.Name + ".txt" }
