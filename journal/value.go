package journal

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Value is a registered thing's fields, flattened by dots, each as JSON text.
type Value map[string]string

// A dot in a field's own name is written ~1 and a tilde ~0, as in JSON Pointer
// (RFC 6901 section 3), so that a path means one field only.
var escape, unescape = strings.NewReplacer("~", "~0", ".", "~1"), strings.NewReplacer("~1", ".", "~0", "~")

// Flatten turns an object into its fields, nested ones joined by dots, each
// as its JSON text. A value that is no object stands under "value"; nothing
// gives nil.
func Flatten(raw json.RawMessage) Value {
	if len(raw) == 0 || string(raw) == "null" {
		return nil
	}
	out := Value{}
	out.put("", raw)
	return out
}

// put reads fast what is plain JSON, as everything is that came in by a door.
func (v Value) put(path string, raw json.RawMessage) {
	d := jsontext.NewDecoder(bytes.NewBuffer(raw))
	if err := v.read(d, path); err != nil {
		clear(v)
		v.putLoosely(path, raw)
	}
}

// read takes the next value in: an object's fields each, anything else whole.
func (v Value) read(d *jsontext.Decoder, path string) error {
	if d.PeekKind() != '{' {
		raw, err := d.ReadValue()
		if err != nil {
			return err
		}
		if raw.Kind() == '[' {
			raw = slices.Clone(raw)
			if err := raw.Compact(); err != nil {
				return err
			}
		}
		v[cmp.Or(path, "value")] = string(raw)
		return nil
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	if d.PeekKind() == '}' && path != "" {
		v[path] = "{}"
	}
	for d.PeekKind() != '}' {
		name, err := d.ReadToken()
		if err != nil {
			return err
		}
		field := escape.Replace(name.String())
		if path != "" {
			field = path + "." + field
		}
		if err := v.read(d, field); err != nil {
			return err
		}
	}
	_, err := d.ReadToken()
	return err
}

// putLoosely reads what the strict reader does not take: names given twice
// and the like, of which the last counts.
func (v Value) putLoosely(path string, raw json.RawMessage) {
	var fields map[string]json.RawMessage
	if json.Unmarshal(raw, &fields) == nil && fields != nil && (len(fields) > 0 || path == "") {
		for k, x := range fields {
			k = escape.Replace(k)
			if path != "" {
				k = path + "." + k
			}
			v.putLoosely(k, x)
		}
		return
	}
	var compact bytes.Buffer
	if json.Compact(&compact, raw) != nil {
		return
	}
	v[cmp.Or(path, "value")] = compact.String()
}

// JSON puts the fields back together as the shop sent them.
func (v Value) JSON() json.RawMessage {
	root := map[string]any{}
	for path, raw := range v {
		at, parts := root, strings.Split(path, ".")
		for _, p := range parts[:len(parts)-1] {
			p = unescape.Replace(p)
			next, ok := at[p].(map[string]any)
			if !ok {
				next = map[string]any{}
				at[p] = next
			}
			at = next
		}
		at[unescape.Replace(parts[len(parts)-1])] = json.RawMessage(raw)
	}
	b, err := json.Marshal(root)
	if err != nil { // a field that is no JSON cannot have come from Flatten
		return nil
	}
	return b
}

// Show is a field for people: strings without their quotes.
func (v Value) Show(field string) string {
	var s string
	if json.Unmarshal([]byte(v[field]), &s) == nil {
		return s
	}
	return v[field]
}
