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

// freeRoom is how many bytes may still be written to the disk of a folder; -1
// when that cannot be told.
func freeRoom(folder string) int64 {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(folder, &fs); err != nil {
		return -1
	}
	return int64(fs.Bavail) * fs.Bsize
}

// syncFileRangeWrite is SYNC_FILE_RANGE_WRITE of sync_file_range(2).
const syncFileRangeWrite = 2

// writeBack has the system begin to write what it holds of a file, and waits
// for nothing: the sync that follows finds it under way. It promises nothing,
// and what goes wrong the sync tells.
func writeBack(f *os.File) { _ = syscall.SyncFileRange(int(f.Fd()), 0, 0, syncFileRangeWrite) }
