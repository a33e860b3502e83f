package testenv

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"strings"
)

// Dump is all that the database holds, as text: what a thief of it would read.
func (e *Env) Dump() string {
	e.t.Helper()
	url := e.App.Config.DatabaseURL
	if path, embedded := strings.CutPrefix(url, "sqlite:"); embedded {
		var all strings.Builder
		for _, suffix := range []string{"", "-wal"} {
			file, err := os.ReadFile(path + suffix)
			if err != nil && suffix == "" {
				e.t.Fatal(err)
			}
			all.Write(file)
		}
		return all.String()
	}
	// "escape" shows bytes that are text as text
	db, err := sql.Open("postgres", url+"&bytea_output=escape")
	if err != nil {
		e.t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	dump, err := dump(e.t.Context(), db)
	if err != nil {
		e.t.Fatal(err)
	}
	return dump
}

func dump(ctx context.Context, db *sql.DB) (string, error) {
	tables, err := texts(ctx, db, `SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1`)
	if err != nil {
		return "", err
	}
	var all strings.Builder
	for _, table := range tables {
		rows, err := texts(ctx, db, `SELECT t::text FROM `+table+` t ORDER BY 1`)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&all, "%s\n%s\n", table, strings.Join(rows, "\n"))
	}
	return all.String(), nil
}

func texts(ctx context.Context, db *sql.DB, query string) (list []string, err error) {
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	return list, rows.Err()
}
