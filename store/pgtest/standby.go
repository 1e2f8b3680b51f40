//go:build unix

package pgtest

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"time"
)

// Durable are the settings of a server that keeps what it acknowledges: for
// tests that end it the hard way.
var Durable = []string{"fsync=on", "full_page_writes=on"}

// Standby makes a copy of the server that follows it, and from then on the
// server acknowledges nothing that the copy does not have.
func (s *Server) Standby() (_ *Server, err error) {
	b := &Server{as: s.as, bin: s.bin}
	if b.Dir, err = os.MkdirTemp("", "mimamori-pg-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, b.Stop())
		}
	}()
	if b.as != nil {
		if err := os.Chown(b.Dir, int(b.as.Uid), int(b.as.Gid)); err != nil {
			return nil, err
		}
	}
	from := fmt.Sprintf("host=%s port=%d user=postgres application_name=standby", s.Dir, s.Port)
	said, err := b.command("pg_basebackup", "-D", b.data(), "-d", from, "-R", "-X", "stream", "--checkpoint=fast", "--no-sync").CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("pg_basebackup: %w\n%s", err, said)
	}
	if err := b.Begin(Durable...); err != nil {
		return nil, err
	}
	for _, words := range []string{`ALTER SYSTEM SET synchronous_standby_names = 'standby'`, `SELECT pg_reload_conf()`} {
		if err := execSQL(s.Address("postgres"), words); err != nil {
			return nil, err
		}
	}
	for range 200 {
		err = execSQL(s.Address("postgres"), `DO $$ BEGIN IF NOT EXISTS (SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync') THEN RAISE EXCEPTION 'not yet'; END IF; END $$`)
		if err == nil {
			return b, nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return nil, fmt.Errorf("the standby does not follow: %w", err)
}

// Promote makes a standby a server of its own.
func (s *Server) Promote() error { return execSQL(s.Address("postgres"), `SELECT pg_promote()`) }

// AddressOf is a database at whichever of several servers takes writes.
func AddressOf(database string, servers ...*Server) string {
	var hosts, ports string
	for i, s := range servers {
		if i > 0 {
			hosts, ports = hosts+",", ports+","
		}
		hosts, ports = hosts+s.Dir, ports+strconv.Itoa(s.Port)
	}
	q := url.Values{"host": {hosts}, "port": {ports}, "target_session_attrs": {"read-write"}}
	return "postgres://postgres@/" + database + "?" + q.Encode()
}
