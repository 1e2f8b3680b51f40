//go:build !linux

package store

// gathered is only for Linux; elsewhere SQLite writes its log page by page.
type gathered struct{ kept []any }

func gatherLog(any) (*gathered, error) { return nil, nil }

func (g *gathered) close() error { return nil }
