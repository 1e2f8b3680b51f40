package faulttest

import (
	"os"
	"testing"
	"time"

	"mimamori/store"
)

// What a real cluster is held to (make test-cluster). There is none in the
// suite: whoever has one says where it is, and how one of its workers is killed
// and started again; a further worker to be added may be named.
const (
	clusterEnv = "MIMAMORI_CLUSTER"        // the coordinator's address
	killEnv    = "MIMAMORI_CLUSTER_KILL"   // a shell command that kills a worker's server as kill -9 does
	reviveEnv  = "MIMAMORI_CLUSTER_REVIVE" // one that starts it again
	growEnv    = "MIMAMORI_CLUSTER_GROW"   // one that adds a worker (citus_add_node); may be empty
)

// TestClusterWorkerIsKilled: one worker's server is killed while the shop asks
// for decisions. What is acknowledged is kept and counted once, whoever asks
// about the worker's accounts hears 503 at once, the others' accounts go on and
// are guarded, and all goes on by itself when the worker is back.
func TestClusterWorkerIsKilled(t *testing.T) {
	if os.Getenv(killEnv) == "" || os.Getenv(reviveEnv) == "" {
		t.Skip("no command that kills a worker is given: make test-cluster")
	}
	c := onCluster(t)
	c.until("a second of load", 20*time.Second, func() bool { return c.acked(c.everywhere) > 500 })
	before := time.Now()
	c.shell(killEnv)
	victim := c.gone()
	t.Logf("%s is gone", victim)
	c.until("somebody is refused", 20*time.Second, func() bool { return c.count().refused > 0 })
	// A takeover of an account elsewhere is answered while the worker is away.
	others := c.acked(c.but(victim))
	at := time.Now()
	safe := c.subject(c.but(victim))
	c.takenOver(safe)
	c.until("the commands for an account elsewhere", 15*time.Second, func() bool { return c.told(safe, "sessions.revoke") })
	t.Logf("a takeover elsewhere: commands after %s", time.Since(at).Round(time.Millisecond))
	time.Sleep(5 * time.Second)
	meanwhile := c.acked(c.but(victim)) - others
	t.Logf("in %s without the worker: %d decisions about accounts elsewhere", time.Since(at).Round(100*time.Millisecond), meanwhile)
	if meanwhile < 100 {
		t.Errorf("accounts on other workers stood still: %d decisions", meanwhile)
	}
	theirs := c.acked(c.only(victim))
	c.shell(reviveEnv)
	back := time.Now()
	c.until("the worker's accounts go on", 60*time.Second, func() bool { return c.acked(c.only(victim)) > theirs+50 })
	t.Logf("the worker was away for %s; its accounts go on %s after it is back", back.Sub(before).Round(100*time.Millisecond), time.Since(back).Round(100*time.Millisecond))
	again := c.subject(c.only(victim))
	c.takenOver(again)
	c.until("the commands for an account of it", 30*time.Second, func() bool { return c.told(again, "sessions.revoke") })
	c.check(15 * time.Second)
}

// TestClusterIsRebalanced: shards move from worker to worker under load, a new
// table is spread meanwhile, and nobody is told anything that does not hold.
func TestClusterIsRebalanced(t *testing.T) {
	c := onCluster(t)
	c.until("a second of load", 20*time.Second, func() bool { return c.acked(c.everywhere) > 500 })
	c.shell(growEnv)
	at, n := time.Now(), c.count()
	moved := make(chan error, 1)
	go func() { moved <- c.move() }()
	// A build with one table more starts meanwhile.
	c.exec(`CREATE TABLE later (account_id uuid NOT NULL, word text NOT NULL, PRIMARY KEY (account_id, word))`)
	s, err := store.OpenPostgres(t.Context(), c.address)
	if err != nil {
		t.Fatalf("start while shards move: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	t.Logf("a new table was spread in %s while shards moved", time.Since(at).Round(100*time.Millisecond))
	if err := <-moved; err != nil {
		t.Fatal(err)
	}
	took := time.Since(at)
	if spread := c.ask(`SELECT count(*) FROM pg_dist_partition a JOIN pg_dist_partition b USING (colocationid) WHERE a.logicalrelid = 'account'::regclass AND b.logicalrelid = 'later'::regclass`); spread != "1" {
		t.Error("the new table does not stand beside the accounts")
	}
	m := c.count()
	t.Logf("moved for %s: %d acknowledged meanwhile, %d refused and sent again, the longest answer %s", took.Round(100*time.Millisecond), m.acked-n.acked, m.refused-n.refused, m.longest.Round(time.Millisecond))
	was := c.acked(c.everywhere)
	c.until("it goes on", 20*time.Second, func() bool { return c.acked(c.everywhere) > was+200 })
	someone := c.subject(c.everywhere)
	c.takenOver(someone)
	c.until("the commands for an account", 30*time.Second, func() bool { return c.told(someone, "sessions.revoke") })
	c.check(15 * time.Second)
}
