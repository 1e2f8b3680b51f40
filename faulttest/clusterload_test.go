package faulttest

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"

	"mimamori"
	"mimamori/app"
	"mimamori/staff"
	"mimamori/store"
)

const clusterAccounts = 600

// clusterLoad is an installation on a cluster, under load.
type clusterLoad struct {
	t       *testing.T
	address string
	db      *sql.DB
	app     *app.App
	doors   *httptest.Server
	client  *http.Client
	key     string
	home    []string // by customer: the worker that had the account at first
	stop    chan struct{}
	all     sync.WaitGroup

	mu       sync.Mutex // guards all below
	done     map[int][]string
	commands map[string]bool
	counted
	odd map[int]int // answers that are neither 200 nor 503 nor 429
}

type counted struct {
	acked, refused int // decisions
	many           int // events in batches that were acknowledged
	longest        time.Duration
}

func onCluster(t *testing.T) *clusterLoad {
	t.Helper()
	coordinator := os.Getenv(clusterEnv)
	if coordinator == "" {
		t.Skip("no cluster is given: make test-cluster DATABASE=postgres://user@coordinator:5432/db KILL='…' REVIVE='…'")
	}
	const schema = "mimamori_cluster_test"
	address, err := store.MakeSchema(t.Context(), coordinator, schema)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.DropSchema(context.Background(), coordinator, schema); err != nil {
			t.Error(err)
		}
	})
	c := &clusterLoad{t: t, address: address, stop: make(chan struct{}), done: map[int][]string{}, commands: map[string]bool{}, odd: map[int]int{}}
	if c.db, err = sql.Open("pgx", address); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.db.Close() })
	c.start()
	c.home = make([]string, clusterAccounts)
	for i := range c.home {
		id := mimamori.NewAccountID(customer(i))
		c.home[i] = c.ask(`SELECT n.nodename || ':' || n.nodeport FROM pg_dist_placement p JOIN pg_dist_node n USING (groupid)
			WHERE p.shardid = get_shard_id_for_distribution_column('account'::regclass, $1::uuid) AND n.noderole = 'primary'`, id[:])
	}
	for at, theirs := range c.byWorker() {
		for w := range 12 {
			c.all.Go(func() { c.load(fmt.Sprint(at, "-", w), theirs) })
		}
	}
	for w := range 2 {
		c.all.Go(func() { c.batches(w) })
	}
	t.Cleanup(c.end)
	return c
}

func customer(i int) string { return fmt.Sprintf("customer-%04d", i) }

