package event

import (
	"bytes"
	"errors"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"mimamori"
)

// wrong is a fault of the input: field as a dotted path, reason without any of
// the input's values.
func wrong(index int, field, reason string) *mimamori.FieldError {
	return &mimamori.FieldError{Index: index, Field: field, Reason: reason}
}

// syntaxError turns the JSON reader's error into one that names the field and
// says nothing of the input.
func syntaxError(err error, index int) *mimamori.FieldError {
	reason := "is not valid JSON"
	var syntactic *jsontext.SyntacticError
	field := ""
	if errors.As(err, &syntactic) {
		field = pointerPath(syntactic.JSONPointer, index >= 0)
		switch text := syntactic.Err.Error(); {
		case errors.Is(err, jsontext.ErrDuplicateName):
			reason = "has a duplicate key"
		case bytes.Contains([]byte(text), []byte("UTF-8")), bytes.Contains([]byte(text), []byte("surrogate")):
			reason = "is not valid UTF-8"
		case bytes.Contains([]byte(text), []byte("depth")):
			reason = "is nested too deeply"
		}
	}
	return wrong(index, field, reason)
}

// typeError does the same for a value of the wrong type inside data.
func typeError(err error) *mimamori.FieldError {
	field := "data"
	var semantic *json.SemanticError
	if errors.As(err, &semantic) {
		if p := pointerPath(semantic.JSONPointer, false); p != "" {
			field += "." + p
		}
	}
	return wrong(-1, field, "has the wrong type or form")
}

// pointerPath writes a JSON pointer as a dotted path. In a batch the first
// element is the index, which the error carries already.
func pointerPath(p jsontext.Pointer, batch bool) string {
	path := ""
	for token := range p.Tokens() {
		if batch {
			batch = false
			continue
		}
		if path != "" {
			path += "."
		}
		path += safeName(token)
	}
	return path
}

// safeName lets a key of the input into an error only if it cannot be a
// secret or a person's data: a short plain name with few digits.
func safeName(key string) string {
	digits := 0
	for _, r := range key {
		switch {
		case r >= '0' && r <= '9':
			digits++
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r == '_', r == '-':
		default:
			return "?"
		}
	}
	if key == "" || digits > 5 || utf8.RuneCountInString(key) > 60 {
		return "?"
	}
	return key
}
