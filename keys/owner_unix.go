//go:build unix

package keys

import (
	"os"
	"syscall"
)

// keepOwner gives a file to whom another belongs: root may rotate what the
// service's own user must read.
func keepOwner(f *os.File, like os.FileInfo) error {
	s, ok := like.Sys().(*syscall.Stat_t)
	if !ok || int(s.Uid) == os.Getuid() && int(s.Gid) == os.Getgid() {
		return nil
	}
	return f.Chown(int(s.Uid), int(s.Gid))
}
