package store_test

import (
	"testing"

	"mimamori/store"
	"mimamori/store/pgtest"
	"mimamori/store/storetest"
)

func TestPostgres(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Place {
		address := pgtest.Address(t)
		return func() store.Store { return openAddress(t, address) }
	})
}

func openAddress(t testing.TB, address string) *store.Postgres {
	t.Helper()
	s, err := store.OpenPostgres(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}
