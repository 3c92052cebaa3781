// Pause holds a pod's namespaces open and reaps its orphans; it does nothing else.
//
// `pause scrub DIR` empties a directory instead, which is how a released volume of the local cluster is made
// ready for its next claim.
package main

import (
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
)

func main() {
	if len(os.Args) == 3 && os.Args[1] == "scrub" {
		scrub(os.Args[2])
		return
	}
	pause()
}

func pause() {
	events := make(chan os.Signal, 16)
	signal.Notify(events, syscall.SIGINT, syscall.SIGTERM, syscall.SIGCHLD)
	for event := range events {
		if event != syscall.SIGCHLD {
			return
		}
		// One signal may stand for several children.
		for {
			pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
			if pid <= 0 || err != nil {
				break
			}
		}
	}
}

func scrub(dir string) {
	entries, err := os.ReadDir(dir)
	for _, entry := range entries {
		if err == nil {
			err = os.RemoveAll(filepath.Join(dir, entry.Name()))
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
