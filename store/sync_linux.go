package store

import (
	"errors"
	"os"
	"syscall"
)

// syncData is fdatasync(2): the file's content and length, without its times,
// which would cost a journal's commit each time.
func syncData(f *os.File) error {
	for {
		if err := syscall.Fdatasync(int(f.Fd())); !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

// syncFileRangeWrite is SYNC_FILE_RANGE_WRITE of sync_file_range(2).
const syncFileRangeWrite = 2

// writeBack has the system begin to write what it holds of a file, and waits
// for nothing: the sync that follows finds it under way. It promises nothing,
// and what goes wrong the sync tells.
func writeBack(f *os.File) { _ = syscall.SyncFileRange(int(f.Fd()), 0, 0, syncFileRangeWrite) }
