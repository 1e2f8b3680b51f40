package store_test

import (
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"mimamori"
	"mimamori/event"
	"mimamori/intake"
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

// TestUUIDHash: a node finds an account's shard as PostgreSQL's own hash does.
func TestUUIDHash(t *testing.T) {
	db, err := sql.Open("pgx", pgtest.Address(t))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	ids := []mimamori.AccountID{{}, {0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff}}
	for i := range 200 {
		ids = append(ids, mimamori.NewAccountID(fmt.Sprint("customer-", i)))
	}
	for _, id := range ids {
		var want int32
		if err := db.QueryRow(`SELECT uuid_hash($1::uuid)`, id[:]).Scan(&want); err != nil {
			t.Fatal(err)
		}
		if got := store.UUIDHash(id); got != want {
			t.Errorf("uuidHash(%s) = %d, PostgreSQL says %d", id, got, want)
		}
	}
}

// TestPostgresSaysWhatIsWrong: whoever starts it reads what to do.
func TestPostgresSaysWhatIsWrong(t *testing.T) {
	good, err := url.Parse(pgtest.Address(t))
	if err != nil {
		t.Fatal(err)
	}
	good.Path = "/no_such_database"
	for _, tt := range []struct {
		name, address string
		kind          error
		words         string
	}{
		{"nobody there", "postgres://postgres:geheim@127.0.0.1:1/mimamori?connect_timeout=2", mimamori.ErrUnavailable, "is it running"},
		{"no such database", good.String(), mimamori.ErrUnavailable, "createdb"},
		{"no address", "postgres://:::/", mimamori.ErrInvalid, "postgres://user@host"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := store.Open(t.Context(), tt.address)
			if !errors.Is(err, tt.kind) || !strings.Contains(err.Error(), tt.words) {
				t.Errorf("got %v; want kind %v and the words %q", err, tt.kind, tt.words)
			}
			if err != nil && strings.Contains(err.Error(), "geheim") {
				t.Errorf("the password is told: %v", err)
			}
		})
	}
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

// TestPostgresLockedAccount: somebody keeps one account locked, as a
// distributed transaction does whose machine has died. Writes about it are
// refused, and those beside it are written.
func TestPostgresLockedAccount(t *testing.T) {
	address := pgtest.Address(t)
	s := openAddress(t, address)
	write := func(subject, id string) error {
		e := event.Event{Account: mimamori.NewAccountID(subject), Subject: subject, Source: "shop", ID: id, Kind: event.SessionEnded, Time: time.Now(), Data: []byte(`{"session":"s"}`)}
		return s.TakeEvents(t.Context(), false, []event.Event{e}, func(tx intake.Tx) error {
			a, err := tx.Account(e.Account, e.Subject)
			if err != nil {
				return err
			}
			return errors.Join(tx.PutEvent(e, "", time.Now()), tx.PutAccount(a))
		})
	}
	if err := write("locked", "0"); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("pgx", address)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	holder, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer holder.Rollback()
	id := mimamori.NewAccountID("locked")
	if _, err := holder.Exec(`UPDATE account SET ver = ver + 1 WHERE account_id = $1::uuid`, id[:]); err != nil {
		t.Fatal(err)
	}
	errs := make([]error, 24)
	var all sync.WaitGroup
	for i := range errs {
		all.Go(func() {
			subject := fmt.Sprint("beside-", i)
			if i%8 == 0 {
				subject = "locked"
			}
			errs[i] = write(subject, fmt.Sprint("n", i))
		})
	}
	all.Wait()
	for i, err := range errs {
		if locked := i%8 == 0; locked != (err != nil) || locked && !errors.Is(err, mimamori.ErrUnavailable) {
			t.Errorf("write %d beside a locked account: %v", i, err)
		}
	}
	if err := holder.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := write("locked", "1"); err != nil {
		t.Errorf("write when the lock is gone: %v", err)
	}
}
