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
