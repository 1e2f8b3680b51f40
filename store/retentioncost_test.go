//go:build unix

package store_test

import (
	"context"
	"database/sql"
	"log/slog"
	"testing"
	"time"

	"mimamori/retention"
	"mimamori/store/pgtest"
)

// BenchmarkRetention is what it costs PostgreSQL to forget as the job does it,
// account by account: log and time for an event that goes, for one whose address
// becomes a hash, and time for an account of which nothing is due. The events
// lie on their pages by days, as they came.
func BenchmarkRetention(b *testing.B) {
	const accounts, days = 300, 24
	address := pgtest.Address(b)
	s := openAddress(b, address)
	db, err := sql.Open("pgx", address)
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	say := func(words string, args ...any) (answer int64) {
		b.Helper()
		if err := db.QueryRow(words, args...).Scan(&answer); err != nil {
			b.Fatalf("%s: %v", words, err)
		}
		return answer
	}
	// A sign-in every 30 days, the last today, each with its data and answer.
	begin := time.Now().AddDate(0, 0, -30*(days-1))
	for day := range days {
		at := begin.AddDate(0, 0, 30*day).UnixNano()
		if _, err := db.Exec(`INSERT INTO event (account_id, source, id, at, received_at, kind, subject, hash, data, answer)
			SELECT md5('a' || n)::uuid, 'shop', md5('e' || n || '-' || $1::bigint), $1, $1, 'login.attempted', 'customer-' || n, '\x01020304'::bytea,
				'{"accept_language":"ja","ip":"106.72.' || n % 250 || '.10","outcome":"succeeded","session":"session-' || n || '-' || $1 || '","user_agent":"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"}',
				'{"decision":"allow","probability":0.0004,"reasons":[],"obligations":[],"terms":{"device_known":-0.5,"network_known":-0.7,"pattern_customer":-0.4}}'
			FROM generate_series(1, $2::bigint) AS n ORDER BY md5('o' || n)`, at, accounts); err != nil {
			b.Fatal(err)
		}
	}
	job := func(p retention.Policy) (done retention.Pass, took time.Duration, log int64) {
		b.Helper()
		_, _ = db.Exec(`CHECKPOINT`) // the first change of each page then carries it whole
		before, at := say(`SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint`), time.Now()
		j := retention.NewJob(s, p, func(...string) []byte { return []byte("12345678") }, slog.New(slog.DiscardHandler))
		if err := j.Once(context.WithoutCancel(b.Context())); err != nil {
			b.Fatal(err)
		}
		return j.Pass(), time.Since(at), say(`SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint`) - before
	}
	for range 1 {
		never := retention.Policy{LoginMonths: 120, IncidentYears: 30}
		_, looked, _ := job(never)
		b.ReportMetric(accounts/looked.Seconds(), "accounts/s")
		faded, took, log := job(retention.Policy{LoginMonths: 13, IncidentYears: 30})
		if faded.Faded == 0 {
			b.Fatalf("nothing faded: %+v", faded)
		}
		b.ReportMetric(float64(log)/float64(faded.Faded), "faded-log-B/event")
		b.ReportMetric(float64(faded.Faded)/(took-looked).Seconds(), "faded/s")
		gone, took, log := job(retention.Policy{LoginMonths: 13, IncidentYears: 1})
		if gone.Deleted == 0 {
			b.Fatalf("nothing went: %+v", gone)
		}
		b.ReportMetric(float64(log)/float64(gone.Deleted), "deleted-log-B/event")
		b.ReportMetric(float64(gone.Deleted)/max(took-looked, time.Millisecond).Seconds(), "deleted/s")
		b.Logf("%d accounts in %s; %d faded, %d deleted", accounts, looked, faded.Faded, gone.Deleted)
	}
}
