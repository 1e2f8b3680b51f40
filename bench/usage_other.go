//go:build !unix

package bench

import "errors"

func now() (usage, error) { return usage{}, errors.New("measuring needs a Unix system") }
