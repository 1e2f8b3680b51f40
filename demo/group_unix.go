//go:build unix

package demo

import (
	"os/exec"
	"syscall"
)

// ownGroup keeps the terminal's Ctrl-C from the shop's process.
func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
