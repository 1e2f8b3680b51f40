package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
)

// SQLite drops what does not check at the end of its write-ahead log without a
// word: after a crash that is the write nobody was told of. A byte that turned
// on the disk looks the same to it, and then what it drops was acknowledged.
// So after each commit we note how far the log was acknowledged, in a small
// file beside it, and the next start holds the log against that. The note is
// not synced: it costs two system calls a commit, and after a power cut it may
// only say less than was acknowledged, never more.

// ackMark is the file that says how far the log was acknowledged.
type ackMark struct {
	file  *os.File
	index *os.File // SQLite's index of the log (-shm), opened at the first commit
	path  string
}

const (
	markSize  = 32
	markMagic = 0x4d4d4b31 // "MMK1"
	walHead   = 32         // the log's own head, then frames of 24 bytes and a page
	frameHead = 24
)

// openAckMark holds the log against what the last process noted, before
// SQLite opens it. ErrDamaged says that acknowledged writes are not there.
func openAckMark(path string) (*ackMark, error) {
	f, err := os.OpenFile(path+".acked", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	m := &ackMark{file: f, path: path}
	var said [markSize]byte
	n, err := f.ReadAt(said[:], 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, errors.Join(fmt.Errorf("read how far writes were acknowledged: %w", err), f.Close())
	}
	if n == markSize {
		log, err := os.Open(path + "-wal")
		if err == nil {
			err = errors.Join(checkLog(log, said), log.Close())
		}
		// Another program may have carried the whole log over, as sqlite3 does
		// when it ends.
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, errors.Join(err, f.Close())
		}
	}
	return m, nil
}

// close ends it. After a clean end the log is carried over and gone, and the
// note with it.
func (m *ackMark) close(clean bool) error {
	errs := []error{m.file.Close()}
	if m.index != nil {
		errs = append(errs, m.index.Close())
	}
	if clean {
		if _, err := os.Stat(m.path + "-wal"); errors.Is(err, os.ErrNotExist) {
			errs = append(errs, os.Remove(m.path+".acked"))
		}
	}
	return errors.Join(errs...)
}

// reached is how far the log has come: the note that is to be written once all
// up to there is durable. Only the writer asks.
func (m *ackMark) reached() (said [markSize]byte) {
	if m.index == nil {
		var err error
		if m.index, err = os.Open(m.path + "-shm"); err != nil {
			return said
		}
	}
	var head [48]byte // WalIndexHdr, see SQLite's walformat document, section 2.1
	if _, err := m.index.ReadAt(head[:], 0); err != nil {
		return said
	}
	binary.BigEndian.PutUint32(said[:], markMagic)
	binary.BigEndian.PutUint32(said[4:], binary.NativeEndian.Uint32(head[16:])) // the last valid frame
	copy(said[8:16], head[32:40])                                               // the salts, as the log has them
	binary.BigEndian.PutUint32(said[16:], binary.NativeEndian.Uint32(head[24:]))
	binary.BigEndian.PutUint32(said[20:], binary.NativeEndian.Uint32(head[28:])) // the checksum up to that frame
	binary.BigEndian.PutUint32(said[28:], crc32.ChecksumIEEE(said[:28]))
	return said
}

// note writes down that the log is acknowledged so far. It cannot fail what is
// durable: without the note less is found out, no more.
func (m *ackMark) note(said [markSize]byte) {
	if binary.BigEndian.Uint32(said[:]) == markMagic {
		_, _ = m.file.WriteAt(said[:], 0)
	}
}

// checkLog compares the log with what was noted of it.
func checkLog(log io.Reader, said [markSize]byte) error {
	if binary.BigEndian.Uint32(said[:]) != markMagic || binary.BigEndian.Uint32(said[28:]) != crc32.ChecksumIEEE(said[:28]) {
		return nil // no note, or one cut off in the writing: nothing is known
	}
	frames := binary.BigEndian.Uint32(said[4:])
	var head [walHead]byte
	n, err := io.ReadFull(log, head[:])
	if n == 0 || frames == 0 {
		return nil // carried over and emptied
	}
	if err != nil {
		return shortOf(0, frames)
	}
	order, a, b := binary.ByteOrder(binary.LittleEndian), uint32(0), uint32(0)
	if binary.BigEndian.Uint32(head[:])&1 == 1 {
		order = binary.BigEndian
	}
	a, b = walSum(order, a, b, head[:24])
	if magic := binary.BigEndian.Uint32(head[:]) &^ 1; magic != 0x377f0682 || a != binary.BigEndian.Uint32(head[24:]) || b != binary.BigEndian.Uint32(head[28:]) {
		return shortOf(0, frames)
	}
	if string(head[16:24]) != string(said[8:16]) {
		return nil // begun again from its start since: all before it is in the database
	}
	size := int(binary.BigEndian.Uint32(head[8:]))
	if size < 512 || size > 65536 {
		return shortOf(0, frames)
	}
	frame := make([]byte, frameHead+size)
	for i := range frames {
		if _, err := io.ReadFull(log, frame); err != nil {
			return shortOf(i, frames)
		}
		a, b = walSum(order, a, b, frame[:8])
		a, b = walSum(order, a, b, frame[frameHead:])
		if string(frame[8:16]) != string(head[16:24]) || a != binary.BigEndian.Uint32(frame[16:]) || b != binary.BigEndian.Uint32(frame[20:]) {
			return shortOf(i, frames)
		}
	}
	if a != binary.BigEndian.Uint32(said[16:]) || b != binary.BigEndian.Uint32(said[20:]) {
		return shortOf(frames-1, frames)
	}
	return nil
}

// walSum is SQLite's checksum of the log (file format, section 4.2).
func walSum(order binary.ByteOrder, a, b uint32, data []byte) (uint32, uint32) {
	for ; len(data) >= 8; data = data[8:] {
		a += order.Uint32(data) + b
		b += order.Uint32(data[4:]) + a
	}
	return a, b
}

func shortOf(good, frames uint32) error {
	return fmt.Errorf("%w: of %d acknowledged frames of its write-ahead log only %d are readable", ErrDamaged, frames, good)
}

// smallEnough is up to which size the structure is looked through at each
// start: it takes about a second there, and larger files are for verify-store.
const smallEnough = 64 << 20

// soundAtStart says loudly what SQLite would find out only on the page in
// question, or never.
func soundAtStart(ctx context.Context, path string, db queryer) error {
	info, err := os.Stat(path)
	if err != nil || info.Size() == 0 {
		return err
	}
	if info.Size() <= smallEnough {
		return integrity(ctx, db, "quick_check(3)")
	}
	var pages, size int64
	if err := db.QueryRowContext(ctx, `PRAGMA page_count`).Scan(&pages); err != nil {
		return damaged(err)
	}
	if err := db.QueryRowContext(ctx, `PRAGMA page_size`).Scan(&size); err != nil {
		return damaged(err)
	}
	if log, err := os.Stat(path + "-wal"); info.Size() < pages*size && (err != nil || log.Size() == 0) {
		return fmt.Errorf("%w: the file has %d bytes of %d", ErrDamaged, info.Size(), pages*size)
	}
	return nil
}
