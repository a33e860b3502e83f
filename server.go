// Command mobilepay serves the API of an auto lender's mobile pay app.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/automobilepay/mobilepay/app"
)

//go:generate go run ./graph/generate
//go:generate sh -c "go run . schema > schema.new && mv schema.new schema.graphql || { rm -f schema.new; false; }"

func main() {
	ctx, end := context.WithCancel(context.Background())
	defer end()
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		signal.Stop(signals) // before anybody knows of the first: a second one ends the process at once
		end()
	}()
	switch err := app.Run(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr); { //nolint:forbidigo // handed to config, which reads it
	case errors.Is(err, app.ErrUsage):
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "mobilepay:", err)
		os.Exit(1)
	}
}
