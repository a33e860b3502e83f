package store_test

import (
	"database/sql"
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// fill adds many rows: 200 vehicles of the owner's with 100 payments and 100
// statements each; few of the payments are pending.
func (b *books) fill() {
	b.t.Helper()
	const vehicles, each = 200, 100
	numbers := func(n int) string { return fmt.Sprintf("(SELECT * FROM generate_series(0, %d) AS s(i))", n-1) }
	date := "DATE '2020-01-01' + CAST(r.i AS integer)"
	if b.Embedded() {
		numbers = func(n int) string {
			return fmt.Sprintf("(WITH RECURSIVE s(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM s WHERE i < %d) SELECT * FROM s)", n-1)
		}
		date = "date('2020-01-01', r.i || ' days')"
	}
	b.raw(fmt.Sprintf(`INSERT INTO vehicles (id, customer_id, year, make, model, vin) SELECT 1000 + v.i, $1, 2026, '', '', '' FROM %s v`, numbers(vehicles)), b.owner)
	b.raw(fmt.Sprintf(`INSERT INTO owners (customer_id, vehicle_id) SELECT $1, 1000 + v.i FROM %s v`, numbers(vehicles)), b.owner)
	b.raw(fmt.Sprintf(`
INSERT INTO payments (customer_id, scheduled_by, vehicle_id, payment_account_id, confirmation_number, amount_cents, kind, origin, status,
    scheduled_on, credited_on, debited_on, submitted_at, cancel_by)
SELECT $1, $1, 1000 + v.i, $2, 'F-' || v.i || '-' || r.i, 1, 'REGULAR', 'CUSTOMER', CASE r.i %% 20 WHEN 0 THEN 'SCHEDULED' ELSE 'SETTLED' END,
    %[1]s, %[1]s, %[1]s, '2020-01-01 00:00:00+00:00', '2020-01-02 00:00:00+00:00'
FROM %[2]s v, %[3]s r`, date, numbers(vehicles), numbers(each)), b.owner, b.account)
	b.raw(fmt.Sprintf(`
INSERT INTO statements (customer_id, vehicle_id, issued_on, period_from, period_to, due_on,
    opening_balance_cents, closing_balance_cents, amount_due_cents, past_due_cents)
SELECT $1, 1000 + v.i, %[1]s, %[1]s, %[1]s, %[1]s, 1, 1, 1, 1 FROM %[2]s v, %[3]s r`, date, numbers(vehicles), numbers(each)), b.owner)
	b.raw("ANALYZE")
}

// choices are values for what a list of payments is filtered by: everything, or what is
// rare.
var choices = map[string][2][]string{
	"all":  {{"SCHEDULED", "PROCESSING", "APPLIED", "SETTLED", "CANCELED", "RETURNED"}, {"CUSTOMER", "AUTO_PAY"}},
	"rare": {{"RETURNED"}, {"AUTO_PAY"}},
}

// A page is read through its index, however long the list: on Postgres both with
// and without sight of the values.
func TestPagePlans(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		b.fill()
		for list, index := range map[string]string{"payments": "payments_page", "pending": "payments_pending", "statements": "statements_page"} {
			for _, descending := range []bool{false, true} {
				query := b.PageStatement(list, descending)
				plans := map[string]string{}
				for name, choice := range choices {
					filter := choice[:]
					if list != "payments" {
						filter = nil
					}
					if b.Embedded() {
						plans["only, "+name] = b.planSQLite(query, filter...)
					} else {
						plans["custom, "+name] = b.planPostgres(query, "force_custom_plan", filter...)
						plans["generic, "+name] = b.planPostgres(query, "force_generic_plan", filter...)
					}
				}
				for kind, plan := range plans {
					if !usesIndex(plan, index) {
						t.Errorf("%s, descending %t: the %s plan does not use %s as it should:\n%s", list, descending, kind, index, plan)
					}
				}
			}
		}
	})
}

// scan finds a list that is read in full.
var scan = regexp.MustCompile(`Seq Scan on (payments|statements)|SCAN (t|q|payments|statements)\b`)

func usesIndex(plan, index string) bool {
	named := regexp.MustCompile(`\b` + index + `\b`)
	return named.MatchString(plan) && !scan.MatchString(plan)
}

func (b *books) planPostgres(query, mode string, filter ...[]string) string {
	b.t.Helper()
	c, err := b.admin.Conn(b.t.Context())
	must(b.t, err)
	defer func() { must(b.t, c.Close()) }()
	_, err = c.ExecContext(b.t.Context(), "SET plan_cache_mode = "+mode+"; PREPARE page AS "+query)
	must(b.t, err)
	defer func() {
		_, err := c.ExecContext(b.t.Context(), "RESET plan_cache_mode; DEALLOCATE page")
		must(b.t, err)
	}()
	more := ""
	for _, values := range filter {
		more += ", '{" + strings.Join(values, ",") + "}'"
	}
	execute := fmt.Sprintf("EXPLAIN EXECUTE page (%d, '{%s}', '2020-02-01', 17, '9999-12-31', 9223372036854775807, 20%s)", b.owner, "1001,1002,1003", more)
	return b.lines(c, execute)
}

func (b *books) planSQLite(query string, filter ...[]string) string {
	b.t.Helper()
	c, err := b.admin.Conn(b.t.Context())
	must(b.t, err)
	defer func() { must(b.t, c.Close()) }()
	args := []any{b.owner, "[1001,1002,1003]", "2020-02-01", 17, "9999-12-31", 1 << 62, 20}
	for _, values := range filter {
		args = append(args, `["`+strings.Join(values, `","`)+`"]`)
	}
	return b.lines(c, "EXPLAIN QUERY PLAN "+query, args...)
}

// lines are the last column of a query's rows.
func (b *books) lines(c *sql.Conn, query string, args ...any) string {
	b.t.Helper()
	rows, err := c.QueryContext(b.t.Context(), query, args...)
	must(b.t, err)
	defer func() { must(b.t, rows.Close()) }()
	columns, err := rows.Columns()
	must(b.t, err)
	var lines []string
	for rows.Next() {
		values, dest := make([]string, len(columns)), make([]any, len(columns))
		for i := range values {
			dest[i] = &values[i]
		}
		must(b.t, rows.Scan(dest...))
		lines = append(lines, values[len(values)-1])
	}
	must(b.t, rows.Err())
	return strings.Join(lines, "\n")
}
