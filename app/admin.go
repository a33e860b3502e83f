package app

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/automobilepay/mobilepay/web"
)

// Admin is what operators see: metrics, and whether the process lives and is ready.
// Profiles show what is in memory, so they are there on this machine alone.
func (a *App) Admin(profiles bool) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", a.Telemetry.Handler())
	mux.Handle("GET /healthz", web.Alive())
	mux.Handle("GET /readyz", a.ready)
	if profiles {
		mux.HandleFunc("GET /debug/pprof/", pprof.Index)
		mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
		mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	}
	return mux
}

// serveAdmin listens for operators until ctx ends; where that is off, it returns when
// ctx ends. It outlives what else the process does, so that its end is seen, too.
func (a *App) serveAdmin(ctx context.Context) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", a.Config.AdminAddr)
	if err != nil {
		return err
	}
	address, ok := listener.Addr().(*net.TCPAddr)
	server := &http.Server{
		Handler:           a.Admin(ok && address.IP.IsLoopback()),
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: maxHeader,
		WriteTimeout: 2 * time.Minute, // a profile takes half a minute
	}
	a.Log.Info("telling operators", "address", listener.Addr().String(), "profiles", ok && address.IP.IsLoopback())
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
