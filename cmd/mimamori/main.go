// Command mimamori.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"mimamori/demo"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "demo-shop" {
		if err := demo.RunShop(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	self, _ := os.Executable()
	if err := demo.Run(ctx, demo.Options{Story: demo.Story(os.Args[1]), Once: true, Out: os.Stdout, Plain: true, ShopCommand: []string{self, "demo-shop"}}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
