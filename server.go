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
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// A second signal ends the process at once.
	context.AfterFunc(ctx, stop)
	switch err := app.Run(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr); { //nolint:forbidigo // handed to config, which reads it
	case errors.Is(err, app.ErrUsage):
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "mobilepay:", err)
		os.Exit(1)
	}
}
