package main

import (
	"context"
	"errors"
	"log/slog"
	"os"

	"github.com/automobilepay/mobilepay/app"
	"github.com/automobilepay/mobilepay/clock"
	"github.com/automobilepay/mobilepay/config"
	"github.com/automobilepay/mobilepay/redact"
)

// serveProduct serves the product as its own command does.
func serveProduct(ctx context.Context) (err error) {
	cfg, err := config.Load(os.Environ(), config.Everything)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewJSONHandler(os.Stderr, redact.Options(cfg.LogLevel)))
	a, err := app.New(ctx, cfg, clock.System(), log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	return serveChild(ctx, a.Serve)
}