// start opens Mimamori on the cluster, and a shop that does what it is told.
func (c *clusterLoad) start() {
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var said struct{ Type, Subject string }
		if body, err := io.ReadAll(r.Body); err == nil && json.Unmarshal(body, &said) == nil {
			c.mu.Lock()
			c.commands[said.Subject+" "+said.Type] = true
			c.mu.Unlock()
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"result":"done"}`)
	}))
	c.t.Cleanup(func() { shop.CloseClientConnections(); shop.Close() })
	f := app.DefaultConfig()
	f.Data, f.Database, f.Log = c.t.TempDir(), c.address, slog.New(slog.DiscardHandler)
	f.Shop.URL, f.Shop.AllowHTTP, f.Shop.Source = shop.URL, true, "shop"
	f.Shop.Allow = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	f.RatePerKey = -1
	var err error
	if c.app, err = app.New(c.t.Context(), f); err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() {
		if err := c.app.Stop(); err != nil {
			c.t.Error(err)
		}
	})
	if c.key, _, err = c.app.APIKeys.Create(c.t.Context(), nil, mimamori.System, staff.NewAPIKey{Name: "cluster", WordsAnHour: 1000, Scopes: staff.Scopes, Source: "shop"}); err == nil {
		err = c.app.Start(c.t.Context())
	}
	if err != nil {
		c.t.Fatal(err)
	}
	c.doors = httptest.NewServer(c.app.Doors)
	c.t.Cleanup(func() { c.doors.CloseClientConnections(); c.doors.Close() })
	c.client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}, Timeout: 30 * time.Second}
}

// byWorker are the customers that each worker has.
func (c *clusterLoad) byWorker() map[string][]int {
	out := map[string][]int{}
	for i, at := range c.home {
		out[at] = append(out[at], i)
	}
	return out
}

// load asks for one decision after the other about some customers, and again
// until it is answered: as the shop's SDK does.
func (c *clusterLoad) load(name string, customers []int) {
	for n := 0; ; n++ {
		i, id := customers[rand.IntN(len(customers))], fmt.Sprint(name, "-", n)
		body := c.event("login.attempted", customer(i), id, fmt.Sprintf(`{"outcome":"succeeded","session":"s-%d","ip":"106.72.45.10","user_agent":"Mozilla/5.0"}`, i))
		for c.send("/v1/decisions", body) != http.StatusOK {
			select {
			case <-c.stop:
				return // it was never promised
			case <-time.After(100 * time.Millisecond):
			}
		}
		c.mu.Lock()
		c.done[i] = append(c.done[i], id)
		c.counted.acked++
		c.mu.Unlock()
		select {
		case <-c.stop:
			return
		default:
		}
	}
}

// batches sends events about customers of all workers in one request, again
// until it is answered.
func (c *clusterLoad) batches(w int) {
	for n := 0; ; n++ {
		var all, ids []string
		var whose []int
		for k := range 40 {
			i, id := rand.IntN(clusterAccounts), fmt.Sprintf("batch-%d-%d-%d", w, n, k)
			whose, ids = append(whose, i), append(ids, id)
			all = append(all, c.event("page.viewed", customer(i), id, fmt.Sprintf(`{"session":"s-%d","page":"orders"}`, i)))
		}
		for c.send("/v1/events", "["+strings.Join(all, ",")+"]") != http.StatusAccepted {
			select {
			case <-c.stop:
				return
			case <-time.After(100 * time.Millisecond):
			}
		}
		c.mu.Lock()
		for k, i := range whose {
			c.done[i] = append(c.done[i], ids[k])
		}
		c.many += len(ids)
		c.mu.Unlock()
		select {
		case <-c.stop:
			return
		default:
		}
	}
}

func (c *clusterLoad) event(kind, subject, id, data string) string {
	return fmt.Sprintf(`{"specversion":"1.0","source":"shop","id":%q,"type":%q,"subject":%q,"time":%q,"data":%s}`, id, kind, subject, time.Now().UTC().Format(time.RFC3339Nano), data)
}

func (c *clusterLoad) send(path, body string) (status int) {
	r, err := http.NewRequest("POST", c.doors.URL+path, bytes.NewBufferString(body))
	if err != nil {
		c.t.Error(err)
		return 0
	}
	r.Header.Set("Authorization", "Bearer "+c.key)
	r.Header.Set("Content-Type", "application/json")
	at := time.Now()
	answer, err := c.client.Do(r)
	if err == nil {
		status = answer.StatusCode
		_, _ = io.Copy(io.Discard, answer.Body)
		_ = answer.Body.Close()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.longest = max(c.longest, time.Since(at))
	switch status {
	case http.StatusOK, http.StatusAccepted:
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		c.refused++
	default:
		c.odd[status]++
	}
	return status
}

// takenOver has the shop say that an intruder is in an account.
func (c *clusterLoad) takenOver(subject string) {
	body := c.event("session.judged", subject, mimamori.NewID("judged"), `{"session":"s-intruder","verdict":"intruder","by":"shop"}`)
	c.until("the takeover of "+subject+" is taken in", 15*time.Second, func() bool { return c.send("/v1/events", body) == http.StatusAccepted })
}

func (c *clusterLoad) told(subject, command string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.commands[subject+" "+command]
}

func (c *clusterLoad) count() counted {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.counted
}

// Whose accounts are meant.
func (c *clusterLoad) everywhere(string) bool { return true }

func (c *clusterLoad) only(worker string) func(string) bool {
	return func(at string) bool { return at == worker }
}

func (c *clusterLoad) but(worker string) func(string) bool {
	return func(at string) bool { return at != worker }
}

func (c *clusterLoad) acked(of func(string) bool) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, ids := range c.done {
		if of(c.home[i]) {
			n += len(ids)
		}
	}
	return n
}

// subject is a customer who signed in there and was not taken over yet.
func (c *clusterLoad) subject(of func(string) bool) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, ids := range c.done {
		if len(ids) > 0 && of(c.home[i]) && !c.commands[customer(i)+" sessions.revoke"] {
			return customer(i)
		}
	}
	c.t.Fatal("nobody has signed in there")
	return ""
}

func (c *clusterLoad) until(what string, within time.Duration, so func() bool) {
	c.t.Helper()
	for end := time.Now().Add(within); !so(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			c.t.Fatalf("%s: not within %s; %+v", what, within, c.count())
		}
	}
}

// shell runs the command of a variable.
func (c *clusterLoad) shell(name string) {
	c.t.Helper()
	if os.Getenv(name) == "" {
		return
	}
	ctx, cancel := context.WithTimeout(c.t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-c", os.Getenv(name))
	cmd.WaitDelay = time.Second // a server that it starts may keep its output open
	if said, err := cmd.CombinedOutput(); err != nil && !strings.Contains(err.Error(), "WaitDelay") {
		c.t.Fatalf("%s: %v: %s", name, err, said)
	}
}

// gone is the worker that takes no calls.
func (c *clusterLoad) gone() (worker string) {
	c.t.Helper()
	c.until("a worker takes no calls", 20*time.Second, func() bool {
		for _, at := range c.home {
			conn, err := net.DialTimeout("tcp", at, time.Second)
			if err != nil {
				worker = at
				return true
			}
			_ = conn.Close()
		}
		return false
	})
	return worker
}

// move spreads the shards anew: over a worker that was added, or else half of
// one worker's over to another and back.
func (c *clusterLoad) move() error {
	if os.Getenv(growEnv) != "" {
		var err error
		for range 20 { // a table that is being spread is in its way
			if _, err = c.db.Exec(`SELECT citus_rebalance_start()`); err == nil {
				_, err = c.db.Exec(`SELECT citus_rebalance_wait()`)
				return err
			}
			time.Sleep(time.Second)
		}
		return fmt.Errorf("begin to rebalance: %w", err)
	}
	rows, err := c.db.Query(`SELECT DISTINCT ON (s.shardid) s.shardid, n.nodename, n.nodeport, o.nodename, o.nodeport
		FROM pg_dist_shard s JOIN pg_dist_placement p USING (shardid) JOIN pg_dist_node n USING (groupid)
		JOIN pg_dist_node o ON o.groupid <> n.groupid AND o.shouldhaveshards AND o.isactive AND o.noderole = 'primary'
		WHERE s.logicalrelid = 'account'::regclass AND n.noderole = 'primary' ORDER BY s.shardid LIMIT 8`)
	if err != nil {
		return err
	}
	defer rows.Close()
	var moves []string
	for rows.Next() {
		var shard, port, port2 int64
		var from, to string
		if err := rows.Scan(&shard, &from, &port, &to, &port2); err != nil {
			return err
		}
		moves = append(moves, fmt.Sprintf(`SELECT citus_move_shard_placement(%d, '%s', %d, '%s', %d, 'force_logical')`, shard, from, port, to, port2))
	}
	for _, words := range moves {
		if _, err := c.db.Exec(words); err != nil {
			return fmt.Errorf("%s: %w", words, err)
		}
	}
	return rows.Err()
}

func (c *clusterLoad) exec(words string) {
	c.t.Helper()
	if _, err := c.db.Exec(words); err != nil {
		c.t.Fatalf("%s: %v", words, err)
	}
}

func (c *clusterLoad) ask(words string, args ...any) (answer string) {
	c.t.Helper()
	if err := c.db.QueryRow(words, args...).Scan(&answer); err != nil {
		c.t.Fatalf("%s: %v", words, err)
	}
	return answer
}

func (c *clusterLoad) end() {
	select {
	case <-c.stop:
	default:
		close(c.stop)
	}
	c.all.Wait()
}

// check ends the load and holds what was acknowledged against what is there.
func (c *clusterLoad) check(longest time.Duration) {
	c.t.Helper()
	c.end()
	lost, miscounted := 0, 0
	for i, ids := range c.done {
		id := mimamori.NewAccountID(customer(i))
		events, err := c.app.Store.Events(c.t.Context(), id)
		if err != nil {
			c.t.Fatal(err)
		}
		here, logins := map[string]bool{}, 0
		for _, e := range events {
			here[e.ID] = true
			if e.Kind == "login.attempted" {
				logins++
			}
		}
		for _, id := range ids {
			if !here[id] {
				lost++
			}
		}
		a, err := c.app.Store.ReadAccount(c.t.Context(), customer(i))
		if err != nil {
			c.t.Fatal(err)
		}
		if int(a.Profile.Logins) != logins {
			miscounted++
		}
	}
	if lost > 0 || miscounted > 0 || len(c.odd) > 0 {
		c.t.Errorf("%d acknowledged decisions are lost, %d accounts count others than their events, odd answers %v", lost, miscounted, c.odd)
	}
	if c.longest > longest {
		c.t.Errorf("the longest answer took %s, want at most %s", c.longest, longest)
	}
	c.t.Logf("%d decisions and %d events in batches acknowledged, all there and counted once; %d refused and sent again; the longest answer %s", c.counted.acked, c.many, c.refused, c.longest.Round(time.Millisecond))
}
