package store

import (
	"errors"
	"fmt"

	sqlite3 "modernc.org/sqlite/lib"

	"mimamori"
)

// A decision whose account's row is kept (kept.go) needs no word with the
// database before it is written. So while a batch is being written, by a
// goroutine of its own (committer), the writer runs what comes meanwhile: that
// is the next batch. Whoever has the turn may use the writer's connection; what
// needs it waits for the turn.
//
// What the next batch runs on is what the one before is about to write. When
// that one cannot be written, nothing of the next has been, and it runs again
// from its beginning on what the tables hold.

// prepared is a batch whose jobs have all run. Open: its transaction is.
type prepared struct {
	jobs  []*job
	sheet *sheet
	open  bool
}

// own waits for the turn, pass gives it on.
func (s *SQLite) own()  { <-s.turn }
func (s *SQLite) pass() { s.turn <- struct{}{} }

// begin runs of a batch what can be run before its turn has come, and of what
// comes meanwhile; then the rest.
func (s *SQLite) begin(batch []*job) {
	s.page = 1 - s.page
	b := &s.pages[s.page]
	b.reset(s)
	var rest []*job
	more, mine := batch, false
	for len(more) > 0 && canRunAgain(more) {
		rest = b.before(rest, more)
		if more, mine = s.turnOrMore(batch); len(more) > 0 && canRunAgain(more) {
			batch = append(batch, more...)
		}
	}
	if !mine {
		s.own()
	}
	if !canRunAgain(batch) { // none of it has run: what came meanwhile joins it
		if !s.shut {
			batch = gather(s.normal, batch, maxBatch)
		}
		rest, more = batch, nil
		b.recall(batch)
	}
	s.finish(b, batch, rest)
	if len(more) > 0 {
		s.begin(more)
	}
}

// before runs what can be run before the turn has come, and adds the others to
// the rest.
func (b *sheet) before(rest, batch []*job) []*job {
	b.recall(batch)
	return append(rest, b.abreast(batch)...)
}

// canRunAgain says that all of these jobs may run twice.
func canRunAgain(batch []*job) bool {
	for _, j := range batch {
		if len(j.about) == 0 {
			return false
		}
	}
	return true
}

// enough jobs are worth a commit of their own even if more wait: what a commit
// costs by itself, some pages that all have in common, is shared by so many. In
// larger ones too many of those who ask wait at once, and a core for them.
const enough = 16

// turnOrMore waits for the turn, or for further jobs of the same commit.
func (s *SQLite) turnOrMore(batch []*job) (more []*job, mine bool) {
	urgent := s.shut || len(s.urgent) > 0
	if len(batch) < enough && !urgent {
		if more = gather(s.normal, nil, maxBatch-len(batch)); len(more) > 0 {
			return more, false
		}
	}
	select {
	case <-s.turn:
		return nil, true
	default:
	}
	if len(batch) >= maxBatch || urgent {
		return nil, false
	}
	select {
	case <-s.turn:
		return nil, true
	case j := <-s.normal:
		return gather(s.normal, []*job{j}, maxBatch-len(batch)), false
	}
}

// finish runs what is left of a batch and gives it to be written. The caller
// has the turn, and has given it on afterwards.
func (s *SQLite) finish(b *sheet, batch, rest []*job) {
	if s.spoilt { // what this batch ran on was not written
		s.spoilt = false
		s.known.clear()
		rest = s.afresh(b, batch)
	}
	err := s.Failed()
	if err == nil && len(rest) > 0 {
		err = s.runInTurn(b, rest)
	}
	if err != nil {
		s.known.clear()
		answer(batch, err)
		s.pass()
		return
	}
	b.remember(&s.known)
	p := prepared{batch, b, len(rest) > 0}
	if len(batch) >= fewestAbreast && canRunAgain(batch) {
		s.ran <- p
		return
	}
	s.writeOut(p) // not worth waking anybody, or the next will hardly run beside it
	s.pass()
}

// afresh has a batch begin again, and returns its jobs: all are to be run.
func (s *SQLite) afresh(b *sheet, batch []*job) []*job {
	for _, j := range batch {
		j.err, j.panic, j.putOff = nil, nil, false
	}
	b.reset(s)
	b.recall(batch)
	return batch
}

// runInTurn reads what is not kept and runs what is left of a batch, in a
// transaction that stays open. A job's own error stays with the job; the
// returned one is of the whole, and has undone all.
func (s *SQLite) runInTurn(b *sheet, rest []*job) error {
	if err := s.open(); err != nil {
		return err
	}
	b.show() // who did not say what it is about may look for what ran beside it
	err := b.read()
	if err == nil && len(rest) >= fewestAbreast {
		rest, err = b.together(rest)
	}
	for _, j := range rest {
		if err == nil {
			err = b.run(j)
		}
	}
	if err != nil {
		return s.undo("write a batch", err)
	}
	return nil
}

// committer writes batches that have run.
func (s *SQLite) committer() {
	defer close(s.unsynced)
	for p := range s.ran {
		s.writeOut(p)
		s.pass()
	}
}

// writeOut writes a batch that has run, and hands it on to be made durable. When
// some before it still wait to be synced that takes a while, and what comes
// meanwhile shares the next batch.
func (s *SQLite) writeOut(p prepared) {
	if err := s.commit(p); err != nil {
		s.spoilt = true
		answer(p.jobs, err)
		return
	}
	writeBack(s.log)
	s.unsynced <- committed{p.jobs, s.acked.reached()}
	s.grown(len(p.jobs))
}

func (s *SQLite) commit(p prepared) error {
	if !p.open {
		if err := s.open(); err != nil {
			return err
		}
	}
	if err := p.sheet.flush(); err != nil {
		return s.undo("write a batch", err)
	}
	if err := s.exec("COMMIT"); err != nil {
		return s.undo("commit", err)
	}
	s.refused.Store(nil)
	return nil
}

// open begins a transaction.
func (s *SQLite) open() error {
	if err := s.Failed(); err != nil {
		return err
	}
	err := s.exec("BEGIN IMMEDIATE")
	if err == nil {
		return nil
	}
	if codeOf(err) == sqlite3.SQLITE_ERROR || isCorrupt(err) { // the one before it is still open, or the file is broken
		return s.fail("begin", err)
	}
	return fmt.Errorf("begin: %w", errors.Join(mimamori.ErrUnavailable, err))
}

// undo ends a transaction that met an error.
func (s *SQLite) undo(doing string, err error) error {
	_ = s.exec("ROLLBACK") // SQLite may have done it already
	return s.refuse(doing, err)
}
