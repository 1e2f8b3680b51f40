package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// A batch that SQLite has committed stands in the write-ahead log, but maybe
// only in the system's memory: the writer's connection does not sync
// (synchronous=NORMAL). A second goroutine syncs the log and then answers, and
// the writer works on the next batch meanwhile. The log is one sequence with
// running checksums, so a crash leaves the one before or both, never the later
// alone. Three things stay SQLite's: it syncs the log before it carries it
// over, the database after, and the log's head when it begins again.
//
// What a reader sees may therefore be some milliseconds younger than what is
// durable. Whoever acts outside on what he reads writes first (a step is
// claimed before it is tried), and that write is answered after both.

// committed is a batch that waits to be durable.
type committed struct {
	jobs    []*job
	reached [markSize]byte // how far the log has come with it
}

// openLog opens the write-ahead log to sync it. SQLite holds no locks on it,
// so that closing our descriptor takes none away, and the file stays the same
// as long as a connection is open.
func (s *SQLite) openLog(path string) (err error) {
	if s.log, err = os.OpenFile(path+"-wal", os.O_RDWR, 0); err != nil {
		return fmt.Errorf("open the write-ahead log: %w", err)
	}
	// Closing it takes away SQLite's own locks on the file: it is closed last.
	if s.base, err = os.OpenFile(path, os.O_RDWR, 0); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	// A log whose name is not durable is none.
	if err := errors.Join(dir.Sync(), dir.Close()); err != nil {
		return fmt.Errorf("sync the folder of the write-ahead log: %w", err)
	}
	return nil
}

// unsyncedAtMost is how many committed batches may wait for the one that is
// being synced: one sync then does for all. A disk that is slow for a moment so
// keeps neither the writer nor a core waiting. With more of them the writer
// commits what it would better gather: each commit writes some pages anew that
// all have in common, and none is answered earlier.
const unsyncedAtMost = 5

// syncer makes batches durable and answers their jobs, until the writer ends.
func (s *SQLite) syncer() {
	var batches []committed
	for first := range s.unsynced {
		batches = append(batches[:0], first)
		for more := true; more; {
			select {
			case next, open := <-s.unsynced:
				if more = open; open {
					batches = append(batches, next)
				}
			default:
				more = false
			}
		}
		err := s.Failed()
		if err == nil {
			if err = syncData(s.log); err != nil {
				err = s.fail("sync the write-ahead log", err)
			} else {
				s.acked.note(batches[len(batches)-1].reached)
			}
		}
		for i := range batches {
			answer(batches[i].jobs, err)
		}
		clear(batches)
	}
}

// answer ends jobs; an error is that of their whole batch.
func answer(jobs []*job, err error) {
	for _, j := range jobs {
		if err != nil {
			j.err = err
		}
		close(j.end)
	}
}
