package store

import (
	"bytes"
	"os"
)

// CheckLog is checkLog against the note beside path.
func CheckLog(path string, log []byte) error {
	raw, err := os.ReadFile(path + ".acked")
	if err != nil {
		return err
	}
	return checkLog(bytes.NewReader(log), [markSize]byte(raw))
}
