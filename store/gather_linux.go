package store

import (
	"encoding/binary"
	"fmt"
	"reflect"
	"syscall"
	"unsafe"

	sqlite3 "modernc.org/sqlite/lib"
)

// SQLite writes a commit into its log in two system calls a page, a frame's
// head and the page, which cost as much as all else in a commit. gathered
// stands between the writer's connection and the log: frames are kept until
// the one that ends a commit comes, and go out in one write. Its error is the
// commit's. Whatever else is done with the file finds all frames written
// before, and what is no frame of a commit goes through as ever; nobody else
// reads a frame before its commit has ended.
//
// It takes the place of the file's methods (sqlite3_io_methods), which is what
// they are a table for. The driver has no door to it: its connection's fields
// are looked up by name, and one that has others writes as ever.
type gathered struct {
	room []byte // beside the Go heap: SQLite is given its address
	n    int    // so much of it waits to be written
	at   int64  // from here in the log
	last bool   // the frame that is being written ends a commit
	kept []any  // functions that SQLite alone points to
	shut bool   // SQLite has closed the file, and looks at none of it any more
}

const (
	gatherBytes = 1 << 20   // of frames, then they go out in several writes
	gatherPiece = 120 << 10 // SQLite writes less than 128 KiB at a time
	tableBytes  = 4 << 10   // the table of methods stands behind the frames
)

// gatherLog does so for the log of a connection, which must be open.
func gatherLog(conn any) (*gathered, error) {
	c := reflect.ValueOf(conn)
	if c.Kind() != reflect.Pointer || c.Elem().Kind() != reflect.Struct {
		return nil, nil
	}
	db, tls := c.Elem().FieldByName("db"), c.Elem().FieldByName("tls")
	if !db.IsValid() || !tls.IsValid() || db.Kind() != reflect.Uintptr || tls.Type() != reflect.TypeOf(sqlite3.Xsqlite3_file_control).In(0) {
		return nil, nil
	}
	room, err := syscall.Mmap(-1, 0, gatherBytes+tableBytes, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return nil, fmt.Errorf("make room for the log's frames: %w", err)
	}
	g := &gathered{room: room}
	stand(g, sqlite3.Xsqlite3_file_control, tls.UnsafePointer(), uintptr(db.Uint()))
	return g, nil
}

// close gives the room back, after the connection was closed. One that SQLite
// still holds open keeps it.
func (g *gathered) close() error {
	if g == nil || g.room == nil || !g.shut {
		return nil
	}
	room := g.room
	g.room, g.kept = nil, nil
	return syscall.Munmap(room)
}

// stand puts g before the log's methods. T is the driver's state of a thread,
// a type of a module that we do not import.
func stand[T any](g *gathered, control func(t T, db, name uintptr, op int32, out uintptr) int32, thread unsafe.Pointer, db uintptr) {
	place := uintptr(unsafe.Pointer(unsafe.SliceData(g.room)))
	table := place + gatherBytes
	if control(as[T](thread), db, 0, sqlite3.SQLITE_FCNTL_JOURNAL_POINTER, table) != sqlite3.SQLITE_OK {
		return
	}
	file := as[*sqlite3.Tsqlite3_file](*as[*uintptr](table))
	if file == nil || file.FpMethods == 0 {
		return
	}
	plain := *as[*sqlite3.Tsqlite3_io_methods](file.FpMethods)
	write := as[func(t T, file, from uintptr, n int32, at int64) int32](plain.FxWrite)
	flush := func(t T, file uintptr) int32 {
		n := g.n
		g.n = 0
		for from := 0; from < n; from += gatherPiece {
			if code := write(t, file, place+uintptr(from), int32(min(n-from, gatherPiece)), g.at+int64(from)); code != sqlite3.SQLITE_OK {
				return code
			}
		}
		return sqlite3.SQLITE_OK
	}
	ours := plain
	hang(g, &ours.FxWrite, func(t T, file, from uintptr, n int32, at int64) int32 {
		if g.n > 0 && (at != g.at+int64(g.n) || g.n+int(n) > gatherBytes) {
			if code := flush(t, file); code != sqlite3.SQLITE_OK {
				return code
			}
		}
		head := n == frameHead
		if !head && g.n == 0 {
			return write(t, file, from, n, at)
		}
		if g.n == 0 {
			g.at = at
		}
		g.n += copy(g.room[g.n:], unsafe.Slice(as[*byte](from), n))
		if head {
			g.last = binary.BigEndian.Uint32(g.room[g.n-frameHead+4:]) != 0 // the size of the database after a commit
			return sqlite3.SQLITE_OK
		}
		if g.last {
			return flush(t, file)
		}
		return sqlite3.SQLITE_OK
	})
	hang(g, &ours.FxRead, func(t T, file, into uintptr, n int32, at int64) int32 {
		if code := flush(t, file); code != sqlite3.SQLITE_OK {
			return code
		}
		return as[func(t T, file, into uintptr, n int32, at int64) int32](plain.FxRead)(t, file, into, n, at)
	})
	hang(g, &ours.FxTruncate, func(t T, file uintptr, size int64) int32 {
		if code := flush(t, file); code != sqlite3.SQLITE_OK {
			return code
		}
		return as[func(t T, file uintptr, size int64) int32](plain.FxTruncate)(t, file, size)
	})
	hang(g, &ours.FxSync, func(t T, file uintptr, how int32) int32 {
		if code := flush(t, file); code != sqlite3.SQLITE_OK {
			return code
		}
		return as[func(t T, file uintptr, how int32) int32](plain.FxSync)(t, file, how)
	})
	hang(g, &ours.FxFileSize, func(t T, file, size uintptr) int32 {
		if code := flush(t, file); code != sqlite3.SQLITE_OK {
			return code
		}
		return as[func(t T, file, size uintptr) int32](plain.FxFileSize)(t, file, size)
	})
	hang(g, &ours.FxClose, func(t T, file uintptr) int32 {
		g.shut = true
		return as[func(t T, file uintptr) int32](plain.FxClose)(t, file)
	})
	*as[*sqlite3.Tsqlite3_io_methods](table) = ours
	file.FpMethods = table
}

// hang puts a function into a place of the table.
func hang[F any](g *gathered, place *uintptr, f F) {
	g.kept = append(g.kept, f)
	*place = as[uintptr](f)
}

// as is a word as another kind of word: an address, a pointer, a function.
func as[To, From any](word From) To { return *(*To)(unsafe.Pointer(&word)) }
