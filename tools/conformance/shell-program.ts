/**
 * Go source of `/bin/sh` in the images with busybox. Debian's busybox drops environment variables
 * whose names no shell variable can have; upstream's hands them on, which tests of ConfigMaps and
 * Secrets look at. With such a variable bash takes its place, which hands them on, too.
 */
export const shellProgram = `package main

import (
	"fmt"
	"os"
	"regexp"
	"syscall"
)

var usual = regexp.MustCompile("^[A-Za-z_][A-Za-z0-9_]*=")

func main() {
	shell := "/bin/busybox"
	for _, variable := range os.Environ() {
		if !usual.MatchString(variable) {
			shell = "/usr/bin/bash"
		}
	}
	err := syscall.Exec(shell, os.Args, os.Environ())
	fmt.Fprintf(os.Stderr, "%s: %v\\n", shell, err)
	os.Exit(126)
}
`;
